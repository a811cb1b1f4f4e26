import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { KIND_NAMES, KINDS } from '../../controller/model/kinds.ts'
import { OWNED_KINDS } from '../../controller/sources/chart.ts'
import { skipWithoutCluster } from './binaries.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

const ROOT = join(import.meta.dirname, '../..')
const CHART = join(ROOT, 'charts/ringmaster')
const NAMESPACE = 'ringmaster'
const RESTRICTED = 'pod-security.kubernetes.io/enforce=restricted'
const SQLITE = ['--set', 'crds.install=false']
const POSTGRES = [
  ...['--set', 'journal.type=PostgreSQL,journal.secretName=database,secrets.secretName=secrets,replicas=3'],
  ...['--set', 'serviceMonitor.create=true,crds.install=false,webhook.create=true,webhook.certificateSecretName=c'],
]

type Rendered = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly template: { readonly metadata: object; readonly spec: { readonly volumes: readonly object[] } }
  }
}

const skip = await skipWithoutCluster()

test('the chart', { skip }, async (t) => {
  await using plane = await startControlPlane()
  const { kubectl, tryKubectl, helm, tryHelm } = plane
  await kubectl(['create', 'namespace', NAMESPACE])
  await kubectl(['label', 'namespace', NAMESPACE, RESTRICTED])
  // A controller makes it in a whole cluster, and no pod is admitted without its account.
  await kubectl(['create', 'serviceaccount', 'default', '--namespace', NAMESPACE])
  const values = examples()

  await t.test('it passes the linter, with its own values and with those in the guide', async (t) => {
    await helm(['lint', '--strict', CHART])
    for (const input of values) await helm(['lint', '--strict', CHART, '--values', '-'], { input })
    t.ok(values.length >= 5, `${values.length} files of values in the guide`)
  })

  await t.test('the API server takes everything that it renders', async (t) => {
    for (const input of ['', ...values]) {
      const { stdout } = await helm(['template', 'rm', CHART, '--namespace', NAMESPACE, '--values', '-'], { input })
      const objects = rendered(stdout).filter(({ kind }) => kind !== 'ServiceMonitor')
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
      const applied = await kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], { input: list })
      t.equal(applied.stdout.trim().split('\n').length, objects.length)
      t.equal(applied.stderr, '', 'without a warning')
    }
  })

  await t.test('Helm finds nothing wrong with an installation', async (t) => {
    const { stdout } = await helm(['install', 'rm', CHART, '--namespace', NAMESPACE, '--dry-run=server'])
    t.match(stdout, 'Declare a first collection')
    const trial = ['install', 'rm', CHART, '--namespace', NAMESPACE, '--dry-run=server', '--values', '-']
    // The kind ServiceMonitor is that of another project, and not installed here.
    trial.push('--set', 'serviceMonitor.create=false')
    for (const input of values) await helm(trial, { input })
  })

  await t.test('what does not fit together is refused', async (t) => {
    const wrong = [
      ['replicas=2', 'maximum: got 2, want 1'],
      ['journal.type=PostgreSQL', "at '/secrets/secretName'"],
      ['journal.type=MySQL', "must be one of 'SQLite', 'PostgreSQL'"],
      ['webhook.failurePolicy=Never', "at '/webhook/failurePolicy'"],
      ['image.digest=latest', "at '/image/digest'"],
      ['replica=1', "additional properties 'replica' not allowed"],
    ] as const
    for (const [set, message] of wrong) {
      const { exit, stderr } = await tryHelm(['template', 'rm', CHART, '--set', set])
      t.not(exit, 0, set)
      t.match(stderr, message)
    }
  })

  await t.test('its pods are restricted as Pod Security Standards have it', async (t) => {
    for (const set of [SQLITE, POSTGRES]) {
      const { stdout } = await helm(['template', 'rm', CHART, '--namespace', NAMESPACE, ...set])
      const controller = rendered(stdout).find(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
      if (controller === undefined) throw new Error('no controller')
      const { metadata, spec } = controller.spec.template
      // The volume that a StatefulSet claims for its pod.
      const claims = controller.kind === 'StatefulSet' ? [{ name: 'data', emptyDir: {} }] : []
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name: 'p', namespace: NAMESPACE },
        spec: { ...spec, serviceAccountName: 'default', volumes: [...spec.volumes, ...claims] },
      }
      const created = await kubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(pod) })
      t.match(created.stdout, 'pod/p created')
    }
    const open = { containers: [{ name: 'c', image: 'i' }] }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: NAMESPACE }, spec: open }
    const refused = await tryKubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(pod) })
    t.match(refused.stderr, 'violates PodSecurity')
  })

  await t.test('an installation brings the kinds, an upgrade renews them, and they outlive it', async (t) => {
    await helm(['install', 'rm', CHART, '--namespace', NAMESPACE])
    const count = async () => (await kubectl(['get', 'crds', '-o', 'name'])).stdout.trim().split('\n').length
    t.equal(await count(), KIND_NAMES.length)
    await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crds', '--all'])
    await kubectl(['patch', 'crd', 'rollouts.ringmaster.dev', '--type=json', '-p', WITHOUT_SHORT_NAMES])
    await helm(['upgrade', 'rm', CHART, '--namespace', NAMESPACE, '--force-conflicts'])
    t.match((await kubectl(['get', 'crd', 'rollouts.ringmaster.dev', '-o', 'jsonpath={.spec.names}'])).stdout, '"ro"')
    await theAccountMayDoWhatIsUsed(t, plane)
    await helm(['uninstall', 'rm', '--namespace', NAMESPACE])
    t.equal(await count(), KIND_NAMES.length)
    const left = await tryKubectl(['get', 'clusterrole', 'rm-ringmaster'])
    t.match(left.stderr, 'not found')
  })
})

const WITHOUT_SHORT_NAMES = '[{"op":"remove","path":"/spec/names/shortNames"}]'

async function theAccountMayDoWhatIsUsed(t: Test, plane: ControlPlane): Promise<void> {
  const as = `--as=system:serviceaccount:${NAMESPACE}:rm-ringmaster`
  const may = async (verb: string, resource: string, namespace: string, ...more: string[]) =>
    (await plane.tryKubectl(['auth', 'can-i', verb, resource, '-n', namespace, as, ...more])).stdout.trim() === 'yes'
  for (const kind of ['Collection', 'Rollout', 'UpdateDeployment'] as const) {
    const resource = `${KINDS[kind].plural}.ringmaster.dev`
    const owned = OWNED_KINDS.some((other) => other === kind)
    for (const verb of ['list', 'watch']) t.ok(await may(verb, resource, NAMESPACE), `${verb} ${resource}`)
    t.ok(await may('patch', resource, NAMESPACE, '--subresource=status'), `patch ${resource}/status`)
    for (const verb of ['create', 'patch', 'delete'])
      t.equal(await may(verb, resource, NAMESPACE), owned, `${verb} ${resource}`)
  }
  t.ok(await may('patch', 'automaticdeploymentrules.ringmaster.dev', NAMESPACE))
  t.ok(await may('update', 'leases.coordination.k8s.io/ringmaster', NAMESPACE))
  t.notOk(await may('update', 'leases.coordination.k8s.io/other', NAMESPACE))
  for (const verb of ['create', 'patch']) t.ok(await may(verb, 'events.events.k8s.io', 'default'))
  for (const resource of ['secrets', 'configmaps', 'pods']) t.notOk(await may('get', resource, NAMESPACE), resource)
}

/** Blocks of the guide that are files of values. */
function examples(): string[] {
  const guide = readFileSync(join(ROOT, 'docs/guides/chart.md'), 'utf8')
  return [...guide.matchAll(/^```yaml\n(# values\.yaml\n[\s\S]*?)^```$/gm)].map(([, text = '']) => text)
}

function rendered(text: string): Rendered[] {
  return parseAllDocuments(text)
    .map((document): Rendered | null => document.toJS())
    .filter((object) => object !== null)
}
