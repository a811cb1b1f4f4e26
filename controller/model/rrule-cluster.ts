// The checks of rrule.ts as an API server makes them. An RRULE is NAME=VALUE parts, so that patterns can say all of it.
import { type ClusterRule, celMatches } from './cluster-rules.ts'

/** As rrule.ts reads it, whatever the case. */
const TEXT = 'self.upperAscii()'

const ONE_TO_12 = '0{0,2}[1-9]|0?1[0-2]'
const ONE_TO_31 = '0{0,2}[1-9]|0?[12][0-9]|0?3[01]'
const ONE_TO_53 = '0{0,2}[1-9]|0?[1-4][0-9]|0?5[0-3]'
const ONE_TO_366 = '0{0,2}[1-9]|0?[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6]'
const ONE_TO_10000 = '0{0,5}[1-9]|0{0,4}[1-9][0-9]|0{0,3}[1-9][0-9]{2}|0{0,2}[1-9][0-9]{3}|0?10000'
const WEEKDAY = '(?:MO|TU|WE|TH|FR|SA|SU)'
const DATE =
  '[0-9]{4}(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))' +
  '|(?:[0-9]{2}[2468][048]|[0-9]{2}[13579][26]|[0-9]{2}0[48]|[02468][048]00|[13579][26]00)0229'

function list(item: string): string {
  return `(?:${item})(?:,(?:${item}))*`
}

/** What may stand after each name. */
const VALUES = {
  FREQ: 'MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY',
  INTERVAL: ONE_TO_10000,
  COUNT: ONE_TO_10000,
  UNTIL: `(?:${DATE})(?:T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z?)?`,
  BYDAY: list(`(?:[+-]?(?:0?[1-9]|[1-4][0-9]|5[0-3]))?${WEEKDAY}`),
  WKST: WEEKDAY,
  BYMONTH: list(`[+]?(?:${ONE_TO_12})`),
  BYWEEKNO: list(`[+-]?(?:${ONE_TO_53})`),
  BYYEARDAY: list(`[+-]?(?:${ONE_TO_366})`),
  BYMONTHDAY: list(`[+-]?(?:${ONE_TO_31})`),
  BYHOUR: list('[+]?(?:0{0,2}[0-9]|0?1[0-9]|0?2[0-3])|-0{1,3}'),
  BYMINUTE: list('[+]?(?:0{0,2}[0-9]|0?[1-5][0-9])|-0{1,3}'),
  BYSETPOS: list(`[+-]?(?:${ONE_TO_366})`),
} as const
type Name = keyof typeof VALUES

const PART = Object.entries(VALUES)
  .map(([name, value]) => `${name}=(?:${value})`)
  .join('|')

const TWICE = Object.keys(VALUES)
  .map((name) => `${name}=.*;${name}=`)
  .join('|')

function holds(name: Name, subject = TEXT): string {
  return celMatches(`(^|;)${name}=`, subject)
}

function frequency(...names: string[]): string {
  return frequencyOf(TEXT, ...names)
}

function frequencyOf(subject: string, ...names: string[]): string {
  return celMatches(`(^|;)FREQ=(${names.join('|')})(;|$)`, subject)
}

const BY_NUMBERED_DAY = celMatches('(^|;)BYDAY=[^;]*[0-9]', TEXT)
const BY_DAY_ABOVE_5 = celMatches('(^|;)BYDAY=([^;]*,)?[+-]?(0?[6-9]|[1-5][0-9])[A-Z]', TEXT)
const OTHER_BY_PARTS: readonly Name[] = [
  'BYMONTH',
  'BYWEEKNO',
  'BYYEARDAY',
  'BYMONTHDAY',
  'BYDAY',
  'BYHOUR',
  'BYMINUTE',
]

/** On the text of a rule. */
export const RRULE_CLUSTER_RULES: readonly ClusterRule[] = [
  {
    rule: `${celMatches(`^(?:${PART})(?:;(?:${PART}))*$`, TEXT)} && !${TEXT}.contains('UNTIL=00')`,
    message:
      'write the parts of an RFC 5545 rule with ";" between, without "RRULE:" and spaces, such as FREQ=MONTHLY;BYDAY=2TU; FREQ=SECONDLY and BYSECOND are not supported, COUNT and INTERVAL are at most 10000',
  },
  { rule: holds('FREQ'), message: 'FREQ is missing: begin with FREQ=DAILY, WEEKLY, MONTHLY or another' },
  { rule: `!${celMatches(`(^|;)(?:${TWICE})`, TEXT)}`, message: 'give each part once' },
  { rule: `!(${holds('COUNT')} && ${holds('UNTIL')})`, message: 'COUNT and UNTIL: give one of them' },
  {
    rule: `!${BY_NUMBERED_DAY} || ${frequency('MONTHLY', 'YEARLY')}`,
    message: 'BYDAY with a number: only with FREQ=MONTHLY or YEARLY',
  },
  {
    rule: `!(${BY_NUMBERED_DAY} && ${frequency('YEARLY')} && ${holds('BYWEEKNO')})`,
    message: 'BYDAY with a number: not together with BYWEEKNO',
  },
  {
    rule: `!(${BY_DAY_ABOVE_5} && (${frequency('MONTHLY')} || ${holds('BYMONTH')}))`,
    message: 'BYDAY: a month has at most 5 of each weekday, use a number from 1 to 5 or -5 to -1',
  },
  {
    rule: `!(${holds('BYMONTHDAY')} && ${frequency('WEEKLY')})`,
    message: 'BYMONTHDAY: not with FREQ=WEEKLY, use FREQ=DAILY or MONTHLY',
  },
  {
    rule: `!(${holds('BYYEARDAY')} && ${frequency('DAILY', 'WEEKLY', 'MONTHLY')})`,
    message: 'BYYEARDAY: not with FREQ=DAILY, WEEKLY or MONTHLY, use FREQ=YEARLY',
  },
  { rule: `!${holds('BYWEEKNO')} || ${frequency('YEARLY')}`, message: 'BYWEEKNO: only with FREQ=YEARLY' },
  {
    rule: `!${holds('BYSETPOS')} || ${celMatches(`(^|;)(${OTHER_BY_PARTS.join('|')})=`, TEXT)}`,
    message: 'BYSETPOS: picks from what another BY… part gives, add one',
  },
]

const RULE = 'self.rrule.upperAscii()'
const startless = 'has(self.rrule) && !has(self.startsOn)'
const INTERVAL = `int('0' + ${RULE}.find('INTERVAL=[0-9]+').replace('INTERVAL=', ''))`
const UNTIL_DATE = `${RULE}.find('UNTIL=[0-9]{8}').replace('UNTIL=', '')`
const UNTIL_INSTANT = `${RULE}.find('UNTIL=[0-9]{8}T[0-9]{6}Z').replace('UNTIL=', '')`
const untilTimestamp = `timestamp(${[
  `${UNTIL_INSTANT}.substring(0, 4)`,
  `${UNTIL_INSTANT}.substring(4, 6)`,
  `${UNTIL_INSTANT}.substring(6, 11)`,
].join(" + '-' + ")} + ':' + ${UNTIL_INSTANT}.substring(11, 13) + ':' + ${UNTIL_INSTANT}.substring(13))`

/** On a recurrence: what the rule and its first day say together. */
export const RECURRENCE_CLUSTER_RULES: readonly ClusterRule[] = [
  {
    rule: 'has(self.rrule) || has(self.startsOn)',
    message: 'needed without rrule: the day on which it happens',
    fieldPath: '.startsOn',
  },
  {
    rule: `!(${startless}) || !${holds('COUNT', RULE)}`,
    message: 'COUNT counts from a first day: add startsOn',
    fieldPath: '.rrule',
  },
  {
    rule: `!(${startless}) || ${INTERVAL} <= 1 || (${frequencyOf(RULE, 'HOURLY')} && 24 % ${INTERVAL} == 0) || (${frequencyOf(RULE, 'MINUTELY')} && 1440 % ${INTERVAL} == 0)`,
    message: 'INTERVAL counts from a first day: add startsOn',
    fieldPath: '.rrule',
  },
  {
    rule: `!(${startless}) || !${frequencyOf(RULE, 'WEEKLY')} || ${holds('BYDAY', RULE)}`,
    message: 'FREQ=WEEKLY does not say which day: add BYDAY=… or startsOn',
    fieldPath: '.rrule',
  },
  {
    rule: `!(${startless}) || !${frequencyOf(RULE, 'MONTHLY')} || ${celMatches('(^|;)(BYDAY|BYMONTHDAY)=', RULE)}`,
    message: 'FREQ=MONTHLY does not say which day: add BYDAY=…, BYMONTHDAY=… or startsOn',
    fieldPath: '.rrule',
  },
  {
    rule: `!(${startless}) || !${frequencyOf(RULE, 'YEARLY')} || ${celMatches('(^|;)(BYDAY|BYMONTHDAY|BYYEARDAY)=', RULE)}`,
    message: 'FREQ=YEARLY does not say which day: add BYDAY=…, BYMONTHDAY=… or startsOn',
    fieldPath: '.rrule',
  },
  {
    // An instant may lie on the day before in the zone furthest east.
    rule: `!has(self.rrule) || !has(self.startsOn) || !${holds('UNTIL', RULE)} || (${UNTIL_INSTANT} == '' ? ${UNTIL_DATE} >= self.startsOn.replace('-', '') : ${untilTimestamp} + duration('14h') >= timestamp(self.startsOn + 'T00:00:00Z'))`,
    message: 'UNTIL: lies before startsOn',
    fieldPath: '.rrule',
  },
]
