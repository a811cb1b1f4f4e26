// The checks of declared objects that schemas cannot say, without zod: by these names the schemas refer to them where they
// make the same check (cluster-rules.ts), and plain-forms.ts looks them up.
import { isAge, parseComparison } from './criterion.ts'
import { asksSomething, isFewAttributes, saysDevices } from './membership.ts'
import { thresholdErrors } from './resolved-plan.ts'
import {
  DEVICE_LOCAL,
  FREEZE_LENGTH,
  freezeErrors,
  isRealDate,
  isStartDay,
  isWholeDays,
  lengthTo,
  parseMoment,
  recurrenceErrors,
  timeZoneId,
  WINDOW_LENGTH,
} from './times.ts'

// The host is looked at more closely when it is fetched from.
export const WEB_ADDRESS = /^https?:\/\/([^\s/?#@]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#]\S*)?$/

export function isWebAddress(text: string): boolean {
  return WEB_ADDRESS.test(text) && URL.canParse(text)
}

export function isFromOnePlace({ path, url }: { readonly path?: unknown; readonly url?: unknown }): boolean {
  return (path === undefined) !== (url === undefined)
}

export function holdsSomething(hold: { readonly updates?: unknown; readonly articleIds?: unknown }): boolean {
  return hold.updates !== undefined || hold.articleIds !== undefined
}

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean

export const PLAIN_CHECKS = {
  isDistinct: (value) => Array.isArray(value) && new Set(value).size === value.length,
  isFewAttributes: ofFields(isFewAttributes),
  asksSomething: ofFields((query) =>
    asksSomething({ matchLabels: record(query.matchLabels), matchExpressions: list(query.matchExpressions) }),
  ),
  saysDevices: ofFields((spec) =>
    saysDevices({ devices: list(spec.devices), queries: list(spec.queries), include: list(spec.include) }),
  ),
  isComparison: ofText((text) => parseComparison(text) !== undefined),
  isAge: ofFields(isAge),
  isPhase: ofFields(
    (phase) =>
      thresholdErrors({
        successPercent: number(phase.successPercent),
        successCount: number(phase.successCount),
        failurePercent: number(phase.failurePercent),
      }).length === 0,
  ),
  isInOneZone: ofFields(({ timeZone }) => timeZone !== DEVICE_LOCAL),
  isWebAddress: ofText(isWebAddress),
  isFromOnePlace: ofFields(isFromOnePlace),
  holdsSomething: ofFields(holdsSomething),
  isScheduleZone: ofText((zone) => zone === DEVICE_LOCAL || timeZoneId(zone) === zone),
  isRealDate: ofText(isRealDate),
  isStartDay: ofText(isStartDay),
  isWholeDays: ofText(isWholeDays),
  isRecurrence: ofFields(
    ({ rrule, startsOn }) => recurrenceErrors({ rrule: text(rrule), startsOn: text(startsOn) }).length === 0,
  ),
  isWindowLength: ofText((duration) => lengthTo(duration, WINDOW_LENGTH) === 'Fits'),
  isFreezeLength: ofText((duration) => lengthTo(duration, FREEZE_LENGTH) === 'Fits'),
  isPeriod: ofFields(({ from = '', until }) => until === undefined || String(until) >= String(from)),
  isMoment: ofText((moment) => parseMoment(moment) !== undefined),
  isFreeze: ofFields(
    ({ from, until, timeZone, schedule, duration }) =>
      freezeErrors({
        from: text(from),
        until: text(until),
        timeZone: text(timeZone),
        schedule,
        duration: text(duration),
      }).length === 0,
  ),
} as const satisfies Readonly<Record<string, Check>>
export type PlainCheck = keyof typeof PLAIN_CHECKS

function ofText(holds: (text: string) => boolean): Check {
  return (value) => typeof value === 'string' && holds(value)
}

function ofFields(holds: (fields: Fields) => boolean): Check {
  return (value) => isFields(value) && holds(value)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function list(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined
}

function record(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined
}
