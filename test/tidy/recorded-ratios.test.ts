// What CI holds the benchmark to: the record is sound, and the judgement on it is.
import { test } from 'tap'
import type { Row } from '../bench/measure.ts'
import { missesOf, missText, readRecorded, recordOf } from '../bench/ratios.ts'

test('the record names machine and date, and ratios that are numbers above nought', async (t) => {
  const { machine, date, ratios, leftOut } = readRecorded()
  t.match(machine, /short sizes/)
  t.match(date, /^\d{4}-\d\d-\d\d$/)
  t.ok(Object.keys(ratios).length >= 5, 'most subjects have something to be held to')
  for (const [subject, figures] of Object.entries(ratios))
    for (const [name, ratio] of Object.entries(figures)) {
      t.ok(ratio > 0, `${subject}: ${name}`)
      t.equal(leftOut[subject]?.[name], undefined, 'and is not left out as well')
    }
})

test('a figure below 60 % of its record is a miss, by the best run of each side', async (t) => {
  const recorded = { a: 10, b: 10 }
  t.same(missesOf(recorded, [row('a', [10, 90], [60]), row('b', [10], [61, 500])]), [])
  t.same(missesOf(recorded, [row('a', [10, 11], [59, 90]), row('b', [10], [100])]), [
    { name: 'a', recorded: 10, measured: 5.9 },
  ])
})

test('a second run makes good for the first, and a figure that is gone is a miss', async (t) => {
  const slow = [row('a', [10], [10])]
  t.same(missesOf({ a: 10 }, slow, [row('a', [10], [99])]), [])
  t.equal(missesOf({ a: 10 }, slow, slow).length, 1)
  const [gone] = missesOf({ other: 2 }, slow)
  t.match(gone, { name: 'other', measured: undefined })
  if (gone !== undefined) t.match(missText('rules', gone), /record anew/)
})

test('what is recorded is the middle of steady runs; what is not steady is left out, and so is what has no baseline', async (t) => {
  const { baseline: _, ...alone } = row('alone', [10], [10])
  const runs = [10, 12, 11].map((steady, i) => [
    row('steady', [10], [steady * 10]),
    row('wild of 12 bytes', [10], [i === 0 ? 10 : 100]),
    alone,
  ])
  t.same(recordOf(runs), { ratios: { steady: 11 }, leftOut: { 'wild of bytes': '1 to 10 in 3 runs' } })
})

function row(name: string, ours: readonly number[], baseline: readonly number[]): Row {
  const timing = (ms: readonly number[]) => ({ operations: 1, ms })
  return { subject: 's', name, operation: 'o', ours: timing(ours), baseline: { ...timing(baseline), what: 'plain' } }
}
