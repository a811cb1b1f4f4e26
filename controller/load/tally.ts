// What came of a load: counts and latencies, in memory that does not grow with the number of requests.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export const REQUEST_KINDS = ['enrol', 'policy', 'reports'] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

/** In ms; of answers that were as they should be. */
export type Latency = {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export type KindTally = {
  readonly kind: RequestKind
  /** Answers as they should be: 200, 201 and 304. */
  readonly answered: number
  readonly perSecond: number
  readonly statuses: Readonly<Record<string, number>>
  readonly latency: Latency
}

export type LoadResult = {
  /** How long devices were enrolled, and how long they asked and reported. */
  readonly enrolSeconds: number
  readonly seconds: number
  readonly devices: number
  readonly kinds: readonly KindTally[]
  /** State messages in reports that were acknowledged. */
  readonly messages: number
  readonly messagesPerSecond: number
  /** Answers with 503 and Retry-After, which was waited for before the same was sent again. */
  readonly sentAway: number
  /** What went wrong, by kind of mistake: a status, or the code of the connection's error. */
  readonly errors: Readonly<Record<string, number>>
  /** Whether it was ended before its time. */
  readonly interrupted: boolean
}

/** Different errors that are told apart; what is beyond counts as `other`. */
const MAX_ERROR_KINDS = 50

export class Tally {
  readonly #histograms: Readonly<Record<RequestKind, RecordableHistogram>> = {
    enrol: createHistogram(),
    policy: createHistogram(),
    reports: createHistogram(),
  }
  readonly #statuses: Readonly<Record<RequestKind, Map<string, number>>> = {
    enrol: new Map(),
    policy: new Map(),
    reports: new Map(),
  }
  readonly #errors = new Map<string, number>()
  messages = 0
  sentAway = 0

  answered(kind: RequestKind, status: number, ms: number): void {
    this.#histograms[kind].record(Math.max(1, Math.round(ms * 1000)))
    count(this.#statuses[kind], String(status))
  }

  failed(what: string): void {
    count(this.#errors, this.#errors.size < MAX_ERROR_KINDS || this.#errors.has(what) ? what : 'other')
  }

  result(times: Pick<LoadResult, 'enrolSeconds' | 'seconds' | 'devices' | 'interrupted'>): LoadResult {
    const { enrolSeconds, seconds, devices, interrupted } = times
    return {
      enrolSeconds,
      seconds,
      devices,
      kinds: REQUEST_KINDS.map((kind) => this.#kind(kind, kind === 'enrol' ? enrolSeconds : seconds)),
      messages: this.messages,
      messagesPerSecond: rate(this.messages, seconds),
      sentAway: this.sentAway,
      errors: sorted(this.#errors),
      interrupted,
    }
  }

  #kind(kind: RequestKind, seconds: number): KindTally {
    const histogram = this.#histograms[kind]
    const answered = histogram.count
    const at = (percentile: number) => (answered === 0 ? 0 : histogram.percentile(percentile) / 1000)
    const latency = { p50: at(50), p90: at(90), p99: at(99), max: answered === 0 ? 0 : histogram.max / 1000 }
    return { kind, answered, perSecond: rate(answered, seconds), statuses: sorted(this.#statuses[kind]), latency }
  }
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
