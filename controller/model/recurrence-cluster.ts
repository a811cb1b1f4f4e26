// The checks of recurrence.ts as an API server makes them: durations, zones, dates, and the times of freezes.
import { type ClusterPart, type ClusterRule, celMatches } from './cluster-rules.ts'

const MONTH_DAY =
  '(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])'
const LEAP_YEAR = '[0-9]{2}[2468][048]|[0-9]{2}[13579][26]|[0-9]{2}0[48]|[02468][048]00|[13579][26]00'

/** A day that the calendar has, in a pattern of RE2. */
export const REAL_DATE_PATTERN = `(?:[0-9]{4}-(?:${MONTH_DAY})|(?:${LEAP_YEAR})-02-29)`

export const REAL_DATE: ClusterPart = {
  keywords: { maxLength: 10 },
  rules: [
    {
      rule: celMatches(`^${REAL_DATE_PATTERN}$`),
      message: 'there is no such day: write YYYY-MM-DD, such as 2026-01-31',
    },
  ],
}

/** Whether the API server's own time zone database has it; unlike ours it takes Local for a zone. */
const known = `${celMatches('^[A-Za-z][A-Za-z0-9_+/-]*$')} && self != 'Local' && timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0`

export const KNOWN_ZONE: ClusterPart = {
  rules: [{ rule: known, message: 'write an IANA time zone, such as Europe/Berlin, or UTC' }],
}

export const LOCAL_OR_KNOWN_ZONE: ClusterPart = {
  rules: [
    {
      rule: `self == 'DeviceLocal' || (${known})`,
      message: 'write an IANA time zone, such as Europe/Berlin, or UTC, or DeviceLocal',
    },
  ],
}

/** CEL cannot read ISO 8601, but the number before a letter can be found: a 0 in front stands for one that is missing. */
function secondsIn(subject: string): string {
  const units: readonly (readonly [string, number])[] = [
    ['W', 604_800],
    ['D', 86_400],
    ['H', 3600],
    ['M', 60],
    ['S', 1],
  ]
  return units
    .map(([unit, seconds]) => `int('0' + ${subject}.find('[0-9]+${unit}').replace('${unit}', '')) * ${seconds}`)
    .join(' + ')
}

/** Of a duration of fixed length; the bounds are milliseconds, both included. */
export function lengthBetween(min: number, max: number, message: string): ClusterPart {
  const bounds = [`${secondsIn('self')} >= ${min / 1000}`, `${secondsIn('self')} <= ${max / 1000}`]
  return { rules: [{ rule: bounds.join(' && '), message }] }
}

const ZONE_SUFFIX = '(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])'

function isMoment(subject: string): string {
  const time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?'
  return celMatches(`^${REAL_DATE_PATTERN}T${time}${ZONE_SUFFIX}?$`, subject)
}

export const MOMENT: ClusterPart = {
  keywords: { maxLength: 32 },
  rules: [
    {
      rule: isMoment('self'),
      message: 'write a real time as wall-clock, 2026-12-20T18:00, or as an instant, 2026-12-20T18:00:00Z',
    },
  ],
}

const both = 'has(self.from) && has(self.until)'
const isInstant = (field: string) => celMatches(`${ZONE_SUFFIX}$`, field)

/** RFC 3339 wants seconds and a zone; of two wall-clock times it makes no difference which. */
function timestampOf(field: string): string {
  const whole = `(${celMatches('T[0-9]{2}:[0-9]{2}:', field)} ? ${field} : ${field}.substring(0, 16) + ':00' + ${field}.substring(16))`
  return `timestamp(${isInstant(field)} ? ${whole} : ${whole} + 'Z')`
}

export const FREEZE_CLUSTER_RULES: readonly ClusterRule[] = [
  {
    rule: '!((has(self.from) || has(self.until)) && (has(self.schedule) || has(self.duration)))',
    message: 'give from and until, or schedule and duration, not both',
  },
  {
    rule: 'has(self.from) || has(self.until) || has(self.schedule) || has(self.duration)',
    message: 'give from and until (once), or schedule and duration (again and again)',
  },
  { rule: 'has(self.from) == has(self.until)', message: 'from and until go together: give both' },
  { rule: 'has(self.schedule) == has(self.duration)', message: 'schedule and duration go together: give both' },
  {
    rule: '!has(self.schedule) || !has(self.timeZone)',
    message: 'leave it out: the schedule has its own timeZone',
    fieldPath: '.timeZone',
  },
  {
    rule: `!(${both}) || ${isInstant('self.from')} == ${isInstant('self.until')}`,
    message: 'write from and until both as wall-clock times, or both with Z or an offset',
    fieldPath: '.until',
  },
  {
    rule: `!(${both}) || !has(self.timeZone) || !${isInstant('self.from')}`,
    message: 'leave it out: from and until say their offset themselves',
    fieldPath: '.timeZone',
  },
  {
    rule: `!(${both}) || !${isMoment('self.from')} || !${isMoment('self.until')} || ${timestampOf('self.until')} > ${timestampOf('self.from')}`,
    message: 'must be after from',
    fieldPath: '.until',
  },
]
