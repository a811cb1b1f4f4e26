// Reading ahead of the fold must not be seen in the state.
import { test } from 'tap'
import { enrolDevice } from '../../controller/fleet/fleet.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { apply } from '../../controller/state/apply.ts'
import { type Ahead, READ_AHEAD_FROM, readAhead } from '../../controller/state/read-ahead.ts'
import { encodeState, newState, type State } from '../../controller/state/state.ts'
import { removed, reported } from '../support/declare.ts'

/** With the device that was enrolled last gone. */
function largeFleet(): State {
  const state = newState()
  for (let i = 0; i <= READ_AHEAD_FROM; i++) enrolDevice(state.fleet, `d${i}`, { os: i % 2 === 0 ? 'a' : 'b' }, i)
  apply(state, READ_AHEAD_FROM, removed(`d${READ_AHEAD_FROM}`))
  return state
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

test('a large fleet is the same whether its reports were read ahead or not', async (t) => {
  const facts: Fact[] = Array.from({ length: 100 }, (_, i) => {
    const device = `d${(i * 7919) % (READ_AHEAD_FROM + 2)}`
    return i % 10 === 9
      ? removed(device)
      : reported(device, { sequence: i + 1, at: '2026-01-01T00:00:00Z', attributes: { os: 'c' } })
  })
  const [alone, ahead] = [largeFleet(), largeFleet()]
  const before = encodeState(ahead)
  const read: Ahead = { rows: [] }
  for (let i = 0; i < facts.length; i++) readAhead(ahead, facts, i, read)
  t.ok(isSame(encodeState(ahead), before), 'nothing changed by that alone')
  for (const [i, fact] of facts.entries()) {
    apply(alone, READ_AHEAD_FROM, fact)
    apply(ahead, READ_AHEAD_FROM, fact, readAhead(ahead, facts, i, read))
  }
  t.ok(isSame(encodeState(ahead), encodeState(alone)))
  t.notOk(isSame(encodeState(ahead), before))
})
