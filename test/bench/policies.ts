// Policies that have to be made, as after a change that every device hears of: from parts, beside an object for each and JSON of it.
import { DAY } from '../../controller/model/instant.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { policyText } from '../../controller/project/policy-text.ts'
import { newState } from '../../controller/state/state.ts'
import { declare } from '../support/declare.ts'
import { catalogOf, collections, deviceEnrolled, foldAndDecide, rolloutOf, updateIds, windows } from './fleet-data.ts'
import { mustBe, type Row, type Size, timeInTurns } from './measure.ts'

const UPDATES = 5
const COLLECTIONS = 1000
const NOW = Date.parse('2026-01-13T18:00:00Z')

export function benchPolicies(size: Size): Row[] {
  const devices = size === 'full' ? 10_000 : 1000
  const state = newState()
  const ids = updateIds(UPDATES)
  foldAndDecide(state, NOW, [catalogOf(ids), declare(...collections(COLLECTIONS)), declare(...windows())])
  foldAndDecide(
    state,
    NOW,
    Array.from({ length: devices }, (_, i) => deviceEnrolled(i)),
  )
  foldAndDecide(state, NOW, [rolloutOf(ids)])
  const at = NOW + DAY
  for (let row = 0; row < devices; row++)
    mustBe(policyText(state, row, at).text === JSON.stringify(devicePolicy(state, row, at)), `policy of device ${row}`)
  const { length } = policyText(state, 0, at).text
  const lengthOfAll = (write: (row: number) => string) => {
    let total = 0
    for (let row = 0; row < devices; row++) total += write(row).length
    mustBe(total >= length, 'a length')
  }
  const [ours = [], plain = []] = timeInTurns(
    { run: () => lengthOfAll((row) => policyText(state, row, at).text) },
    { run: () => lengthOfAll((row) => JSON.stringify(devicePolicy(state, row, at))) },
  )
  return [
    {
      subject: 'policies',
      name: `policies of ${UPDATES} updates and ${length} characters made, ${COLLECTIONS} collections`,
      operation: 'policy',
      ours: { operations: devices, ms: ours },
      baseline: { operations: devices, ms: plain, what: 'an object for each, and JSON.stringify' },
    },
  ]
}
