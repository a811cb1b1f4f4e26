// Objects are read in two ways, by forms and by zod: whatever the forms take, zod takes too, and makes the same of it.
import fc from 'fast-check'
import { test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { KIND_NAMES, KINDS } from '../../controller/model/kinds.ts'
import { PLAIN_CHECKS } from '../../controller/model/plain-checks.ts'
import { EXAMPLES } from '../../controller/sources/examples.ts'
import { readObject } from '../../controller/sources/manifest-object.ts'
import { readPlainObject } from '../../controller/sources/plain-object.ts'
import { isRecord } from '../../controller/sources/records.ts'

const ORIGIN = { source: 's', revision: 'r', file: 'f.yaml', line: 1 }

/** By zod; undefined for what it refuses. */
function byZod(value: unknown): unknown {
  const read = readObject(value, ORIGIN, () => undefined)
  return read.type === 'Object' ? read.object : undefined
}

/** Of all that may be declared, only this one has checks that zod alone makes. */
const WITH_FORM = KIND_NAMES.filter((kind) => KINDS[kind].writable && kind !== 'GitSource')

/** A spec in which the named plain check, and no other, finds fault; and the same mended. */
const FAULTS: readonly (readonly [check: string, kind: string, wrong: string, right: string])[] = [
  ['isDistinct', 'Collection', '{include: [a, a]}', '{include: [a, b]}'],
  ['isFewAttributes', 'Collection', `{queries: [{matchLabels: {${labels(65)}}}]}`, `{queries: [{matchLabels: {${labels(64)}}}]}`],
  ['asksSomething', 'Collection', '{queries: [{matchLabels: {}}]}', '{queries: [{matchLabels: {a: b}}]}'],
  ['saysDevices', 'Collection', '{devices: [], exclude: [a]}', '{devices: [a], exclude: [a]}'],
  ['isComparison', 'AutomaticDeploymentRule', '{criteria: {required: "5..1"}}', '{criteria: {required: "1..5"}}'],
  ['isAge', 'AutomaticDeploymentRule', '{criteria: {released: {}}}', '{criteria: {released: {within: P1M}}}'],
  ['isPhase', 'Rollout', '{group: g, phases: [{name: a, collection: b, successPercent: 90, successCount: 2}]}', '{group: g, phases: [{name: a, collection: b, successPercent: 90}]}'],
  ['isPhase', 'Rollout', '{group: g, phases: [{name: a, collection: b, successPercent: 90, failurePercent: 11}]}', '{group: g, phases: [{name: a, collection: b, successPercent: 90, failurePercent: 10}]}'],
  ['isInOneZone', 'AutomaticDeploymentRule', evaluated('DeviceLocal'), evaluated('Europe/Berlin')],
  ['isWebAddress', 'UpdateSource', '{format: MsrcCvrf, url: "ftp://a/b"}', '{format: MsrcCvrf, url: "https://a/b"}'],
  ['isFromOnePlace', 'UpdateSource', '{format: MsrcCvrf}', '{format: MsrcCvrf, path: a}'],
  ['holdsSomething', 'UpdateHold', '{reason: r}', '{reason: r, updates: [a]}'],
  ['isScheduleZone', 'AutomaticDeploymentRule', evaluated('europe/berlin'), evaluated('UTC')],
  ['isRealDate', 'MaintenanceWindow', opens('{at: "22:00", startsOn: "2026-02-29"}'), opens('{at: "22:00", startsOn: "2028-02-29"}')],
  ['isStartDay', 'MaintenanceWindow', opens('{at: "22:00", startsOn: "1969-12-31"}'), opens('{at: "22:00", startsOn: "1970-01-01"}')],
  ['isWholeDays', 'MaintenanceWindow', opens('{at: "22:00", rrule: FREQ=DAILY, offset: P5W}'), opens('{at: "22:00", rrule: FREQ=DAILY, offset: P4W}')],
  ['isRecurrence', 'MaintenanceWindow', opens('{at: "22:00"}'), opens('{at: "22:00", rrule: FREQ=DAILY}')],
  ['isWindowLength', 'MaintenanceWindow', opens('{at: "22:00", rrule: FREQ=DAILY}', 'PT4M'), opens('{at: "22:00", rrule: FREQ=DAILY}', 'PT5M')],
  ['isFreezeLength', 'Freeze', '{reason: r, schedule: {at: "22:00", rrule: FREQ=DAILY}, duration: P93D}', '{reason: r, schedule: {at: "22:00", rrule: FREQ=DAILY}, duration: P92D}'],
  ['isPeriod', 'MaintenanceWindow', opens('{at: "22:00", rrule: FREQ=DAILY}, effective: {from: "2026-01-02", until: "2026-01-01"}'), opens('{at: "22:00", rrule: FREQ=DAILY}, effective: {from: "2026-01-02", until: "2026-01-02"}')],
  ['isMoment', 'Freeze', '{reason: r, from: "2026-13-01T00:00", until: "2026-12-02T00:00"}', '{reason: r, from: "2026-12-01T00:00", until: "2026-12-02T00:00"}'],
  ['isFreeze', 'Freeze', '{reason: r, from: "2026-12-03T00:00", until: "2026-12-02T00:00"}', '{reason: r, from: "2026-12-01T00:00", until: "2026-12-02T00:00"}'],
] // biome-ignore format: a table

function labels(count: number): string {
  return Array.from({ length: count }, (_, i) => `k${i}: v`).join(', ')
}

function evaluated(timeZone: string): string {
  return `{criteria: {titles: [a]}, evaluate: {schedule: {at: "22:00", rrule: FREQ=DAILY, timeZone: ${timeZone}}}}`
}

function opens(schedule: string, duration = 'PT1H'): string {
  return `{collections: [a], duration: ${duration}, schedule: ${schedule}}`
}

function objectOf(kind: string, spec: unknown): Record<string, unknown> {
  return { apiVersion: 'ringmaster.dev/v1alpha1', kind, metadata: { name: 'n' }, spec }
}

test('every check that schemas cannot say is made without zod too', (t) => {
  for (const [check, kind, wrong, right] of FAULTS) {
    const [bad, good] = [objectOf(kind, parse(wrong)), objectOf(kind, parse(right))]
    t.strictSame([readPlainObject(bad, ORIGIN), byZod(bad)], [undefined, undefined], `${check}: ${wrong}`)
    t.ok(readPlainObject(good, ORIGIN), `${check}: ${right}`)
    t.equal(JSON.stringify(readPlainObject(good, ORIGIN)), JSON.stringify(byZod(good)), `${check}: ${right}`)
  }
  t.strictSame([...new Set(FAULTS.map(([check]) => check))].sort(), Object.keys(PLAIN_CHECKS).sort(), 'all of them')
  t.end()
})

const values: readonly unknown[] = WITH_FORM.flatMap((kind) =>
  parseAllDocuments(EXAMPLES[kind]).map((document) => document.toJS()),
)

test('every kind but one is read without zod', (t) => {
  for (const value of values) t.ok(readPlainObject(value, ORIGIN), JSON.stringify(value))
  for (const document of parseAllDocuments(EXAMPLES.GitSource))
    t.equal(readPlainObject(document.toJS(), ORIGIN), undefined)
  t.equal(readPlainObject(parse(EXAMPLES.UpdateDeployment), ORIGIN), undefined, 'nobody may declare it')
  for (const [kind, name] of [['Collection', 'all'], ['Collection', 'A'], ['Nothing', 'n']] as const) // biome-ignore format: short
    t.equal(readPlainObject({ ...objectOf(kind, { devices: ['d'] }), metadata: { name } }, ORIGIN), undefined)
  t.end()
})

/** All values of the examples, and some at the bounds: what may be put in the place of another. */
const POOL: readonly unknown[] = [
  ...values.flatMap(within),
  ...[0, 1, -1, 99, 100, 101, 1.5, 1e16, true, false, null, '', 'a', 'A', '-', 'all', 'default', 'x'.repeat(1025)],
  ...['P1M', 'P1D', 'PT4M', 'P93D', '22:00', '24:00', '2026-02-29', '2026-12-20T18:00', '>=1', 'FREQ=DAILY', 'Europe/Berlin'],
  ...[[], {}, ['a', 'a'], [1], { a: 1 }, { a: 'b' }, 'Never', 'Any', 'DeviceLocal'],
] // biome-ignore format: a table

function within(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(within)] : [value]
}

const NAMES = [...new Set(POOL.flatMap((value) => (isRecord(value) ? Object.keys(value) : [])))]

/** One place of a value changed: replaced, left out, or given another field or item. */
function changed(value: unknown, at: number, name: string, put: unknown): unknown {
  const copy = structuredClone(value)
  const places = within(copy).filter((inner) => typeof inner === 'object' && inner !== null)
  const place = places[at % places.length]
  const others = { [name]: put }
  if (Array.isArray(place)) place.splice(at % (place.length + 1), at % 2, structuredClone(put))
  else if (isRecord(place)) {
    const [field = name] = Object.keys(place).filter((_, i, all) => i === at % all.length)
    if (at % 3 === 0) delete place[field]
    else if (at % 3 === 1) place[field] = structuredClone(put)
    else Object.assign(place, structuredClone(others))
  }
  return copy
}

test('objects changed at random are taken by both or by none, and are the same', (t) => {
  const change = fc.tuple(fc.nat(), fc.constantFrom(...NAMES), fc.constantFrom(...POOL))
  let taken = 0
  let refused = 0
  const property = fc.property(
    fc.constantFrom(...values),
    fc.array(change, { minLength: 1, maxLength: 2 }),
    (value, changes) => {
      const object = changes.reduce<unknown>((before, [at, name, put]) => changed(before, at, name, put), value)
      const [plain, whole] = [readPlainObject(object, ORIGIN), byZod(object)]
      if (plain === undefined) refused++
      else taken++
      return JSON.stringify(plain) === JSON.stringify(whole)
    },
  )
  fc.assert(property, { seed: 5, numRuns: 10_000 })
  t.ok(taken > 500 && refused > 500, `${taken} were taken, ${refused} refused`)
  t.end()
})
