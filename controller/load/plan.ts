// What a load of simulated devices is: how many, how fast, for how long, each with a limit that nobody can lift by mistake.

export type LoadPlan = {
  /** Of the controller, without a slash at its end. */
  readonly url: string
  readonly devices: number
  /** Devices are named `<prefix>-000001` and so on. */
  readonly prefix: string
  readonly enrolmentKey: string
  /** How long requests are begun, in ms; what is under way then is waited for. */
  readonly durationMs: number
  /** Requests a second in all; undefined: each connection's next as soon as it has an answer. */
  readonly rate: number | undefined
  /** Of the requests, so many in a hundred are reports; the others ask for the policy. */
  readonly reportPercent: number
  readonly reportsPerPost: number
  readonly messagesPerReport: number
  readonly connections: number
  /** A request without an answer is given up after so long, in ms. */
  readonly timeoutMs: number
}

/** The most that can be asked for. A report may have more messages than that, a load may not. */
export const LOAD_LIMITS = {
  devices: 100_000,
  durationMs: 3_600_000,
  rate: 200_000,
  reportsPerPost: 100,
  messagesPerReport: 1000,
  connections: 1024,
} as const

/** So that enrolling a simulated device never voids the token of a real one. */
export const PREFIX = /^bench(-[A-Za-z0-9]+){0,4}$/

export function deviceName(prefix: string, number: number): string {
  return `${prefix}-${String(number).padStart(6, '0')}`
}

/** Whether a device has a name that a load with this prefix gives. */
export function isOfLoad(prefix: string, name: string): boolean {
  return name.startsWith(`${prefix}-`) && /^\d{6}$/.test(name.slice(prefix.length + 1))
}
