// Times, lengths and numbers in the words of the status page. All times are UTC unless a zone is named; nothing depends on a locale.
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import { clip, type Html, html } from './status-page-html.ts'

/** `12,345` */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 update`, `12,345 updates` */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

/** The two largest units: `3 d 4 h`, `25 min`; less than a minute is `under a minute`. */
export function length(ms: number): string {
  if (ms < MINUTE) return 'under a minute'
  const minutes = Math.floor(ms / MINUTE)
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  if (d > 13) return `${count(d)} d`
  const units = d > 0 ? [`${d} d`, h > 0 && `${h} h`] : [h > 0 && `${h} h`, m > 0 && `${m} min`]
  return units.filter(Boolean).join(' ')
}

/** `in 3 h 20 min`, `2 d ago`, `now` */
export function distance(at: EpochMs, now: EpochMs): string {
  if (Math.abs(at - now) < MINUTE) return 'now'
  return at > now ? `in ${length(at - now)}` : `${length(now - at)} ago`
}

/** A relative time, with the absolute one for whoever points at it. */
export function relative(at: EpochMs, now: EpochMs): Html {
  return html`<time datetime="${iso(at)}" title="${absolute(at)}">${distance(at, now)}</time>`
}

/** `Tue 14 Oct 2025, 18:00 UTC` */
export function absolute(at: EpochMs): string {
  const t = zoned(at, 'UTC')
  return t === undefined ? '' : `${date(t)} ${t.year}, ${clock(t)} UTC`
}

/** `Tue 14 Oct 18:00` in a zone; in UTC when the zone is not known. */
export function dateTime(at: EpochMs, zone: string): string {
  const t = zoned(at, zone) ?? zoned(at, 'UTC')
  return t === undefined ? '' : `${date(t)} ${clock(t)}`
}

/** `Tue 14 Oct 22:00–02:00`, with both dates when it is longer than a day. */
export function stretch(from: EpochMs, until: EpochMs, zone: string): string {
  const end = zoned(until, zone) ?? zoned(until, 'UTC')
  if (end === undefined) return dateTime(from, zone)
  return `${dateTime(from, zone)} – ${until - from <= DAY ? clock(end) : `${date(end)} ${clock(end)}`}`
}

export function iso(at: EpochMs): string {
  return zoned(at, 'UTC')?.toInstant().toString({ smallestUnit: 'second' }) ?? ''
}

export function percentOf(part: number, whole: number): string {
  if (whole === 0) return '–'
  // Rounded down: 100 % is said of all alone.
  return `${Math.floor((part * 100) / whole)} %`
}

/** A message for people: what stands between backticks is shown as code, and instants as elsewhere on the page. */
export function prose(text: string, limit: number): Html {
  const parts = clip(text, limit).split('`')
  const last = parts.length - 1
  return html`${parts.map((part, i) => {
    if (i % 2 === 0) return dated(part)
    return i < last ? html`<code>${part}</code>` : html`${'`'}${dated(part)}`
  })}`
}

function dated(text: string): Html {
  const parts = text.split(/(\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/)
  return html`${parts.map((part, i) => (i % 2 === 1 ? written(part) : html`${part}`))}`
}

function written(instant: string): Html {
  const at = Date.parse(instant)
  return Number.isNaN(at) ? html`${instant}` : html`<time datetime="${instant}">${absolute(at)}</time>`
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function zoned(at: EpochMs, zone: string): Temporal.ZonedDateTime | undefined {
  try {
    return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  } catch {
    return undefined
  }
}

function date(t: Temporal.ZonedDateTime): string {
  return `${DAYS[t.dayOfWeek - 1]} ${t.day} ${MONTHS[t.month - 1]}`
}

function clock(t: Temporal.ZonedDateTime): string {
  return `${two(t.hour)}:${two(t.minute)}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
