// Times as people declare them: durations, time zones, recurrences, and the times of maintenance windows and freezes
// (semantics.md §4, §5). Parsed objects keep the declared texts, so that they stay plain JSON; schedule/ evaluates them.
import { z } from 'zod'
import { alsoInCluster, celMatches, onlyInCluster } from './cluster-rules.ts'
import { durationMs, HOUR } from './instant.ts'
import {
  FREEZE_CLUSTER_RULES,
  KNOWN_ZONE,
  LOCAL_OR_KNOWN_ZONE,
  lengthBetween,
  MOMENT,
  REAL_DATE,
} from './recurrence-cluster.ts'
import { durationError, momentError, timeError } from './recurrence-words.ts'
import { parseRrule, whyStartNeeded } from './rrule.ts'
import { RECURRENCE_CLUSTER_RULES, RRULE_CLUSTER_RULES } from './rrule-cluster.ts'

export const DEVICE_LOCAL = 'DeviceLocal'

const LOOK_AHEAD = /\(\?[=!][^()]*\)/g
const FIXED_DURATION = /^P(?!$)(\d{1,5}W)?(\d{1,6}D)?(T(?=\d)(\d{1,7}H)?(\d{1,8}M)?(\d{1,9}S)?)?$/
const ANY_DURATION = /^P(?!$)(\d{1,4}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,6}D)?(T(?=\d)(\d{1,7}H)?(\d{1,8}M)?(\d{1,9}S)?)?$/

// RE2 has no look-ahead: that something follows the P, and something the T, is said by how the text ends.
const DURATION_IN_CLUSTER = {
  keywords: { pattern: FIXED_DURATION.source.replaceAll(LOOK_AHEAD, ''), maxLength: 64 },
  rules: [{ rule: celMatches('[WDHMS]$'), message: 'write an ISO 8601 duration, such as P7D or PT2H' }],
}
const CALENDAR_DURATION_IN_CLUSTER = {
  keywords: { pattern: ANY_DURATION.source.replaceAll(LOOK_AHEAD, ''), maxLength: 64 },
  rules: [{ rule: celMatches('[YMWDHS]$'), message: 'write an ISO 8601 duration, such as P1M or P7D' }],
}

/** An ISO 8601 duration of fixed length, not negative, in whole numbers: weeks, days, hours, minutes, seconds. */
export const Duration = z
  .string({ error: () => 'write an ISO 8601 duration in quotes, such as "P7D" or "PT2H"' })
  .regex(FIXED_DURATION, { error: (issue) => durationProblem(String(issue.input), false) })
  .check(onlyInCluster(DURATION_IN_CLUSTER))
  .describe('ISO 8601 duration of fixed length (weeks, days, hours, minutes, seconds), such as P7D or PT2H.')
export type Duration = z.infer<typeof Duration>

/** As `Duration`, and also years and months, whose length depends on the date they are counted from. */
export const CalendarDuration = z
  .string({ error: () => 'write an ISO 8601 duration in quotes, such as "P1M" or "P7D"' })
  .regex(ANY_DURATION, { error: (issue) => durationProblem(String(issue.input), true) })
  .check(onlyInCluster(CALENDAR_DURATION_IN_CLUSTER))
  .describe('ISO 8601 duration, also in months and years, such as P1M or P7D.')
export type CalendarDuration = z.infer<typeof CalendarDuration>

export const TimeZone = z
  .string({ error: () => 'write an IANA time zone, such as Europe/Berlin, or UTC' })
  .min(1)
  .max(64)
  .check(
    alsoInCluster(
      z.superRefine<string>((text, context) => {
        if (timeZoneId(text) !== text) context.addIssue({ code: 'custom', message: timeZoneError(text) })
      }),
      KNOWN_ZONE,
    ),
  )
  .describe('IANA time zone, such as Europe/Berlin, or UTC.')
export type TimeZone = z.infer<typeof TimeZone>

export const ScheduleZone = z
  .string({ error: () => `write an IANA time zone, such as Europe/Berlin, or ${DEVICE_LOCAL}` })
  .min(1)
  .max(64)
  .check(
    alsoInCluster(
      z.superRefine<string>((text, context) => {
        if (text === DEVICE_LOCAL || timeZoneId(text) === text) return
        const local = /^(device[ _-]?local|local)$/i.test(text)
        context.addIssue({
          code: 'custom',
          message: local ? `write ${DEVICE_LOCAL}` : `${timeZoneError(text)}, or ${DEVICE_LOCAL}`,
        })
      }),
      LOCAL_OR_KNOWN_ZONE,
    ),
  )
  .describe(
    'IANA time zone, such as Europe/Berlin, or DeviceLocal: the same wall-clock time on each device, wherever it is.',
  )
export type ScheduleZone = z.infer<typeof ScheduleZone>

/** A date of the Gregorian calendar, "YYYY-MM-DD". */
export const CalendarDate = z
  .string({ error: () => 'write a date in quotes, such as "2026-01-31"' })
  .regex(/^\d{4}-\d\d-\d\d$/, { error: (issue) => `"${issue.input}" is no date: write YYYY-MM-DD, such as 2026-01-31` })
  .check(
    alsoInCluster(
      z.refine<string>((text) => !/^\d{4}-\d\d-\d\d$/.test(text) || isRealDate(text), {
        error: (issue) => `${issue.input}: there is no such day`,
      }),
      REAL_DATE,
    ),
  )
  .describe('Date, YYYY-MM-DD.')
export type CalendarDate = z.infer<typeof CalendarDate>

export const Recurrence = z
  .strictObject({
    rrule: z
      .string({ error: () => 'write an RFC 5545 rule, such as FREQ=MONTHLY;BYDAY=2TU' })
      .max(1024)
      .check(onlyInCluster({ rules: RRULE_CLUSTER_RULES }))
      .optional()
      .describe(
        'RFC 5545 RRULE value without "RRULE:", such as FREQ=MONTHLY;BYDAY=2TU. Absent: once, on `startsOn`. Hours and minutes are counted on the wall clock. FREQ=SECONDLY and BYSECOND are not supported.',
      ),
    at: z
      .string({ error: () => 'write a time of day in quotes, such as "22:00"' })
      .regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, { error: (issue) => timeError(String(issue.input)) })
      .describe(
        'Wall-clock time, HH:MM or HH:MM:SS. A time that daylight saving skips is the first instant after the gap; one that exists twice is the first. BYHOUR and BYMINUTE replace its hour and minute.',
      ),
    startsOn: CalendarDate.check(
      alsoInCluster(
        z.refine<string>((text) => !isRealDate(text) || (text >= '1970-01-01' && text <= '2099-12-31'), {
          error: () => 'must be from 1970-01-01 to 2099-12-31',
        }),
        {
          rules: [
            { rule: "self >= '1970-01-01' && self <= '2099-12-31'", message: 'must be from 1970-01-01 to 2099-12-31' },
          ],
        },
      ),
    )
      .optional()
      .describe(
        'The first day that counts (DTSTART), YYYY-MM-DD. It is an occurrence only if the rule gives it. Needed without rrule, with COUNT, with an INTERVAL above 1, and where the rule does not say on which day. Default: 1970-01-01.',
      ),
    timeZone: ScheduleZone.default('UTC'),
    offset: z
      .string({ error: () => 'write whole days, such as "P4D" or "-P1D"' })
      .regex(/^-?P\d{1,2}[DW]$/, {
        error: (issue) => `"${issue.input}" is not in whole days: write for example P4D or -P1D`,
      })
      .check(
        alsoInCluster(
          z.refine<string>((text) => Math.abs(offsetDays(text)) <= 31, {
            error: () => 'at most 31 days either way (P31D, -P31D)',
          }),
          {
            keywords: { maxLength: 8 },
            rules: [
              {
                rule: celMatches('^-?P([0-2]?[0-9]D|3[01]D|0?[0-4]W)$'),
                message: 'write at most 31 days either way, such as P4D, -P1D or P2W',
              },
            ],
          },
        ),
      )
      .default('P0D')
      .describe(
        'Days between the day that the rule gives and the real one: P4D with the second Tuesday is the Saturday after Patch Tuesday, also when that lies in the next month. UNTIL and COUNT look at the day that the rule gives.',
      ),
  })
  .check(
    alsoInCluster(
      z.superRefine<{ rrule?: string | undefined; startsOn?: string | undefined }>((value, context) => {
        for (const { path, message } of recurrenceErrors(value))
          context.addIssue({ code: 'custom', path: [path], message })
      }),
      { rules: RECURRENCE_CLUSTER_RULES },
    ),
  )
export type Recurrence = z.infer<typeof Recurrence>

export const MaintenanceWindowTimes = z.strictObject({
  schedule: Recurrence.describe('When the window opens.'),
  duration: durationBetween('PT5M', 'PT24H', 'for more, write windows that touch: they merge into one').describe(
    'How long it stays open, from 5 minutes (PT5M) to 24 hours (PT24H). In elapsed time, whatever the clocks do meanwhile. The window belongs to the day on which it opens.',
  ),
  effective: z
    .strictObject({
      from: CalendarDate.optional().describe('The first day on which the window may open.'),
      until: CalendarDate.optional().describe('The last day on which the window may open.'),
    })
    .check(
      alsoInCluster(
        z.superRefine<{ from?: string | undefined; until?: string | undefined }>(({ from, until }, context) => {
          if (from !== undefined && until !== undefined && until < from)
            context.addIssue({ code: 'custom', path: ['until'], message: `must not be before from (${from})` })
        }),
        {
          rules: [
            {
              rule: '!has(self.from) || !has(self.until) || self.until >= self.from',
              message: 'must not be before from',
              fieldPath: '.until',
            },
          ],
        },
      ),
    )
    .optional()
    .describe("Days, both included, in the schedule's time zone. Default: always."),
})
export type MaintenanceWindowTimes = z.infer<typeof MaintenanceWindowTimes>

const FreezeMoment = z
  .string({ error: () => 'write a time in quotes, such as "2026-12-20T18:00" or "2026-12-20T18:00:00Z"' })
  .check(
    alsoInCluster(
      z.refine<string>((text) => parseMoment(text) !== undefined, {
        error: (issue) => momentError(String(issue.input)),
      }),
      MOMENT,
    ),
  )

/** Either `from` and `until`, or `schedule` and `duration`: see `freezePeriod`. */
export const FreezeTimes = z
  .strictObject({
    from: FreezeMoment.optional().describe(
      'Begin of a freeze that happens once: wall-clock (2026-12-20T18:00) in `timeZone`, or an instant (2026-12-20T18:00:00Z).',
    ),
    until: FreezeMoment.optional().describe('Its end, written the same way as `from`.'),
    timeZone: ScheduleZone.optional().describe(
      'Time zone of wall-clock `from` and `until`, or DeviceLocal. Default: UTC.',
    ),
    schedule: Recurrence.optional().describe('When a freeze that recurs begins, in place of `from` and `until`.'),
    duration: durationBetween('PT5M', 'P92D', 'for more, use from and until')
      .optional()
      .describe('How long a freeze that recurs lasts, from 5 minutes (PT5M) to 92 days (P92D).'),
  })
  .check(
    alsoInCluster(
      z.superRefine<FreezeFields>((value, context) => {
        for (const { path, message } of freezeErrors(value))
          context.addIssue({ code: 'custom', path: path === '' ? [] : [path], message })
      }),
      { rules: FREEZE_CLUSTER_RULES },
    ),
  )
export type FreezeTimes = z.infer<typeof FreezeTimes>

export type FreezePeriod =
  | { readonly type: 'Once'; readonly from: string; readonly until: string; readonly timeZone: string }
  | { readonly type: 'Recurring'; readonly schedule: Recurrence; readonly duration: Duration }

/** Which of the two forms a freeze has; undefined when it has neither, which `FreezeTimes` refuses. */
export function freezePeriod({ from, until, timeZone, schedule, duration }: FreezeTimes): FreezePeriod | undefined {
  if (schedule !== undefined && duration !== undefined) return { type: 'Recurring', schedule, duration }
  if (from !== undefined && until !== undefined) return { type: 'Once', from, until, timeZone: timeZone ?? 'UTC' }
  return undefined
}

/** Throws a RangeError on text that neither `Duration` nor `CalendarDuration` accepts. */
export function parseDuration(text: string): Temporal.Duration {
  if (!ANY_DURATION.test(text)) throw new RangeError(durationProblem(text, true))
  return Temporal.Duration.from(text)
}

/** Whole days of an `offset`, negative before the day that the rule gives. */
export function offsetDays(offset: string): number {
  const [, minus, number, unit] = /^(-?)P(\d{1,2})([DW])$/.exec(offset) ?? []
  const days = Number(number) * (unit === 'W' ? 7 : 1)
  return minus === '-' && days !== 0 ? -days : days
}

/** The IANA zone's name in its right spelling; undefined when the runtime does not know it. A bare offset is no zone. */
export function timeZoneId(text: string): string | undefined {
  if (!/^[A-Za-z][\w+/-]{0,63}$/.test(text)) return undefined
  try {
    return new Temporal.ZonedDateTime(0n, text).timeZoneId
  } catch {
    return undefined
  }
}

/** A time as freezes give it: an instant, or wall-clock time counted as if it were UTC. Undefined when it cannot be read. */
export function parseMoment(text: string): { readonly type: 'Wall' | 'Instant'; readonly at: number } | undefined {
  const [, date = '', zone] =
    /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const at = isRealDate(date) ? Date.parse(zone === undefined ? `${text}Z` : text) : Number.NaN
  return Number.isNaN(at) ? undefined : { type: zone === undefined ? 'Wall' : 'Instant', at }
}

/** Whether a text is a date, "YYYY-MM-DD", that the calendar has. */
export function isRealDate(text: string): boolean {
  const parsed = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(text)
}

type FieldError = { readonly path: string; readonly message: string }

function recurrenceErrors({
  rrule,
  startsOn,
}: {
  rrule?: string | undefined
  startsOn?: string | undefined
}): FieldError[] {
  if (rrule === undefined)
    return startsOn === undefined
      ? [{ path: 'startsOn', message: 'needed without rrule: the day on which it happens' }]
      : []
  const parsed = parseRrule(rrule)
  if (parsed.type === 'Errors') return parsed.errors.map((message) => ({ path: 'rrule', message }))
  const { until } = parsed.rule
  if (startsOn === undefined) {
    const message = whyStartNeeded(parsed.rule)
    return message === undefined ? [] : [{ path: 'rrule', message }]
  }
  // An instant may lie on the day before in the zone furthest east.
  if (until !== undefined && until.at + (until.type === 'Instant' ? 14 * HOUR : 0) < Date.parse(startsOn))
    return [{ path: 'rrule', message: `UNTIL: lies before startsOn (${startsOn})` }]
  return []
}

type FreezeFields = {
  from?: string | undefined
  until?: string | undefined
  timeZone?: string | undefined
  schedule?: unknown
  duration?: string | undefined
}

function freezeErrors({ from, until, timeZone, schedule, duration }: FreezeFields): FieldError[] {
  const once = from !== undefined || until !== undefined
  const recurring = schedule !== undefined || duration !== undefined
  if (once && recurring) return [{ path: '', message: 'give from and until, or schedule and duration, not both' }]
  if (!once && !recurring)
    return [{ path: '', message: 'give from and until (once), or schedule and duration (again and again)' }]
  if (recurring) {
    if (schedule === undefined) return [{ path: 'schedule', message: 'needed with duration' }]
    if (duration === undefined) return [{ path: 'duration', message: 'needed with schedule' }]
    return timeZone === undefined
      ? []
      : [{ path: 'timeZone', message: 'leave it out: the schedule has its own timeZone' }]
  }
  if (from === undefined) return [{ path: 'from', message: 'needed with until' }]
  if (until === undefined) return [{ path: 'until', message: 'needed with from' }]
  const [begin, end] = [parseMoment(from), parseMoment(until)]
  if (begin === undefined || end === undefined) return []
  if (begin.type !== end.type)
    return [{ path: 'until', message: 'write from and until both as wall-clock times, or both with Z or an offset' }]
  if (begin.type === 'Instant' && timeZone !== undefined)
    return [{ path: 'timeZone', message: 'leave it out: from and until say their offset themselves' }]
  return end.at > begin.at ? [] : [{ path: 'until', message: `must be after from (${from})` }]
}

function durationBetween(least: string, most: string, instead: string) {
  const [min, max] = [durationMs(parseDuration(least)), durationMs(parseDuration(most))]
  return Duration.check(
    alsoInCluster(
      z.superRefine<string>((text, context) => {
        if (!FIXED_DURATION.test(text)) return
        const length = durationMs(parseDuration(text))
        if (length < min) context.addIssue({ code: 'custom', message: `${text} is too short: at least ${least}` })
        if (length > max)
          context.addIssue({ code: 'custom', message: `${text} is too long: at most ${most}; ${instead}` })
      }),
      lengthBetween(min, max, `must be at least ${least} and at most ${most}; ${instead}`),
    ),
  )
}

function durationProblem(text: string, calendar: boolean): string {
  return durationError(text, calendar, ANY_DURATION.test(text))
}

function timeZoneError(text: string): string {
  const spelled = timeZoneId(text)
  if (spelled !== undefined) return `write ${spelled}`
  const example = 'an IANA name such as Europe/Berlin, or UTC'
  if (/^(UTC|GMT)?[+-]?\d/i.test(text))
    return `"${text}" is an offset, which knows no daylight saving: write ${example}`
  if (/ time$/i.test(text)) return `"${text}" is a Windows name: write ${example}`
  const city = `/${text.toLowerCase().replaceAll(' ', '_')}`
  const meant = Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase().endsWith(city))
  return `"${text}" is no time zone: write ${meant ?? example}`
}
