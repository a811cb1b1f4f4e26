// What of a directory's content comes into force when the journal or the directory is in a bad way.
import { test } from 'tap'
import { newMemoryMedium, openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { DIRECTORY_SOURCE } from '../../controller/model/source-names.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { Intake } from '../../controller/runtime/intake.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { readinessOf } from '../../controller/serve/health.ts'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import { virtualClock } from './virtual-clock.ts'

test('declarations too large for one fact change nothing and are reported, until they are smaller', async (t) => {
  const limits = { facts: 100, bytes: 20_000 }
  const journal = openMemoryJournal<Fact>(decodeFact, newMemoryMedium(), limits)
  const controller = await Controller.open({ journal, clock: virtualClock('2025-10-01T00:00:00Z') })
  const seat = new Intake(controller, silentLog).seat(DIRECTORY_SOURCE, () => {})
  const take = async (count: number) => {
    const folder = t.testdir({ 'all.yaml': Array.from({ length: count }, (_, i) => collection(`c${i}`)).join('---\n') })
    await seat.offer({ load: await loadDirectory(folder) })
    return controller.state
  }
  t.equal((await take(3)).objects.Collection.size, 3)
  const refused = await take(300)
  t.equal(refused.objects.Collection.size, 3)
  t.match(refused.sources.get(DIRECTORY_SOURCE)?.rejected, {
    total: 1,
    problems: [{ code: 'RM1001', message: /too large/ }],
  })
  const check = readinessOf({ controller, declarations: [DIRECTORY_SOURCE] }).checks.find(
    ({ name }) => name === 'declarations',
  )
  t.match(check?.message, /a later edit is not in force/)
  const mended = await take(10)
  t.equal(mended.objects.Collection.size, 10)
  t.equal(mended.sources.get(DIRECTORY_SOURCE)?.rejected, undefined)
})

test('warnings stop nothing; how many there are is logged', async (t) => {
  const journal = openMemoryJournal<Fact>(decodeFact, newMemoryMedium())
  const controller = await Controller.open({ journal, clock: virtualClock('2025-10-01T00:00:00Z') })
  const warned: unknown[] = []
  const log = { ...silentLog, warn: (message: string, fields?: object) => void warned.push([message, fields]) }
  const empty = `${collection('b')}---\n${collection('c').replace('site: berlin}', 'site: berlin}, matchExpressions: [{key: site, operator: NotIn, values: [berlin]}]')}`
  const folder = t.testdir({ 'all.yaml': empty })
  await new Intake(controller, log).seat(DIRECTORY_SOURCE, () => {}).offer({ load: await loadDirectory(folder) })
  t.equal(controller.state.objects.Collection.size, 2)
  t.match(warned, [[/^1 warning about them: `ringmaster validate`/, { warnings: 1 }]])
})

function collection(name: string): string {
  return `apiVersion: ringmaster.dev/v1alpha1
kind: Collection
metadata: {name: ${name}}
spec: {queries: [{matchLabels: {site: berlin}}]}
`
}
