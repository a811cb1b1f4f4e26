// The real `ringmaster run`, killed at any instant while everything goes on at once.
import { join } from 'node:path'
import { test } from 'tap'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { checkDeclared, checkEnd, newWorld, playRound, ROUNDS } from './crash-play.ts'

test('killed at any instant before the first snapshot, it is what its whole journal says', async (t) => {
  const world = newWorld(t, 'whole')
  for (let round = 0; round < ROUNDS; round++) await playRound(t, world, round)
  await checkDeclared(t, world)
  const journal = openSqliteJournal<Fact>(join(world.data, 'journal.db'), decodeFact)
  t.equal(journal.compactedThrough, 0)
  checkEnd(t, world, [...journal.read(0)], await Controller.open({ journal, clock: systemClock }))
})
