// Instants as people on the spot read them. In English, whatever the machine's language.
import { DAY, type EpochMs, HOUR, MINUTE } from '../model/instant.ts'

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** "Tue 14 Oct 20:00"; with the year where it is not that of `reference`. UTC where the zone is not known here. */
export function localTime(at: EpochMs, zone: string | undefined, reference: EpochMs): string {
  const time = inZone(at, zone)
  const year = time.year === inZone(reference, zone).year ? '' : ` ${time.year}`
  return `${localDay(at, zone)}${year} ${two(time.hour)}:${two(time.minute)}`
}

/** "Tue 14 Oct". */
export function localDay(at: EpochMs, zone: string | undefined): string {
  const { dayOfWeek, day, month } = inZone(at, zone)
  return `${DAYS[dayOfWeek - 1]} ${day} ${MONTHS[month - 1]}`
}

/** "2 d 4 h"; the two largest units, nothing below a minute. */
export function lengthText(ms: number): string {
  const parts = [
    [Math.floor(ms / DAY), 'd'],
    [Math.floor((ms % DAY) / HOUR), 'h'],
    [Math.floor((ms % HOUR) / MINUTE), 'min'],
  ] as const
  const told = parts.filter(([count]) => count > 0).slice(0, 2)
  return told.length === 0 ? '0 min' : told.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** "2 d later", "4 h earlier"; empty for the same. */
export function shiftText(from: EpochMs, to: EpochMs): string {
  if (from === to) return ''
  return `${lengthText(Math.abs(to - from))} ${to > from ? 'later' : 'earlier'}`
}

/** "1,204". */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** "1 device", "1,204 devices". */
export function counted(count: number, thing: string): string {
  return `${grouped(count)} ${thing}${count === 1 ? '' : 's'}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function inZone(at: EpochMs, zone: string | undefined): Temporal.ZonedDateTime {
  const instant = Temporal.Instant.fromEpochMilliseconds(at)
  try {
    return instant.toZonedDateTimeISO(zone ?? 'UTC')
  } catch {
    return instant.toZonedDateTimeISO('UTC')
  }
}
