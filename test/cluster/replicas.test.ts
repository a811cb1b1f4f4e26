// Real controllers on one cluster and one PostgreSQL journal: the Lease elects, and leaders are killed in the middle of a rollout.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { get } from '../serve/harness.ts'
import { MAIN, type Running, startProcess } from '../serve/process.ts'
import { checkJournal, type Devices, roleOf, startDevices } from '../serve/replicas.ts'
import { type CuttingProxy, cuttingProxy } from '../support/cutting-proxy.ts'
import { type PostgresServer, postgresFor, whyNoPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { apply, fieldOf, folder, manifest, READY, untilValue } from './on-cluster.ts'

const skip = whyNoPostgres() ?? (await skipWithoutCluster())
const NAMES = ['north', 'east', 'west'] as const
const DEVICES = 10
/** Of one fail-over: the promise is 15 s, the rest is for machines that do much else. */
const LIMIT_MS = 60_000
const SECRETS = {
  RINGMASTER_ADMIN_TOKEN: 'admin-token-of-the-tests',
  RINGMASTER_ENROLMENT_KEY: 'enrolment-key-of-the-tests',
}

const rule = (name: string) =>
  manifest('AutomaticDeploymentRule', name, {
    criteria: { titles: [`${name}-*`] },
    evaluate: { afterSync: true },
    deployment: { deadlineAfter: 'PT0S', spread: 'PT0S', outsideWindow: { install: true, restart: true } },
    phases: [
      { name: 'pilot', collection: 'all', percent: 50, soak: 'PT0S' },
      { name: 'broad', collection: 'all', soak: 'PT0S' },
    ],
  })

test('the holder of the Lease decides and writes; when it is killed in the middle of a rollout another goes on, and nothing is lost or done twice', {
  skip,
  timeout: 300_000,
}, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const replicas = await startReplicas(t, plane)
  const done = new Set<string>()
  const devices = await devicesOf(replicas, done)
  const feed = join(folder(t), 'feed.ndjson')
  writeFileSync(feed, ['good-1', 'late-1'].map(record).join(''))
  await apply(plane, rule('good'), manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed }))
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /^good-\d+$/, 30_000)
  const rollout = `ro/${await fieldOf(plane, 'ro', '{.items[*].metadata.name}')}`
  await untilValue(plane, rollout, '{.status.phases[0].state}', 'Active', 30_000)
  t.same(await writers(replicas), [await replicas.leader()], 'the leader alone has written')

  // While nobody leads, somebody declares, and devices install.
  const first = await replicas.kill()
  await apply(plane, rule('late'))
  done.add('good-1')
  const second = await replicas.follow(t, first)
  await untilValue(plane, rollout, '{.status.phases[1].state}', /Active|Succeeded/, 30_000)
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /late-\d+/, 30_000)
  const late = `ro/${(await fieldOf(plane, 'ro', '{.items[*].metadata.name}')).split(' ').find((name) => name.startsWith('late'))}`
  await untilValue(plane, late, '{.status.phases[0].state}', 'Active', 30_000)
  t.same(await writers(replicas), [second])

  await replicas.start(first)
  await replicas.kill()
  await plane.kubectl(['annotate', late, 'ringmaster.dev/suspend=true'])
  const third = await replicas.follow(t, second)
  await untilValue(plane, late, '{.status.paused}', 'true', 30_000)
  t.same(await writers(replicas), [third])
  await plane.kubectl(['annotate', late, 'ringmaster.dev/suspend-'])
  done.add('late-1')
  await replicas.start(second)

  await plane.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', rollout, late, 'us/example'])
  t.equal(await fieldOf(plane, 'adr', '{.items[*].status.conditions[?(@.type=="Stalled")].reason}'), '')
  t.equal(await fieldOf(plane, 'us/example', READY), 'True')
  // One that has lost its database alone decides nothing: it leaves the Lease to those that can.
  const cut = await replicas.leader()
  replicas.database(cut, 'Cut')
  await untilValue(plane, 'lease/ringmaster', HOLDER, new RegExp(`^(?!${cut}$).+`), LIMIT_MS)
  t.not(await replicas.leader(), cut)
  replicas.database(cut, 'Back')
  await until(30_000, async () => (await replicas.ready()).length === NAMES.length)
  await devices.stop()
  await stopInTurn(t, plane, replicas)
  const { control } = await checkJournal(t, replicas.url, devices)
  t.same(
    [...control.rollouts.values()].map(({ status }) => status),
    ['Succeeded', 'Succeeded'],
  )
})

type Replicas = {
  /** Of the journal. */
  readonly url: string
  readonly running: ReadonlyMap<string, Running>
  readonly start: (name: string) => Promise<void>
  /** Waits until one replica says that it leads, and the Lease is its own. */
  readonly leader: () => Promise<string>
  /** kill -9 of the leader; which one that was. */
  readonly kill: () => Promise<string>
  /** Waits until another one leads. */
  readonly follow: (t: Test, former: string) => Promise<string>
  readonly ready: () => Promise<string[]>
  /** What becomes of a replica's way to the database. */
  readonly database: (name: string, way: 'Cut' | 'Back') => void
}

const HOLDER = '{.spec.holderIdentity}'

async function startReplicas(t: Test, plane: ControlPlane): Promise<Replicas> {
  const server: PostgresServer = await postgresFor(t)
  const url = server.url('replicas')
  const home = folder(t)
  const running = new Map<string, Running>()
  const options = ['--kubernetes', '--kubeconfig', plane.kubeconfig, '--namespace', 'default']
  const ways = new Map<string, CuttingProxy>()
  for (const name of NAMES) ways.set(name, await cuttingProxy(t, server.port))
  const start = async (name: string) => {
    const data = join(home, name)
    mkdirSync(data, { recursive: true })
    const journal = server.url('replicas', ways.get(name)?.port)
    const args = [...options, '--journal', journal, '--replica', name]
    running.set(name, await startProcess(t, args, data, MAIN, SECRETS))
  }
  const leader = async () => {
    let found: string | undefined
    await until(LIMIT_MS, async () => {
      const roles = await Promise.all(
        [...running].map(async ([name, { url: at }]) => [name, await roleOf(at)] as const),
      )
      found = roles.find(([, role]) => /it leads/.test(role))?.[0]
      return found !== undefined && (await fieldOf(plane, 'lease/ringmaster', HOLDER)) === found
    })
    return found ?? ''
  }
  const kill = async () => {
    const name = await leader()
    running.get(name)?.child.kill('SIGKILL')
    await running.get(name)?.ended
    running.delete(name)
    return name
  }
  const follow = async (test: Test, former: string) => {
    const begun = performance.now()
    const next = await leader()
    test.comment(`${next} led ${((performance.now() - begun) / 1000).toFixed(1)} s after ${former} was killed`)
    test.not(next, former)
    return next
  }
  const ready = async () => {
    const answers = [...running].map(async ([name, { url: at }]) =>
      (await get(at, '/readyz')).status === 200 ? name : '',
    )
    return (await Promise.all(answers)).filter((name) => name !== '')
  }
  await Promise.all(NAMES.map(start))
  await leader()
  const database = (name: string, way: 'Cut' | 'Back') => ways.get(name)?.block(way === 'Cut')
  return { url, running, start, leader, kill, follow, ready, database }
}

/** Each is asked to end: the next one has the Lease without waiting for the end of its time. */
async function stopInTurn(t: Test, plane: ControlPlane, { running, leader }: Replicas): Promise<void> {
  const first = await leader()
  const stop = async (name: string) => {
    running.get(name)?.child.kill('SIGTERM')
    t.same(await running.get(name)?.ended, [0, null], `${name} ended as it should`)
  }
  await stop(first)
  t.not(await fieldOf(plane, 'lease/ringmaster', HOLDER), first, 'it has given the Lease up')
  for (const name of running.keys()) if (name !== first) await stop(name)
}

/** Which of the replicas that run have written something into the cluster. */
async function writers({ running }: Replicas): Promise<string[]> {
  const names: string[] = []
  for (const [name, { url }] of running) {
    const { body } = await get(url, '/metrics')
    if (/^ringmaster_kubernetes_writes_total\{[^}]*\} [1-9]/m.test(String(body))) names.push(name)
  }
  return names
}

/** They report to all replicas in turn that updates are missing, and of those in `done` that they are installed. */
function devicesOf({ running }: Replicas, done: ReadonlySet<string>): Promise<Devices> {
  const scan = () => {
    const [installed, required] = [[...done], ['good-1', 'late-1'].filter((id) => !done.has(id))]
    return { ...(installed.length > 0 && { installed }), ...(required.length > 0 && { required }) }
  }
  return startDevices({
    count: DEVICES,
    enrolmentKey: SECRETS.RINGMASTER_ENROLMENT_KEY,
    urls: () => [...running.values()].map(({ url }) => url),
    scanOf: scan,
    pauseMs: 250,
  })
}

function record(id: string): string {
  const update = { id, title: id, vendor: 'Example', products: ['Os'], classification: 'Security Updates' }
  return `${JSON.stringify({ ...update, released: '2025-01-01T00:00:00Z' })}\n`
}
