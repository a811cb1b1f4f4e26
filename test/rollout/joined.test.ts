import fc from 'fast-check'
import { test } from 'tap'
import { planeOf, planeRows } from '../../controller/model/bit-plane.ts'
import { type Joined, joinedAt, joinedFrom, withJoined } from '../../controller/rollout/joined.ts'

const batches = fc
  .uniqueArray(fc.nat(5000), { maxLength: 60 })
  .chain((rows) => fc.array(fc.nat(5), { minLength: rows.length, maxLength: rows.length }).map((of) => ({ rows, of })))

test('who joined in whichever order is found again, with its own instant, and nobody else is', (t) => {
  fc.assert(
    fc.property(batches, ({ rows, of }) => {
      let joined: Joined | undefined
      const expected = new Map<number, number>()
      for (let batch = 0; batch <= 5; batch++) {
        const members = rows.filter((_, i) => of[i] === batch)
        for (const row of members) expected.set(row, 1000 + batch)
        joined = withJoined(
          joined,
          members.toSorted((a, b) => a - b),
          1000 + batch,
        )
      }
      for (let row = 0; row <= 5000; row++)
        if (joined === undefined || joinedAt(joined, row) !== expected.get(row)) return false
      return true
    }),
    { numRuns: 200 },
  )
  t.pass('holds')
  t.end()
})

test('batches of older snapshots become the same list', (t) => {
  const first = { at: 1, targets: planeOf([7, 900]) }
  const second = { at: 2, targets: planeOf([3, 8, 70_000]) }
  t.same(
    joinedFrom([first, second]),
    withJoined(withJoined(undefined, planeRows(first.targets), 1), planeRows(second.targets), 2),
  )
  t.equal(joinedFrom([]), undefined)
  t.end()
})
