// The options of `ringmaster bench agents`, each within its limits.
import { LOAD_LIMITS, type LoadPlan, PREFIX } from '../load/plan.ts'
import { durationMs } from '../model/instant.ts'
import { DEFAULT_SERVER, serverFromEnvironment } from './client.ts'

export type BenchValues = {
  readonly url?: string | undefined
  readonly devices: string
  readonly prefix: string
  readonly duration: string
  readonly rate: string
  readonly 'report-percent': string
  readonly 'reports-per-post': string
  readonly 'messages-per-report': string
  readonly connections: string
  readonly timeout: string
  readonly format: string
  readonly 'token-file'?: string | undefined
  readonly 'enrolment-key-file'?: string | undefined
}

export type Made =
  | { readonly type: 'Plan'; readonly plan: LoadPlan }
  | { readonly type: 'Wrong'; readonly message: string }

/** The load that is asked for, without its enrolment key. */
export function planFrom(values: BenchValues): Made {
  const { prefix, format, rate } = values
  const url = values.url ?? serverFromEnvironment()
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    return wrong(`--url must be an address such as ${DEFAULT_SERVER}, not ${url}`)
  if (!PREFIX.test(prefix) || prefix.length > 64)
    return wrong(`--prefix must begin with bench, as in bench-berlin, so that no real device is meant; not ${prefix}`)
  if (format !== 'text' && format !== 'json') return wrong(`--format must be text or json, not ${format}`)
  try {
    return {
      type: 'Plan',
      plan: {
        url: url.replace(/\/+$/, ''),
        prefix,
        enrolmentKey: '',
        devices: whole('devices', values.devices, 1, LOAD_LIMITS.devices),
        durationMs: milliseconds('duration', values.duration),
        rate: rate === 'max' ? undefined : whole('rate', rate, 1, LOAD_LIMITS.rate),
        reportPercent: whole('report-percent', values['report-percent'], 0, 100),
        reportsPerPost: whole('reports-per-post', values['reports-per-post'], 1, LOAD_LIMITS.reportsPerPost),
        messagesPerReport: whole(
          'messages-per-report',
          values['messages-per-report'],
          0,
          LOAD_LIMITS.messagesPerReport,
        ),
        connections: whole('connections', values.connections, 1, LOAD_LIMITS.connections),
        timeoutMs: milliseconds('timeout', values.timeout),
      },
    }
  } catch (error) {
    if (error instanceof RangeError) return wrong(error.message)
    throw error
  }
}

/** Whether nobody but this machine is meant. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function wrong(message: string): Made {
  return { type: 'Wrong', message }
}

/** Throws a RangeError for people. */
function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new RangeError(`--${option} must be a whole number from ${min} to ${max}, not ${text}`)
}

/** Throws a RangeError for people. */
function milliseconds(option: string, text: string): number {
  const ms = lengthOf(text)
  if (ms !== undefined && ms >= 1 && ms <= LOAD_LIMITS.durationMs) return Math.round(ms)
  throw new RangeError(`--${option} must be a duration up to an hour, as in PT30S, not ${text}`)
}

function lengthOf(text: string): number | undefined {
  try {
    const duration = Temporal.Duration.from(text)
    return duration.years === 0 && duration.months === 0 ? durationMs(duration) : undefined
  } catch {
    return undefined
  }
}
