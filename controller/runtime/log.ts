// What the controller says of itself while it runs, to whoever writes it down.

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type LogFields = Readonly<Record<string, unknown>>
type Say = (message: string, fields?: LogFields) => void
export type Log = { readonly debug: Say; readonly info: Say; readonly warn: Say; readonly error: Say }

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** What is told about an error: its stack is for the log alone. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) }
  return { error: error.message, ...('code' in error && { code: error.code }), stack: error.stack }
}
