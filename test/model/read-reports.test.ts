// The quick reader of reports beside the schema: the same for what is good, and nothing of its own for what is not.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { readReports } from '../../controller/model/read-reports.ts'
import { ReportRequest } from '../../controller/model/report.ts'

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', 'x', -1, 0, 1, 3, 4, 12, 13, 1.5, 2 ** 53, 500, 301, [], {}, '500', -0),
  fc.jsonValue(),
)
const id = fc.oneof({ weight: 60, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) }, fc.constant('u'.repeat(257)))
const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 120, arbitrary: good }, { weight: 1, arbitrary: odd })
const text = (max: number) =>
  fc.oneof(fc.string({ maxLength: max }), fc.constantFrom('c'.repeat(max), 'c'.repeat(max + 1)))
const compliance = fc.record({ topic: mostly(fc.constant(500)), update: mostly(id), state: mostly(fc.nat(3)) })
const enforcement = fc.record(
  {
    topic: mostly(fc.constant(301)),
    update: mostly(id),
    state: mostly(fc.integer({ min: 1, max: 12 })),
    code: mostly(text(32)),
    message: mostly(text(512)),
  },
  { requiredKeys: ['topic', 'update', 'state'] },
)
const strange = fc.record({ topic: odd, update: odd, state: odd, __proto__: odd, more: odd }, { requiredKeys: [] })
const message = fc.oneof({ weight: 30, arbitrary: compliance }, { weight: 20, arbitrary: enforcement }, strange)
const pad = (value: number, width: number) => String(value).padStart(width, '0')
const day = fc
  .tuple(fc.nat(9999), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 31 }))
  .map(([year, month, date]) => `${pad(year, 4)}-${pad(month, 2)}-${pad(date, 2)}`)
const time = fc
  .tuple(fc.nat(24), fc.nat(60), fc.nat(60), fc.constantFrom('', '.5', '.123456789', '.'))
  .map(([hour, minute, second, part]) => `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}${part}`)
const zone = fc.constantFrom('Z', '+02:00', '-23:59', '+24:00', '+0200', '', 'z')
const instant = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('2025-01-01T00:00:00Z', '2024-02-29T23:59:59.123+02:00') },
  { weight: 2, arbitrary: fc.tuple(day, time, zone).map(([date, clock, offset]) => `${date}T${clock}${offset}`) },
  fc.constantFrom('2025-02-29T00:00:00Z', '2025-01-01', '2025-01-01T00:00Z', '', '+275760-09-13T00:00:00Z'),
)
const ids = fc.array(id, { maxLength: 4 })
const scan = fc.record(
  { required: mostly(ids), installed: mostly(ids), notRequired: mostly(ids), other: odd },
  { requiredKeys: [] },
)
const attributes = fc.dictionary(
  fc.constantFrom('os', 'ring', 'a.b', '__proto__', 'constructor', ' '),
  mostly(fc.string()),
)
const report = fc.record(
  {
    sequence: mostly(fc.integer({ min: 1 })),
    at: mostly(instant),
    attributes: mostly(attributes),
    scan: fc.oneof(fc.record({ required: ids }), scan),
    messages: mostly(fc.array(message, { maxLength: 4 })),
    surplus: odd,
  },
  { requiredKeys: ['sequence', 'at'] },
)
const plainReport = fc.record({
  sequence: fc.integer({ min: 1 }),
  at: fc.constant('2025-01-01T00:00:00Z'),
  messages: fc.array(fc.oneof(compliance, enforcement), { maxLength: 4 }),
})
const body = fc.oneof(
  fc.record({ reports: fc.array(plainReport, { minLength: 1, maxLength: 3 }) }),
  fc.record({ reports: fc.array(report, { maxLength: 3 }) }),
  fc.record({ reports: odd, more: odd }, { requiredKeys: ['reports'] }),
  odd,
)

test('what is read quickly is what the schema makes of it, and the schema refuses the rest', async (t) => {
  const seen = { quick: 0, schema: 0, refused: 0 }
  fc.assert(
    fc.property(body, (made) => {
      const text = JSON.stringify(made)
      const quick = readReports(JSON.parse(text))
      const { success, data } = ReportRequest.safeParse(JSON.parse(text))
      if (quick === undefined) seen[success ? 'schema' : 'refused']++
      else {
        seen.quick++
        if (!success) throw new Error(`the schema refuses ${text}`)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(quick)), JSON.parse(JSON.stringify(data?.reports)))
      }
    }),
    { numRuns: 4000 },
  )
  t.ok(seen.quick > 300 && seen.refused > 300, `all ways were taken: ${JSON.stringify(seen)}`)
  t.equal(seen.schema, 0, 'nothing that is good takes the long way')
})

test('the limits are those of the schema', async (t) => {
  const at = '2025-01-01T00:00:00Z'
  const one = { topic: 500, update: 'u', state: 1 }
  const many = (count: number) => Array.from({ length: count }, () => one)
  const names = (count: number) => Array.from({ length: count }, () => 'u')
  const reports = (count: number) => Array.from({ length: count }, (_, i) => ({ sequence: i + 1, at }))
  const bodies = [
    { reports: reports(100) },
    { reports: reports(101) },
    { reports: [] },
    { reports: [{ sequence: 1, at, messages: many(2000) }] },
    { reports: [{ sequence: 1, at, messages: many(2001) }] },
    { reports: [{ sequence: 1, at, scan: { installed: names(20_000) } }] },
    { reports: [{ sequence: 1, at, scan: { installed: names(20_001) } }] },
    { reports: [{ sequence: Number.MAX_SAFE_INTEGER, at, messages: [{ ...one, update: 'u'.repeat(256) }] }] },
    { reports: [{ sequence: Number.MAX_SAFE_INTEGER + 1, at }] },
  ]
  for (const value of bodies) t.equal(readReports(value) !== undefined, ReportRequest.safeParse(value).success)
})
