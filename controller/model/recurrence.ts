// Times as people declare them: durations, time zones, recurrences, and the times of maintenance windows and freezes
// (semantics.md §4, §5). Parsed objects keep the declared texts, so that they stay plain JSON; schedule/ evaluates them.
import { z } from 'zod'
import { alsoInCluster, celMatches, onlyInCluster } from './cluster-rules.ts'
import type { PlainCheck } from './plain-checks.ts'
import {
  FREEZE_CLUSTER_RULES,
  KNOWN_ZONE,
  LOCAL_OR_KNOWN_ZONE,
  lengthBetween,
  MOMENT,
  REAL_DATE,
} from './recurrence-cluster.ts'
import { momentError, timeError } from './recurrence-words.ts'
import { RECURRENCE_CLUSTER_RULES, RRULE_CLUSTER_RULES } from './rrule-cluster.ts'
import {
  ANY_DURATION,
  DEVICE_LOCAL,
  durationProblem,
  FIXED_DURATION,
  FREEZE_LENGTH,
  type FreezeFields,
  freezeErrors,
  isRealDate,
  isStartDay,
  isWholeDays,
  type LengthBounds,
  lengthTo,
  parseMoment,
  recurrenceErrors,
  timeZoneError,
  timeZoneId,
  WINDOW_LENGTH,
} from './times.ts'

const LOOK_AHEAD = /\(\?[=!][^()]*\)/g

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
      'isScheduleZone',
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
      'isRealDate',
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
        z.refine<string>((text) => !isRealDate(text) || isStartDay(text), {
          error: () => 'must be from 1970-01-01 to 2099-12-31',
        }),
        {
          rules: [
            { rule: "self >= '1970-01-01' && self <= '2099-12-31'", message: 'must be from 1970-01-01 to 2099-12-31' },
          ],
        },
        'isStartDay',
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
          z.refine<string>(isWholeDays, {
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
          'isWholeDays',
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
      'isRecurrence',
    ),
  )
export type Recurrence = z.infer<typeof Recurrence>

export const MaintenanceWindowTimes = z.strictObject({
  schedule: Recurrence.describe('When the window opens.'),
  duration: durationBetween(
    WINDOW_LENGTH,
    'for more, write windows that touch: they merge into one',
    'isWindowLength',
  ).describe(
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
        'isPeriod',
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
      'isMoment',
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
    duration: durationBetween(FREEZE_LENGTH, 'for more, use from and until', 'isFreezeLength')
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
      'isFreeze',
    ),
  )
export type FreezeTimes = z.infer<typeof FreezeTimes>

function durationBetween(bounds: LengthBounds, instead: string, plain: PlainCheck) {
  const { least, most } = bounds
  return Duration.check(
    alsoInCluster(
      z.superRefine<string>((text, context) => {
        if (!FIXED_DURATION.test(text)) return
        const length = lengthTo(text, bounds)
        if (length === 'TooShort')
          context.addIssue({ code: 'custom', message: `${text} is too short: at least ${least}` })
        if (length === 'TooLong')
          context.addIssue({ code: 'custom', message: `${text} is too long: at most ${most}; ${instead}` })
      }),
      lengthBetween(bounds.min, bounds.max, `must be at least ${least} and at most ${most}; ${instead}`),
      plain,
    ),
  )
}
