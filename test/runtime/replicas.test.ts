// Several controllers on one journal in PostgreSQL: one order, one that decides, and what happens when that changes.
import { type Test, test } from 'tap'
import { openPostgresJournal } from '../../controller/journal/postgres-journal.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { isStarted } from '../../controller/rollout/control.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { alwaysLeader, type Leadership } from '../../controller/runtime/leadership.ts'
import { whileLeading } from '../../controller/runtime/while-leading.ts'
import { deviceAttributes } from '../bench/fleet-data.ts'
import { digestOf, until } from '../serve/harness.ts'
import { declare, declared, enrolled, reported, synced, update } from '../support/declare.ts'
import { type PostgresServer, postgresFor, whyNoPostgres } from '../support/postgres.ts'
import { checkReplay } from '../support/replay.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

const START = '2026-03-01T00:00:00Z'
const SKIP = { skip: whyNoPostgres() ?? false }

const SITE: readonly Input[] = [
  synced(update('u1')),
  declare(
    declared('SoftwareUpdateGroup', 'group', { updates: ['u1'] }),
    declared('Rollout', 'rollout', {
      group: 'group',
      phases: [{ name: 'broad', collection: 'all', successPercent: 100, soak: 'PT0S', whenEmpty: 'Skip' }],
    }),
  ),
]

test('replicas', SKIP, async (t) => {
  const server = await postgresFor(t)

  t.test('all of them take facts in, fold one order, and one decides; what each submitted it has folded', async (t) => {
    const replicas = await start(t, server, 'all', 3)
    const [first, second, third] = replicas
    first.lead(true)
    await first.controller.submit(enrolled('seed'), ...SITE)
    const devices = Array.from({ length: 60 }, (_, i) => `d${i}`)
    await Promise.all(
      devices.map(async (device, i) => {
        const { controller } = i % 3 === 0 ? first : i % 3 === 1 ? second : third
        await controller.submit(enrolled(device, deviceAttributes(i)))
        t.ok(controller.state.fleet.rowOf.has(device), 'it is folded where it was submitted')
        for (let sequence = 1; sequence <= 5; sequence++) {
          const met: number[] = []
          const row = controller.state.fleet.rowOf.get(device) ?? -1
          await controller.submitWatched([report(device, sequence)], () =>
            met.push(controller.state.fleet.sequence[row] ?? -1),
          )
          t.same(met, [sequence - 1], 'who watches sees what the fact meets')
        }
      }),
    )
    // What a device says before it is among the targets is no evidence.
    await until(() => targetsOf(first) === 61)
    await Promise.all(devices.map((device, i) => replicas[i % 3]?.controller.submit(report(device, 6))))
    await second.controller.submit(report('seed', 1))
    await until(() => first.decisions.includes('RolloutSucceeded'))
    await allTheSame(t, replicas)
    const state = checkReplay(t, await entriesOf(first.controller))
    t.equal(digestOf(state), digestOf(first.controller.state))
    t.ok(first.decisions.includes('TargetsJoined'))
    t.equal(state.control.rollouts.get('rollout')?.status, 'Succeeded')
    t.same([...second.decisions, ...third.decisions], [], 'only the leader has decided')
  })

  t.test('a command given to a follower is answered when the leader has decided on it', async (t) => {
    const replicas = await start(t, server, 'command', 2)
    const [leader, follower] = replicas
    leader.lead(true)
    await leader.controller.submit(...SITE, enrolled('d0', deviceAttributes(0)))
    await leader.controller.settled()
    const rollout = () => follower.controller.state.control.rollouts.get('rollout')
    await until(() => rollout() !== undefined)
    await follower.controller.submit({
      type: 'CommandGiven',
      command: { type: 'Pause', rollout: 'rollout' },
      by: 'admin',
    })
    t.equal(await follower.controller.settled(), true)
    t.equal(rollout()?.paused, true)
    // Durable decisions may reach the follower before the leader has folded them itself.
    t.equal(await leader.controller.settled(), true)
    t.ok(leader.decisions.includes('RolloutPaused'))
    t.same(follower.decisions, [])
    t.same(follower.controller.notes, leader.controller.notes, 'and says of it what the leader says')
  })

  t.test('leadership that changes hands under load loses no decision and makes none twice', async (t) => {
    const replicas = await start(t, server, 'hands', 3)
    replicas[0].lead(true)
    await replicas[0].controller.submit(enrolled('seed'), ...SITE)
    let stop = false
    const load = Promise.all(
      replicas.map(async ({ controller }, r) => {
        for (let i = 0; !stop && i < 400; i++) {
          const device = `r${r}d${i}`
          await controller.submit(enrolled(device, deviceAttributes(i)))
          await controller.submit(report(device, 1))
        }
      }),
    )
    for (let turn = 1; turn <= 12; turn++) {
      const next = replicas[turn % 3]
      // The old one goes on believing in itself for a while, as it does when only its lease has run out.
      next?.lead(true)
      await until(() => next?.controller.leading === true)
      replicas[(turn - 1) % 3]?.lead(false)
    }
    stop = true
    await load
    await allTheSame(t, replicas)
    checkReplay(t, await entriesOf(replicas[0].controller))
  })

  t.test('what an old leader decides late is refused, and it decides no more', async (t) => {
    const [old, young] = await start(t, server, 'fenced', 2)
    old.lead(true)
    await old.controller.submit(...SITE, enrolled('d0', deviceAttributes(0)))
    await old.controller.settled()
    young.lead(true)
    await until(() => young.controller.leading)
    await old.clock.moveTo('2026-03-20T00:00:00Z')
    await until(() => !old.controller.leading)
    t.match(old.errors, [{ code: 'Fenced' }])
    const before = old.decisions.length
    await young.clock.moveTo('2026-03-20T00:00:00Z')
    await until(() => young.decisions.includes('DevicesStale'))
    await allTheSame(t, [old, young])
    t.equal(old.decisions.length, before)
    checkReplay(t, await entriesOf(young.controller))
  })

  t.test('a replica that is told to lead while it opens takes one term', async (t) => {
    const journal = await openPostgresJournal<Fact>(server.url('opening'), decodeFact)
    const wakers: (() => void)[] = []
    journal.subscribe = (listener) => {
      wakers.push(listener)
      return () => {}
    }
    const terms: number[] = []
    const take = journal.lead.bind(journal)
    journal.lead = async (replica) => {
      for (const wake of wakers) wake()
      const lead = await take(replica)
      terms.push(lead.term)
      return lead
    }
    const leadership = alwaysLeader('opening')
    const controller = await Controller.open({ replication: { journal, leadership }, clock: virtualClock(START) })
    t.teardown(() => controller.close())
    await controller.submit(enrolled('d0'))
    await controller.settled()
    t.same(terms, [1])
    t.equal(controller.follower?.term, 1)
  })

  t.test('clocks that differ by minutes make no difference to the order, and time never goes back', async (t) => {
    const replicas = await start(t, server, 'skew', 3, ['2026-03-01T00:05:00Z', START, '2026-02-28T23:50:00Z'])
    replicas[1].lead(true)
    await replicas[0].controller.submit(enrolled('seed'), ...SITE)
    for (let i = 0; i < 9; i++) await replicas[i % 3]?.controller.submit(enrolled(`d${i}`), report(`d${i}`, 1))
    await allTheSame(t, replicas)
    const state = checkReplay(t, await entriesOf(replicas[1].controller))
    t.equal(state.clock, Date.parse('2026-03-01T00:05:00Z'))
    t.ok(replicas[1].decisions.includes('TargetsJoined'))
  })

  t.test('a replica that is too far behind goes on from a snapshot', async (t) => {
    const [leader] = await start(t, server, 'behind', 1, [START], 50)
    const [late] = await start(t, server, 'behind', 1, [START], 50)
    leader.lead(true)
    await leader.controller.submit(enrolled('d0'))
    await until(() => late.controller.state.fleet.rowOf.has('d0'))
    late.hold(true)
    for (let sequence = 1; sequence <= 300; sequence++) await leader.controller.submit(report('d0', sequence))
    await until(() => leader.controller.journal.compactedThrough > 100)
    late.hold(false)
    await late.controller.submit(report('d0', 301))
    t.equal(late.controller.state.fleet.sequence[0], 301)
    await allTheSame(t, [leader, late])
  })

  t.test('what only a leader does is started and ended with its leading, one after the other', async (t) => {
    const [replica] = await start(t, server, 'services', 1)
    const log: string[] = []
    const errors: unknown[] = []
    const running = {
      close() {
        log.push('close')
        if (log.length === 4) throw new Error('it cannot be ended')
      },
    }
    const begin = () => {
      log.push('start')
      return running
    }
    const service = whileLeading(replica.controller, begin, (error) => errors.push(error))
    await service.ready
    t.same(log, [])
    replica.lead(true)
    await until(() => log.length === 1)
    replica.lead(false)
    await until(() => log.length === 2)
    replica.lead(true)
    await until(() => log.length === 3)
    await service.close()
    t.same(log, ['start', 'close', 'start', 'close'])
    t.match(errors, [/it cannot be ended/])
  })

  t.test('a key that is good for once lets in one device, whichever replicas are asked', async (t) => {
    const replicas = await start(t, server, 'once', 2)
    const [first, second] = replicas
    await first.controller.submit({ type: 'EnrolmentKeyIssued', keyHash: 'key', once: true, by: 'admin' })
    await Promise.all([first.controller.submit(enrolled('a')), second.controller.submit(enrolled('b'))])
    await allTheSame(t, replicas)
    t.equal(first.controller.state.fleet.ids.length, 1)
  })
})

type Replica = {
  readonly controller: Controller
  readonly clock: VirtualClock
  readonly decisions: string[]
  readonly errors: unknown[]
  readonly lead: (leads: boolean) => void
  /** Keeps from it what others append. */
  readonly hold: (held: boolean) => void
}

/** At least one, so that the first few need no check for being there. */
type Replicas = [Replica, Replica, Replica, ...Replica[]]

async function start(
  t: Test,
  server: PostgresServer,
  schema: string,
  count: number,
  clocks: readonly string[] = [],
  snapshotEvery = 1_000_000,
): Promise<Replicas> {
  const replicas: Replica[] = []
  for (let i = 0; i < count; i++)
    replicas.push(await startOne(t, server.url(schema), `r${i}`, clocks[i] ?? START, snapshotEvery))
  const [first = fail(), second = first, third = second, ...rest] = replicas
  return [first, second, third, ...rest]
}

function fail(): never {
  throw new Error('no replica')
}

async function startOne(t: Test, url: string, identity: string, at: string, snapshotEvery: number): Promise<Replica> {
  const clock = virtualClock(at)
  const decisions: string[] = []
  const errors: unknown[] = []
  const listeners = new Set<(leader: boolean) => void>()
  let leads = false
  let held = false
  const leadership: Leadership = {
    identity,
    isLeader: () => leads,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {},
  }
  const shared = await openPostgresJournal<Fact>(url, decodeFact, { pollMs: 200 })
  const subscribe = shared.subscribe.bind(shared)
  shared.subscribe = (listener) => subscribe(() => held || listener())
  const controller = await Controller.open({
    replication: { journal: shared, leadership },
    clock,
    snapshotEvery,
    onDecisions: (made) => decisions.push(...made.map(({ type }) => type)),
    onError: (error) => errors.push(error),
  })
  t.teardown(() => controller.close())
  const lead = (leader: boolean) => {
    leads = leader
    for (const listener of listeners) listener(leader)
  }
  const hold = (now: boolean) => {
    held = now
  }
  return { controller, clock, decisions, errors, lead, hold }
}

function report(device: string, sequence: number): Input {
  return reported(device, { sequence, at: START, messages: [{ update: 'u1', topic: 500, state: 3 }] })
}

function targetsOf({ controller }: Replica): number {
  const [phase] = controller.state.control.rollouts.get('rollout')?.phases ?? []
  return phase !== undefined && isStarted(phase) ? phase.devices : 0
}

async function entriesOf({ journal }: Controller) {
  return Array.fromAsync(journal.read(0))
}

/** Once nothing is under way, all hold the same, byte for byte. */
async function allTheSame(t: Test, replicas: readonly Replica[]): Promise<void> {
  const isQuiet = () => {
    const heads = replicas.map(({ controller }) => controller.journal.lastSeq - (controller.follower?.lag ?? 0))
    return new Set(heads).size === 1 && replicas.every(({ controller }) => controller.follower?.lag === 0)
  }
  for (let still = 0; still < 30; still = isQuiet() ? still + 1 : 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(new Set(replicas.map(({ controller }) => digestOf(controller.state))).size, 1, 'all hold the same')
}
