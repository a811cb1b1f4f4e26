// The log: lines for people on a terminal, JSON for machines. The one importer of pino.
import { pino } from 'pino'
import type { Log, LogLevel } from '../runtime/log.ts'

export type LogOptions = {
  readonly level?: LogLevel
  /** Lines for people instead of JSON. */
  readonly text?: boolean
  readonly write: (line: string) => void
  /** The present, RFC 3339; the controller's own clock may run faster than the real one. */
  readonly now: () => string
}

/** Logs with pino; each line ends with its line break. */
export function newLog({ level = 'info', text = false, write, now }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${now()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: text ? (line: string) => write(asText(line)) : write },
  )
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  }
}

function asText(line: string): string {
  const { level, time, message, type, rule, rollout, phase, error } = fieldsOf(line)
  const when = String(time).replace('T', ' ').replace(/\.\d+/, '')
  const mark = level === 'warn' || level === 'error' ? `${String(level)}: ` : ''
  const subject = [type, rollout ?? rule, phase].filter((part) => part !== undefined).join(' ')
  const told = [subject, message, error].filter((part) => part !== undefined && part !== '').join(': ')
  return `${when}  ${mark}${printable(told)}\n`
}

function fieldsOf(line: string): Record<string, unknown> {
  const fields: unknown = JSON.parse(line)
  return typeof fields === 'object' && fields !== null ? { ...fields } : {}
}

// A message may quote what a device or a feed said: nothing of it may steer the terminal.
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
