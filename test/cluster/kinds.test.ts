import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { API_VERSION, KIND_NAMES, KINDS } from '../../controller/model/kinds.ts'
import { PRINTER_COLUMNS } from '../../controller/project/printer-columns.ts'
import { EXAMPLES } from '../../controller/sources/examples.ts'
import { ApiClient } from './api-client.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { objectOf } from './verdicts.ts'

const skip = await skipWithoutCluster()

test('the kinds in a cluster', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  using client = await ApiClient.of(plane)
  const { kubectl, tryKubectl } = plane

  await t.test('definitions are applied again without a change', async (t) => {
    const { stdout } = await kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].metadata.generation}'])
    await plane.installCrds()
    const after = await kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].metadata.generation}'])
    t.equal(after.stdout, stdout)
  })

  for (const kind of KIND_NAMES)
    await t.test(`the example of ${kind} is applied, found by its short name, and in the category`, async (t) => {
      await kubectl(['apply', '-f', '-'], { input: EXAMPLES[kind] })
      const { short, plural } = KINDS[kind]
      const { stdout } = await kubectl(['get', short, '-o', 'wide'])
      const header = stdout.split('\n')[0] ?? ''
      for (const { name } of PRINTER_COLUMNS[kind]) t.match(header, name.toUpperCase())
      t.match(header, /READY +REASON +AGE/)
      const all = await kubectl(['get', 'ringmaster', '-A', '-o', 'name'])
      t.match(all.stdout, new RegExp(`^${kind.toLowerCase()}\\.ringmaster\\.dev/`, 'm'), plural)
    })

  await t.test('the examples are applied, and applied again without a change', async (t) => {
    let applied = 0
    for (const text of exampleObjects()) {
      const first = await kubectl(['apply', '-f', '-'], { input: text })
      const again = await kubectl(['apply', '-f', '-'], { input: text })
      t.notMatch(again.stdout, /created|configured/)
      t.equal(first.stderr, '', 'without a warning')
      applied += 1
    }
    t.ok(applied >= 8, `${applied} files`)
  })

  await t.test('every field has an explanation', async (t) => {
    for (const kind of KIND_NAMES) {
      const { stdout } = await kubectl(['explain', `${KINDS[kind].plural}.spec`])
      t.notMatch(stdout, '<empty>', kind)
      t.notMatch(stdout, '<no description>', kind)
    }
    const { stdout } = await kubectl(['explain', 'rollout.spec.phases.failurePercent'])
    t.match(stdout.replaceAll(/\s+/g, ' '), 'Halt when strictly more targets than this have failed.')
  })

  await t.test('the story of a rollout is told by kubectl get, and kubectl wait waits for it', async (t) => {
    await client.send('POST', `/apis/${API_VERSION}/rollouts`, objectOf('Rollout', 'story', ROLLOUT))
    const condition = { lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Soaking', message: 'm' }
    const status = {
      observedGeneration: 1,
      conditions: [{ type: 'Ready', status: 'True', observedGeneration: 1, ...condition }],
      state: 'Progressing',
      phases: [
        { name: 'pilot', state: 'Succeeded', gate: { targets: 9, compliant: 9 } },
        { name: 'broad', state: 'Active', gate: { targets: 120, compliant: 97 } },
      ],
      waitsFor: { reason: 'Soaking', message: 'm', phase: 'broad', until: '2026-01-02T00:00:00Z' },
    }
    const patch = [
      'patch',
      'rollout',
      'story',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]
    await kubectl(patch)
    await kubectl(['wait', 'rollout/story', '--for=condition=Ready', '--timeout=10s'])
    const { stdout } = await kubectl(['get', 'ro', 'story'])
    const row = stdout.split('\n')[1] ?? ''
    t.match(row, /story +Progressing +broad +97 +120 +Soaking +2026-01-02T00:00:00Z +True +Soaking/)
  })

  await t.test('the group of a rollout stays, and the rest may change', async (t) => {
    await client.send('POST', `/apis/${API_VERSION}/rollouts`, objectOf('Rollout', 'fixed', ROLLOUT))
    await kubectl(['patch', 'rollout', 'fixed', '--type=merge', '-p', '{"spec":{"suspend":true}}'])
    const other = await tryKubectl(['patch', 'rollout', 'fixed', '--type=merge', '-p', '{"spec":{"group":"other"}}'])
    t.not(other.exit, 0)
    t.match(other.stderr, 'the group of a rollout stays what it is: declare another Rollout for another group')
  })

  await t.test('nobody declares the built-in collection', async (t) => {
    const spec = { devices: ['a'] }
    const { status, body } = await client.send(
      'POST',
      `/apis/${API_VERSION}/collections`,
      objectOf('Collection', 'all', spec),
    )
    t.equal(status, 422)
    t.match(body, 'the collection all is built in')
  })

  await t.test('two writers of a list of collections add to each other', async (t) => {
    const hold = (collections: string[]) =>
      JSON.stringify(objectOf('UpdateHold', 'shared', { articleIds: ['KB1'], reason: 'r', collections }))
    const apply = (manager: string, collections: string[]) =>
      kubectl(['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'], { input: hold(collections) })
    await apply('one', ['tills'])
    await apply('two', ['kiosks'])
    const { stdout } = await kubectl(['get', 'hold', 'shared', '-o', 'jsonpath={.spec.collections}'])
    t.same(JSON.parse(stdout).toSorted(), ['kiosks', 'tills'])
  })

  await t.test('a field without a value is left out by the API server, which validate refuses', async (t) => {
    const spec = { devices: ['a'], limitedTo: null }
    const path = `/apis/${API_VERSION}/collections?dryRun=All&fieldValidation=Strict`
    const { status, body } = await client.send('POST', path, objectOf('Collection', 'empty-field', spec))
    t.equal(status, 201)
    t.strictSame(JSON.parse(body).spec, { devices: ['a'] })
  })

  await t.test('a field that nobody knows is refused by kubectl, and left out on wish', async (t) => {
    const text = JSON.stringify(objectOf('Collection', 'unknown-field', { devices: ['a'], device: 'b' }))
    const strict = await tryKubectl(['create', '-f', '-'], { input: text })
    t.match(strict.stderr, 'unknown field "spec.device"')
    const lenient = await kubectl(['create', '--validate=ignore', '-o', 'jsonpath={.spec}', '-f', '-'], { input: text })
    t.equal(lenient.stdout, '{"devices":["a"]}')
  })
})

/** Files below examples/ that hold declared objects; scenarios and project files are none. */
function exampleObjects(): string[] {
  const folder = join(import.meta.dirname, '../../examples')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .filter(
      (text) => text.includes('apiVersion: ringmaster.dev/') && !/^kind: (Scenario|Project|PolicyTest)$/m.test(text),
    )
}

const ROLLOUT = {
  group: 'g',
  phases: [
    { name: 'pilot', collection: 'a' },
    { name: 'broad', collection: 'b' },
  ],
}
