// What criteria are judged by, each held to the plain way that it stands for: texts looked for in one pass, whole values told apart by
// their ends, ages reckoned without a calendar, rows found by their day.
import fc from 'fast-check'
import { test } from 'tap'
import { ageBounds, compileCriteria } from '../../controller/catalog/compiled-criteria.ts'
import { needlesIn, newNeedles } from '../../controller/catalog/needles.ts'
import { isListed, newRowsByDay, putRow, rowsBetween, takeRow } from '../../controller/catalog/rows-by-day.ts'
import { articleNumber, lowerCase } from '../../controller/catalog/terms.ts'
import { mayBeWhole, newWholeTerms } from '../../controller/catalog/whole-terms.ts'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import { NOW } from './samples.ts'

// İ is two characters in lower case, and the sign for Kelvin a plain k.
const LETTERS = ['a', 'b', 'A', 'B', 'k', '\u212a', 'ü', 'Ü', 'İ', '😀']

test('needles are found in one pass, in any case, where a search for each finds them', async (t) => {
  const letter = fc.constantFrom(...LETTERS)
  const needle = fc.string({ unit: letter, minLength: 1, maxLength: 4 }).map(lowerCase)
  const text = fc.string({ unit: letter, maxLength: 12 })
  let found = 0
  const property = fc.property(
    fc.uniqueArray(needle, { maxLength: 8 }),
    fc.array(text, { maxLength: 6 }),
    (wanted, texts) => {
      const tree = newNeedles(wanted)
      return texts.every((one) => {
        const inside = [...new Set(needlesIn(tree, one))].sort((a, b) => a - b)
        found += inside.length
        return inside.join() === wanted.flatMap((sought, i) => (lowerCase(one).includes(sought) ? [i] : [])).join()
      })
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 4000 }))
  t.ok(found > 1000, `${found} found`)
})

test('no value that is a term is told apart from all terms, and nearly all others are', async (t) => {
  const word = fc.string({ unit: fc.constantFrom(...LETTERS, '1', '-'), maxLength: 12 })
  const number = fc.integer({ min: 0, max: 99_999 })
  const value = fc.oneof(
    word,
    fc
      .tuple(fc.constantFrom('KB', 'kb', 'Kb', 'CVE-2025-', 'cve-2025-'), number)
      .map(([start, end]) => `${start}${end}`),
  )
  const counted = { met: 0, passed: 0, other: 0 }
  const property = fc.property(
    fc.constantFrom(lowerCase, articleNumber),
    fc.array(value, { minLength: 1, maxLength: 20 }),
    fc.array(value, { maxLength: 20 }),
    (normalize, wanted, values) => {
      const numbers = new Map(wanted.map((text, i) => [normalize(text), i]))
      const terms = newWholeTerms(numbers)
      return [...values, ...wanted].every((text) => {
        const isTerm = numbers.has(normalize(text))
        const may = mayBeWhole(terms, text)
        if (isTerm) counted.met++
        else if (text.startsWith('CVE')) counted[may ? 'passed' : 'other']++
        return may || !isTerm
      })
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 2000 }))
  t.ok(counted.met > 1000, `${counted.met} met`)
  t.ok(counted.other > 5 * counted.passed, `${counted.other} told apart, ${counted.passed} not`)
  t.notOk(mayBeWhole(newWholeTerms(new Map()), 'short'), 'where there are none')
})

test('ages reach back as the calendar does', async (t) => {
  const count = (max: number, unit: string) => fc.integer({ min: -max, max }).map((n) => (n > 0 ? `${n}${unit}` : ''))
  const date = fc.tuple(fc.oneof(count(9, 'Y'), count(400_000, 'Y')), count(30, 'M'), count(9, 'W'), count(800, 'D'))
  const time = fc.tuple(count(80, 'H'), count(90, 'M'), count(90, 'S'))
  const duration = fc
    .tuple(date, time)
    .map(([days, hours]) => (hours.join('') === '' ? `P${days.join('')}` : `P${days.join('')}T${hours.join('')}`))
    .filter((text) => text !== 'P')
  const now = fc.integer({ min: Date.parse('1999-12-01T00:00:00Z'), max: Date.parse('2032-04-01T00:00:00Z') })
  const counted = { finite: 0, infinite: 0 }
  const property = fc.property(duration, now, (text, at) => {
    const { released } = compileCriteria({ released: { within: text, olderThan: text } })
    const expected = plainBefore(at, text)
    counted[Number.isFinite(expected) ? 'finite' : 'infinite']++
    if (released === undefined) return false
    const { from, until } = ageBounds(released, at)
    return from === expected && until === expected - 1
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 4000 }))
  t.ok(counted.finite > 1000 && counted.infinite > 50, JSON.stringify(counted))
})

test('rows are found by their day, however often they have moved', async (t) => {
  const instant = fc.integer({ min: -3 * 24, max: 12 * 24 }).map((hours) => hours * HOUR)
  const move = fc.tuple(fc.nat({ max: 30 }), instant)
  const property = fc.property(
    fc.array(instant, { maxLength: 20 }),
    fc.array(move, { maxLength: 40 }),
    instant,
    instant,
    (first, moves, from, until) => {
      const values = new Float64Array(31)
      values.set(first)
      const days = newRowsByDay(values.subarray(0, first.length))
      const listed = new Set(first.keys())
      for (const [row, value] of moves) {
        takeRow(days, row, values[row] ?? 0)
        if (isListed(days, row)) return false
        values[row] = value
        putRow(days, row, value)
        listed.add(row)
      }
      const expected = [...listed].filter((row) => from <= (values[row] ?? 0) && (values[row] ?? 0) < until)
      const found = rowsBetween(days, values, from, until)
      return found.toSorted((a, b) => a - b).join() === expected.sort((a, b) => a - b).join()
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 2000 }))
  const one = newRowsByDay(Float64Array.of(NOW))
  t.same(rowsBetween(one, Float64Array.of(NOW), NOW - 1000 * DAY, NOW + 1), [0], 'over more days than have rows')
})

function plainBefore(now: number, duration: string): number {
  try {
    const utc = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
    return utc.subtract(Temporal.Duration.from(duration)).epochMilliseconds
  } catch {
    return Number.NEGATIVE_INFINITY
  }
}
