// The controller with a snapshot and a compaction every few dozen facts, killed at any instant, in the middle of these too.
import { join } from 'node:path'
import { test } from 'tap'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { apply } from '../../controller/state/apply.ts'
import { checkEnd, folded, newWorld, playRound, ROUNDS, stateOf } from './crash-play.ts'
import { digestOf } from './harness.ts'
import { copyOn, readCopy } from './run-and-copy.ts'

const WITH_SNAPSHOTS = join(import.meta.dirname, 'run-and-copy.ts')

test('killed at any instant, in snapshots and compactions too, it is what its whole journal says', async (t) => {
  const world = newWorld(t, 'snapshots')
  for (let round = 0; round < ROUNDS; round++) {
    await playRound(t, world, round, WITH_SNAPSHOTS)
    // The copy ends with the last whole turn; the journal may go on after it.
    const journal = openSqliteJournal<Fact>(join(world.data, 'journal.db'), decodeFact)
    copyOn(world.data, journal, readCopy(world.data).length)
    const state = stateOf(journal.latestSnapshot()?.bytes)
    for (const { at, fact } of journal.read(journal.latestSnapshot()?.seq ?? 0)) apply(state, at, fact)
    t.equal(digestOf(state), digestOf(folded(readCopy(world.data))), `round ${round}: snapshot and tail, or everything`)
    await journal.close()
  }
  const journal = openSqliteJournal<Fact>(join(world.data, 'journal.db'), decodeFact)
  t.ok(journal.compactedThrough > 0, `compacted through ${journal.compactedThrough}`)
  const controller = await Controller.open({ journal, clock: systemClock })
  copyOn(world.data, journal, readCopy(world.data).length)
  checkEnd(t, world, readCopy(world.data), controller)
})
