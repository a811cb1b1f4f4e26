import fc from 'fast-check'
import { test } from 'tap'
import { enrolDevice, newFleet } from '../../controller/fleet/fleet.ts'
import { bindTerm, matcherOf, type TermPool, termsOf } from '../../controller/fleet/term.ts'
import { classifyValues } from '../../controller/fleet/value-classes.ts'
import { expression, value } from './arbitrary.ts'

test('values of one class meet the same conditions, and a condition is met by the classes of its union alone', async (t) => {
  let shared = 0
  let negations = 0
  const onOs = expression.map((some) => ({ ...some, key: 'os' }))
  fc.assert(
    fc.property(fc.array(value), fc.array(onOs, { minLength: 1, maxLength: 6 }), (values, matchExpressions) => {
      const fleet = newFleet()
      for (const [i, os] of values.entries()) enrolDevice(fleet, `device-${i}`, { os }, 0)
      const terms = termsOf({ matchExpressions }, new Map() satisfies TermPool)
      for (const term of terms) bindTerm(term, fleet)
      const known = fleet.columns.get('os')?.values ?? ['']
      const { classOf, unions } = classifyValues(terms, known.length)
      if (classOf[0] !== 0 || unions.length !== terms.length) return false
      const numbers = new Set(classOf)
      if (numbers.size < known.length) shared++
      return unions.every(({ term, classes, negated }) => {
        const matches = matcherOf(term.expression)
        if (negated) negations++
        return (
          !classes.has(0) &&
          classes.isSubsetOf(numbers) &&
          known.every(
            (text, code) => matches(code === 0 ? undefined : text) === (classes.has(classOf[code] ?? 0) !== negated),
          )
        )
      })
    }),
    { seed: 42, numRuns: 300 },
  )
  t.ok(shared > 100, `${shared} times values shared a class`)
  t.ok(negations > 100, `${negations} conditions hold for a missing value`)
})
