import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { clockOf, keepClock } from '../../controller/cli/quickstart-clock.ts'
import { JOURNAL_FILE } from '../../controller/cli/start-controller.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { type Fact, isDecisionType } from '../../controller/model/facts.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'

const START = Temporal.Instant.from('2025-10-13T12:00:00Z')
const after = (hours: number) => START.add({ hours })
const KEY: Fact = { type: 'EnrolmentKeyIssued', keyHash: 'hash', once: false, by: 'tests' }

test('the clock goes on where it was stopped, or where something happened last, and never back', async (t) => {
  const data = t.testdir({})
  const happens = async (hours: number, compacted: boolean) => {
    const journal = openSqliteJournal<Fact>(join(data, JOURNAL_FILE), decodeFact)
    const { last } = await journal.append([KEY], after(hours).epochMilliseconds)
    if (compacted) {
      await journal.saveSnapshot(last, [new Uint8Array([1])])
      await journal.compact(last, isDecisionType)
    }
    await journal.close()
  }
  const stands = async () => `${await clockOf(data, START)}`
  t.equal(await stands(), `${START}`)
  await happens(5, true)
  t.equal(await stands(), `${START}`, 'what happened is in the snapshot alone')
  keepClock(data, after(6))
  t.equal(await stands(), `${after(6)}`)
  await happens(9, false)
  t.equal(await stands(), `${after(9)}`, 'it was killed before it could say where it stood')
  writeFileSync(join(data, 'quickstart.clock'), 'soon')
  await t.rejects(stands(), { name: 'StartError', message: /quickstart\.clock says no instant.*delete it/ })
})

test('a clock without a journal is one of a demonstration that is begun anew', async (t) => {
  const data = t.testdir({})
  keepClock(data, after(6))
  t.equal(`${await clockOf(data, START)}`, `${START}`)
})
