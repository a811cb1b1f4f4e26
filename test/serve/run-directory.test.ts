// The controller on a real directory: edits come into force within a second, broken ones change nothing, what is removed is pruned.
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Started, startController } from '../../controller/cli/start-controller.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { enrolWith, fieldOf, get, post, report, until } from './harness.ts'
import { oneUpdate } from './one-update.ts'

test('an edit is in force soon after', async (t) => {
  const { started, folder } = await start(t)
  const { state } = started.controller
  t.same([...state.objects.Collection.keys()], ['pilot'])
  const before = performance.now()
  writeFileSync(join(folder, 'more.yaml'), collection('broad', 'b'))
  await until(() => state.objects.Collection.has('broad'))
  t.comment(`in force after ${Math.round(performance.now() - before)} ms`)
  writeFileSync(join(folder, 'more.yaml'), collection('broad', 'c'))
  await until(() => JSON.stringify(state.objects.Collection.get('broad')?.spec).includes('"c"'))
  t.match(state.objects.Collection.get('broad'), { origin: { file: 'more.yaml', source: 'directory', line: 1 } })
  t.equal((await get(started.url, '/readyz')).status, 200)
})

test('a broken edit changes nothing, is reported until it is mended, and then no more', async (t) => {
  const { started, folder } = await start(t)
  const { state } = started.controller
  const revision = state.sources.get('directory')?.revision
  writeFileSync(join(folder, 'pilot.yaml'), collection('pilot', 'z').replace('matchLabels', 'matchLables'))
  writeFileSync(join(folder, 'sound.yaml'), collection('sound', 's'))
  await until(() => state.sources.get('directory')?.rejected !== undefined)
  const problem = state.sources.get('directory')?.rejected?.problems[0]
  t.match(problem, { file: 'pilot.yaml', line: 4, code: /^RM\d+$/, message: /matchLabels/ })
  t.equal(state.sources.get('directory')?.revision, revision)
  t.match(JSON.stringify(state.objects.Collection.get('pilot')?.spec), '"a"', 'what ran before runs on')
  t.notOk(state.objects.Collection.has('sound'), 'and nothing else of the broken edit is taken')
  t.match(
    String((await get(started.url, '/metrics')).body),
    /ringmaster_source_rejected_problems\{source="directory"\} [1-9]/,
  )
  t.match(await get(started.url, '/readyz'), { status: 200 }, 'the old declarations are still in force')

  rmSync(join(folder, 'sound.yaml'))
  writeFileSync(join(folder, 'pilot.yaml'), collection('pilot', 'a'))
  await until(() => state.sources.get('directory')?.rejected === undefined)
  t.equal(state.sources.get('directory')?.revision, revision)
})

test('what was rejected before a restart is mended by the same files after it', async (t) => {
  const { started, folder, data } = await start(t)
  writeFileSync(join(folder, 'pilot.yaml'), 'kind: [')
  await until(() => started.controller.state.sources.get('directory')?.rejected !== undefined)
  await started.close()
  writeFileSync(join(folder, 'pilot.yaml'), collection('pilot', 'a'))
  const again = await startController({ path: folder, data, listen: { host: '127.0.0.1', port: 0 } })
  t.teardown(again.close)
  t.equal(again.controller.state.sources.get('directory')?.rejected, undefined)
  t.same([...again.controller.state.objects.Collection.keys()], ['pilot'])
})

test('a start on unchanged declarations journals nothing', async (t) => {
  const { started, folder, data } = await start(t)
  const { lastSeq } = started.controller.journal
  await started.close()
  const again = await startController({ path: folder, data, listen: { host: '127.0.0.1', port: 0 } })
  t.teardown(again.close)
  t.equal(again.controller.journal.lastSeq, lastSeq)
  t.equal(again.secrets.enrolmentKey, started.secrets.enrolmentKey)
  t.equal(again.secrets.adminToken, started.secrets.adminToken)
})

test('removing a file undoes what it declared', async (t) => {
  const { started, folder } = await start(t)
  const { controller, url, secrets } = started
  const { state } = controller
  const headers = await enrolWith(url, secrets.enrolmentKey, 'd1', { ring: 'a' })
  for (const [file, text] of Object.entries(oneUpdate())) writeFileSync(join(folder, file), text)
  await until(() => state.catalog.ids.length === 1)
  writeFileSync(join(folder, 'rollout.yaml'), ROLLOUT)
  await until(() => state.control.rollouts.get('r')?.phases[0]?.status === 'Active')
  await post(url, '/v1/reports', { reports: [report(1, { scan: { required: ['u1'] } })] }, headers)
  const offered = await get(url, '/v1/policy', headers)
  t.match(fieldOf(offered.body, 'updates'), [{ id: 'u1', action: 'Install' }])

  rmSync(join(folder, 'rollout.yaml'))
  await until(() => state.control.rollouts.get('r')?.status === 'RolledBack')
  const after = await get(url, '/v1/policy', { ...headers, 'if-none-match': offered.headers.get('etag') ?? '' })
  t.equal(after.status, 200)
  t.same(fieldOf(after.body, 'updates'), [])
  t.same(fieldOf(after.body, 'monitor'), ['u1'])
  const kept = await controller.journal.readKept({ limit: 1000 })
  const types = kept.map(({ fact }: { fact: Fact }) => fact.type)
  t.ok(types.includes('UpdatesUnapproved') && types.includes('RolloutRolledBack'))
})

test('the secrets of the data folder are for its owner alone, and only their hashes are journaled', async (t) => {
  const { started } = await start(t)
  const { adminToken, adminTokenFile, enrolmentKey, enrolmentKeyFile } = started.secrets
  if (process.platform !== 'win32')
    for (const file of [adminTokenFile, enrolmentKeyFile]) t.equal(statSync(file).mode & 0o777, 0o600)
  const facts = JSON.stringify(await Array.fromAsync(started.controller.journal.read(0)))
  t.notOk(facts.includes(adminToken))
  t.notOk(facts.includes(enrolmentKey))
  t.match(facts, /"type":"EnrolmentKeyIssued"/)
})

async function start(t: Test): Promise<{ started: Started; folder: string; data: string }> {
  const root = t.testdir({ declared: { 'pilot.yaml': collection('pilot', 'a') } })
  const folder = join(root, 'declared')
  const data = join(root, 'data')
  const started = await startController({ path: folder, data, listen: { host: '127.0.0.1', port: 0 } })
  t.teardown(started.close)
  return { started, folder, data }
}

function collection(name: string, ring: string): string {
  return `apiVersion: ringmaster.dev/v1alpha1
kind: Collection
metadata: {name: ${name}}
spec: {queries: [{matchLabels: {ring: ${ring}}}]}
`
}

const ROLLOUT = `apiVersion: ringmaster.dev/v1alpha1
kind: SoftwareUpdateGroup
metadata: {name: g}
spec: {updates: [u1]}
---
apiVersion: ringmaster.dev/v1alpha1
kind: Rollout
metadata: {name: r}
spec:
  group: g
  phases: [{name: pilot, collection: pilot}]
`
