// How devices stand with several updates together: the planes beside a look at each device.
import fc from 'fast-check'
import { test } from 'tap'
import { complianceOf, newCompliance, setEnforcement, setStatus } from '../../controller/fleet/compliance.ts'
import { eachStanding } from '../../controller/fleet/standing.ts'
import { type BitPlane, hasBit, newPlane, setBit } from '../../controller/model/bit-plane.ts'
import type { ComplianceState, EnforcementState } from '../../controller/model/report.ts'
import { UpdateId } from '../../controller/model/update.ts'

const IDS = ['a', 'b', 'c'].map((id) => UpdateId.parse(id))
/** Two blocks and a part of a third. */
const ROWS = 140_000

const id = fc.constantFrom(...IDS)
// At the edges of words and blocks, and close together, so that several things are said of one device.
const row = fc.oneof(fc.nat(40), fc.constantFrom(65_535, 65_536, 131_071, 131_072, ROWS - 1))
const status = fc.constantFrom<ComplianceState>(0, 1, 2, 3)
const enforcement = fc.constantFrom<EnforcementState>(1, 4, 6, 9)
const said = fc.oneof(
  fc.record({ id, row, status }),
  fc.record({ id, row, state: enforcement }),
  fc.record({ id, row, seen: fc.constant(true) }),
)

test('planes say of several updates together what a look at each device says, of what was seen or of all', async (t) => {
  fc.assert(
    fc.property(fc.array(said, { maxLength: 120, size: 'max' }), fc.subarray(IDS), fc.boolean(), (facts, ids, all) => {
      const compliance = newCompliance()
      const seen = new Map(IDS.map((one) => [one, newPlane()]))
      const failed = new Set<string>()
      for (const fact of facts) {
        const key = `${fact.id} ${fact.row}`
        if ('status' in fact) {
          const before = setStatus(compliance, fact.id, fact.row, fact.status)
          if ((fact.status & 1) === 1 && (before & 1) === 0) failed.delete(key)
        } else if ('state' in fact) {
          setEnforcement(compliance, fact.id, fact.row, { state: fact.state, at: 1, code: '', message: '' })
          if (fact.state === 6 || fact.state === 9) failed.add(key)
          else failed.delete(key)
        } else setBit(seen.get(fact.id) ?? newPlane(), fact.row)
      }
      const planes = standingOf(compliance, ids, all ? undefined : seen)
      return [...Array(42).keys(), 65_535, 65_536, 131_071, 131_072, ROWS - 1].every((one) => {
        const of = ids.map((update) => {
          const status = complianceOf(compliance, update, one)
          const known = all ? status !== 0 : hasBit(seen.get(update) ?? newPlane(), one)
          return { known, there: (status & 1) === 1, failed: failed.has(`${update} ${one}`) }
        })
        return (
          hasBit(planes.unknown, one) === of.some(({ known }) => !known) &&
          hasBit(planes.missing, one) === of.some(({ known, there }) => known && !there) &&
          hasBit(planes.failing, one) === of.some(({ known, there, failed }) => failed && !(known && there))
        )
      })
    }),
    { seed: 42, numRuns: 300 },
  )
  t.pass('holds')
})

function standingOf(
  compliance: ReturnType<typeof newCompliance>,
  ids: readonly UpdateId[],
  seen: ReadonlyMap<UpdateId, BitPlane> | undefined,
) {
  const planes = { unknown: newPlane(ROWS), missing: newPlane(ROWS), failing: newPlane(ROWS) }
  eachStanding(compliance, ids, seen, ROWS / 32, (from, length, standing) => {
    for (const name of ['unknown', 'missing', 'failing'] as const)
      planes[name].words.set(standing[name].subarray(0, length), from)
  })
  return planes
}
