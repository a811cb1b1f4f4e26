// The simulated crash of the journal in memory.
import { test } from 'tap'
import { crashAfter, newMemoryMedium, openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { decodeFact, mixed, range, reported } from './facts.ts'

test('after a simulated crash everything later is gone, snapshots too, and the old journal is broken', async (t) => {
  const medium = newMemoryMedium()
  const before = openMemoryJournal(decodeFact, medium)
  await before.append(mixed(1, 2000), 5)
  await before.saveSnapshot(1500, [new Uint8Array([1])])
  await before.saveSnapshot(1600, [new Uint8Array([2])])
  const unacknowledged = before.append([reported(1)], 6)
  crashAfter(medium, 1550)
  await t.rejects(unacknowledged, { code: 'Broken' })
  await t.rejects(before.append([reported(1)], 6), { code: 'Broken' })
  const after = openMemoryJournal(decodeFact, medium)
  t.equal(after.lastSeq, 1550)
  t.equal(after.latestSnapshot()?.seq, 1500)
  t.same(
    [...after.read(1500)].map(({ seq }) => seq),
    range(1501, 1550),
  )
  t.same(await after.append([reported(1)], 6), { first: 1551, last: 1551 })
  await after.close()
})
