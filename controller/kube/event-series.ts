// Events that say the same again and again become one with a count, and no object may have them made without end. Pure: the time
// comes from outside.

export type EventNews = {
  readonly type: 'Normal' | 'Warning'
  readonly regarding: {
    readonly apiVersion: string
    readonly kind: string
    readonly name: string
    readonly uid: string
  }
  /** In one word each, in CamelCase. */
  readonly action: string
  readonly reason: string
  /** A sentence. */
  readonly note: string
}

export type EventSeries = {
  /** By what makes events the same; the longest unused first. */
  readonly known: Map<string, { readonly name: string; count: number; last: number }>
  /** By object: what it may still have made, and when that was worked out. */
  readonly budgets: Map<string, { tokens: number; at: number }>
  made: number
  dropped: number
}

export type EventMove =
  | { readonly type: 'Create'; readonly name: string }
  /** The same as before: the event of that name has happened `count` times. */
  | { readonly type: 'Count'; readonly name: string; readonly count: number }
  | { readonly type: 'Drop' }

/** After so long without its like an event is a new one. */
export const SERIES_MS = 6 * 60_000
/** So many at once for one object, then one in so long. */
export const EVENT_BURST = 25
export const EVENT_REFILL_MS = 5 * 60_000
/** Series and objects remembered. */
const MOST_KNOWN = 4096

export function newSeries(): EventSeries {
  return { known: new Map(), budgets: new Map(), made: 0, dropped: 0 }
}

/** `instance`: a text that no other process that writes events uses, for their names. */
export function nextEvent(series: EventSeries, news: EventNews, now: number, instance: string): EventMove {
  const { regarding, type, action, reason, note } = news
  if (!spend(series, `${regarding.kind}/${regarding.uid}`, now)) {
    series.dropped++
    return { type: 'Drop' }
  }
  const key = [regarding.kind, regarding.uid, type, action, reason, note].join('\0')
  const before = series.known.get(key)
  series.known.delete(key)
  if (before !== undefined && now - before.last < SERIES_MS) {
    before.count++
    before.last = now
    series.known.set(key, before)
    return { type: 'Count', name: before.name, count: before.count }
  }
  series.made++
  const name = `${regarding.name.slice(0, 63)}.${instance}.${series.made.toString(16)}`
  series.known.set(key, { name, count: 1, last: now })
  forget(series.known)
  return { type: 'Create', name }
}

function spend({ budgets }: EventSeries, object: string, now: number): boolean {
  const { tokens, at } = budgets.get(object) ?? { tokens: EVENT_BURST, at: now }
  budgets.delete(object)
  const grown = Math.min(EVENT_BURST, tokens + (now - at) / EVENT_REFILL_MS)
  budgets.set(object, { tokens: grown < 1 ? grown : grown - 1, at: now })
  forget(budgets)
  return grown >= 1
}

function forget(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= MOST_KNOWN) return
    map.delete(key)
  }
}
