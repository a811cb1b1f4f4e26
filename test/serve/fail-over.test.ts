// Three real controllers on one PostgreSQL database, devices that report to all of them, and a leader that is killed in the
// middle of rollouts again and again. RINGMASTER_FAIL_OVERS=50 makes it more often.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { stableHash } from '../../controller/model/hash.ts'
import { type PostgresServer, postgresFor, whyNoPostgres } from '../support/postgres.ts'
import { fieldOf, get, until } from './harness.ts'
import { oneUpdate, rolloutOfIt } from './one-update.ts'
import { type Running, ringmaster, startProcess } from './process.ts'
import { checkJournal, type Devices, roleOf, startDevices } from './replicas.ts'

const ROUNDS = Number(process.env.RINGMASTER_FAIL_OVERS ?? 8)
const DEVICES = 12
const REPLICAS = 3
/** Of one fail-over, in seconds; the promise is 15, the rest is for machines that do much else. */
const BOUND = 45
const SKIP = { skip: whyNoPostgres() ?? false, timeout: 240_000 + ROUNDS * 30_000 }

test(
  'leaders killed in the middle of rollouts: all that was acknowledged is there, nothing is decided twice',
  SKIP,
  async (t) => {
    const cluster = await startCluster(t)
    const devices = await devicesOf(cluster)
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      writeFileSync(join(cluster.declared, `rollout-${round}.yaml`), rolloutOfIt(`r${round}`))
      await delay(stableHash(`round ${round}`) % 1200)
      const leader = await cluster.leader()
      const begun = performance.now()
      leader.running.child.kill('SIGKILL')
      await leader.running.ended
      const next = await cluster.leader()
      took.push((performance.now() - begun) / 1000)
      t.not(next.name, leader.name)
      await cluster.start(leader.name)
    }
    await until(async () => (await phasesOf(await cluster.leader())) >= ROUNDS)
    const told = await command(cluster)
    await devices.stop()
    await cluster.stop()
    const sorted = took.toSorted((a, b) => a - b)
    t.comment(`another led after ${sorted.map((seconds) => seconds.toFixed(1)).join(', ')} s`)
    t.ok(Math.max(...took) < BOUND)
    const { control } = await checkJournal(t, cluster.url, devices)
    for (const name of told) t.equal(control.rollouts.get(name)?.paused, true, `${name} is paused`)
  },
)

test('a leader that hangs is followed by another, and decides no more when it comes to itself', SKIP, async (t) => {
  const cluster = await startCluster(t)
  const devices = await devicesOf(cluster)
  const old = await cluster.leader()
  const begun = performance.now()
  old.running.child.kill('SIGSTOP')
  cluster.asleep.add(old.name)
  const next = await cluster.leader()
  const seconds = (performance.now() - begun) / 1000
  t.comment(`another led after ${seconds.toFixed(1)} s`)
  t.ok(seconds < BOUND)
  writeFileSync(join(cluster.declared, 'rollout-0.yaml'), rolloutOfIt('r0'))
  await until(async () => (await phasesOf(next)) > 0)
  old.running.child.kill('SIGCONT')
  cluster.asleep.delete(old.name)
  await until(async () => /it follows/.test(await roleOf(old.running.url)))
  await until(async () => (await get(old.running.url, '/readyz')).status === 200)
  await devices.stop()
  await cluster.stop()
  await checkJournal(t, cluster.url, devices)
})

type Replica = { readonly name: string; readonly running: Running }

type Cluster = {
  readonly server: PostgresServer
  readonly url: string
  readonly declared: string
  readonly tokenFile: string
  readonly replicas: Map<string, Replica>
  /** Replicas that do not answer. */
  readonly asleep: Set<string>
  readonly start: (name: string) => Promise<void>
  /** Waits for one that leads. */
  readonly leader: () => Promise<Replica>
  readonly stop: () => Promise<void>
}

const SECRETS = { 'admin.token': 'admin-token-of-the-tests', 'enrolment.key': 'enrolment-key-of-the-tests' }

async function startCluster(t: Test): Promise<Cluster> {
  const server = await postgresFor(t)
  const folder = t.testdir({ declared: oneUpdate() })
  const declared = join(folder, 'declared')
  const url = server.url('fail_over')
  const replicas = new Map<string, Replica>()
  const asleep = new Set<string>()
  const start = async (name: string) => {
    const data = join(folder, name)
    mkdirSync(data, { recursive: true })
    for (const [file, secret] of Object.entries(SECRETS)) writeFileSync(join(data, file), `${secret}\n`)
    const running = await startProcess(t, [declared, '--journal', url, '--replica', name], data)
    replicas.set(name, { name, running })
  }
  const leader = async () => {
    for (;;) {
      for (const replica of replicas.values())
        if (!asleep.has(replica.name) && /it leads/.test(await roleOf(replica.running.url))) return replica
      await delay(20)
    }
  }
  const stop = async () => {
    for (const { running } of replicas.values()) running.child.kill('SIGTERM')
    for (const { running } of replicas.values()) t.same(await running.ended, [0, null])
  }
  await Promise.all(Array.from({ length: REPLICAS }, (_, i) => start(`replica-${i}`)))
  const tokenFile = join(folder, 'replica-0', 'admin.token')
  return { server, url, declared, tokenFile, replicas, asleep, start, leader, stop }
}

async function phasesOf({ running }: Replica): Promise<number> {
  const { body } = await get(running.url, '/v1/decisions?type=PhaseStarted&limit=1000')
  const items = fieldOf(body, 'items')
  return Array.isArray(items) ? items.length : 0
}

/** Pauses a rollout by each of the replicas in turn, as a person would; whoever is asked passes it on. Returns which. */
async function command({ replicas, tokenFile }: Cluster): Promise<string[]> {
  const told: string[] = []
  for (const [i, { running }] of [...replicas.values()].entries()) {
    const name = `r${Math.min(i, ROUNDS - 1)}`
    const options = ['--server', running.url, '--token-file', tokenFile]
    const { code, out, err } = await ringmaster(['pause', name, ...options])
    if (code !== 0) throw new Error(`pause ${name}: ${out}${err}`)
    if (/RolloutPaused|already/.test(out)) told.push(name)
  }
  return told
}

/** They report without a pause. */
function devicesOf({ replicas, asleep }: Cluster): Promise<Devices> {
  return startDevices({
    count: DEVICES,
    enrolmentKey: SECRETS['enrolment.key'],
    urls: () => [...replicas.values()].filter(({ name }) => !asleep.has(name)).map(({ running }) => running.url),
    scanOf: (_, sequence) => (sequence % 3 === 0 ? { installed: ['u1'] } : { required: ['u1'] }),
  })
}
