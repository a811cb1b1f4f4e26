import { test } from 'tap'
import { HOUR, MINUTE } from '../../controller/model/instant.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { type AgentEvent, advance, receivePolicy } from '../../controller/simulate/agent.ts'
import type { AgentOffer, AgentPolicy } from '../../controller/simulate/agent-policy.ts'
import { noteStatus, scanWatched, takeReport } from '../../controller/simulate/agent-report.ts'
import { type Agent, type Machine, newAgent } from '../../controller/simulate/agent-state.ts'

const A = UpdateId.parse('a')
const B = UpdateId.parse('b')
const always = [{ from: 0, until: 100 * HOUR }]

function offer(id: UpdateId, rest: Partial<AgentOffer> = {}): AgentOffer {
  return {
    id,
    action: 'Install',
    available: 0,
    start: always,
    restart: { behaviour: 'Never', allowed: true, times: always },
    maxRunTimeMinutes: 60,
    ...rest,
  }
}

function policy(...offers: AgentOffer[]): AgentPolicy {
  return { maxAgeMs: 24 * HOUR, offers, watched: offers.map(({ id }) => ({ id, from: 0 })) }
}

/** Downloads take a minute, installations ten; both updates are missing. */
function machine(rest: Partial<Machine> = {}): Machine {
  const installed = new Set<UpdateId>()
  return {
    status: (id) => (installed.has(id) ? 3 : 2),
    download: () => ({ lasts: MINUTE }),
    install: () => ({ lasts: 10 * MINUTE }),
    needsRestart: ({ restart }) => restart.behaviour === 'Requires',
    restart: () => 5 * MINUTE,
    personRestarts: (now) => now + 30 * HOUR,
    commit: ({ id, action }) => {
      if (action === 'Install') installed.add(id)
      else installed.delete(id)
      return [id]
    },
    onFrom: (now) => now,
    retryAfterMs: HOUR,
    maxAttempts: 3,
    ...rest,
  }
}

/** Lets the agent act whenever it wants to, from `from` to `until`; returns what it did, in minutes. */
function run(agent: Agent, device: Machine, from: number, until: number): string[] {
  const did: string[] = []
  const note = ({ type, at, offer: { id, action } }: AgentEvent) => did.push(`${type} ${action} ${id} ${at / MINUTE}`)
  for (let now = from; now <= until; ) now = Math.max(now + 1, advance(agent, device, now, note))
  return did
}

test('what is shortest by the order of the policy is started first, one after the other', async (t) => {
  const agent = newAgent()
  receivePolicy(agent, policy(offer(B), offer(A)), 0)
  t.same(run(agent, machine(), 0, HOUR), [
    'Started Install b 1',
    'Finished Install b 11',
    'Started Install a 11',
    'Finished Install a 21',
  ])
})

test('nothing starts before its interval or after it; what runs goes on past its end', async (t) => {
  const agent = newAgent()
  const start = [{ from: 20 * MINUTE, until: 25 * MINUTE }]
  receivePolicy(agent, policy(offer(A, { start }), offer(B, { start })), 0)
  t.same(run(agent, machine(), 0, 10 * HOUR), ['Started Install a 20', 'Finished Install a 30'])
})

test('what a newer policy does not offer is not begun, what runs is finished', async (t) => {
  const agent = newAgent()
  const device = machine()
  receivePolicy(agent, policy(offer(A), offer(B)), 0)
  t.same(run(agent, device, 0, 5 * MINUTE), ['Started Install a 1'])
  receivePolicy(agent, policy(), 5 * MINUTE)
  t.same(run(agent, device, 5 * MINUTE, 10 * HOUR), ['Finished Install a 11'])
})

test('a policy that could not be renewed for its max age starts nothing more', async (t) => {
  const agent = newAgent()
  const start = [{ from: 24 * HOUR, until: 100 * HOUR }]
  receivePolicy(
    agent,
    policy(offer(A, { start: [{ from: 24 * HOUR + 1, until: 100 * HOUR }] }), offer(B, { start })),
    0,
  )
  t.same(run(agent, machine(), 0, 90 * HOUR), ['Started Install b 1440', 'Finished Install b 1450'])
})

test('a device that restarts does so in the times for it, and only then counts as installed', async (t) => {
  const agent = newAgent()
  const restart = { behaviour: 'Requires', allowed: true, times: [{ from: HOUR, until: 2 * HOUR }] } as const
  receivePolicy(agent, policy(offer(A, { restart })), 0)
  const device = machine()
  t.same(run(agent, device, 0, 30 * MINUTE), ['Started Install a 1', 'Finished Install a 11'])
  t.same(takeReport(agent, 30 * MINUTE)?.messages, [{ topic: 301, update: A, state: 5 }])
  t.same(run(agent, device, 30 * MINUTE, 3 * HOUR), ['Restarted Install a 65'])
  const said = takeReport(agent, 3 * HOUR)
  t.same(said?.scan?.installed, [A])
  t.same(said?.messages, [{ topic: 301, update: A, state: 4 }])
})

test('where restarts are suppressed a person restarts', async (t) => {
  const agent = newAgent()
  receivePolicy(agent, policy(offer(A, { restart: { behaviour: 'Requires', allowed: false, times: [] } })), 0)
  t.same(run(agent, machine(), 0, 40 * HOUR).at(-1), `Restarted Install a ${11 + 30 * 60 + 5}`)
})

test('a failed attempt is told with its code, tried again after a while, and given up after enough of them', async (t) => {
  const agent = newAgent()
  receivePolicy(agent, policy(offer(A)), 0)
  const device = machine({ install: () => ({ lasts: 10 * MINUTE, code: '0x80070643' }) })
  const did = run(agent, device, 0, 20 * HOUR)
  t.same(did, [
    'Started Install a 1',
    'Failed Install a 11',
    'Started Install a 71',
    'Failed Install a 81',
    'Started Install a 141',
    'Failed Install a 151',
  ])
  t.same(takeReport(agent, HOUR)?.messages, [{ topic: 301, update: A, state: 6, code: '0x80070643' }])
})

test('what failed counts when it is offered again, what was downloaded does not', async (t) => {
  const agent = newAgent()
  const attempts: string[] = []
  const device = machine({
    download: (id, attempt) => {
      attempts.push(`download ${id} ${attempt}`)
      return { lasts: MINUTE }
    },
    install: ({ id }, attempt) => {
      attempts.push(`install ${id} ${attempt}`)
      return { lasts: 10 * MINUTE, code: '0x80070643' }
    },
    maxAttempts: 2,
  })
  receivePolicy(agent, policy(offer(A)), 0)
  run(agent, device, 0, 20 * MINUTE)
  receivePolicy(agent, policy(), 20 * MINUTE)
  receivePolicy(agent, policy(), 30 * MINUTE)
  run(agent, device, 30 * MINUTE, 2 * HOUR)
  receivePolicy(agent, policy(offer(A)), 2 * HOUR)
  run(agent, device, 2 * HOUR, 20 * HOUR)
  t.same(attempts, ['download a 1', 'install a 1', 'download a 2', 'install a 2'], 'and it is given up in the end')
})

test('what failed after it was withdrawn counts as well', async (t) => {
  const agent = newAgent()
  const device = machine({ install: () => ({ lasts: 10 * MINUTE, code: '0x80070643' }), maxAttempts: 1 })
  receivePolicy(agent, policy(offer(A)), 0)
  t.same(run(agent, device, 0, 5 * MINUTE), ['Started Install a 1'])
  receivePolicy(agent, policy(offer(B)), 5 * MINUTE)
  t.same(run(agent, device, 5 * MINUTE, 12 * MINUTE), ['Failed Install a 11', 'Started Install b 12'])
  receivePolicy(agent, policy(offer(A)), 12 * MINUTE)
  t.same(run(agent, device, 12 * MINUTE, 20 * HOUR), ['Failed Install b 22'])
})

test('a download that fails is told of, and nothing is installed without it', async (t) => {
  const agent = newAgent()
  receivePolicy(agent, policy(offer(A)), 0)
  t.same(run(agent, machine({ download: () => ({ lasts: MINUTE, code: '0x80246007' }) }), 0, 20 * HOUR), [])
  t.same(takeReport(agent, HOUR)?.messages, [{ topic: 301, update: A, state: 9, code: '0x80246007' }])
})

test('a device that is off starts when it is on again', async (t) => {
  const agent = newAgent()
  receivePolicy(agent, policy(offer(A)), 0)
  const onFrom = (now: number) => Math.max(now, 3 * HOUR)
  t.same(run(agent, machine({ onFrom }), 0, 5 * HOUR), ['Started Install a 181', 'Finished Install a 191'])
})

test('an uninstall needs no download, and takes away what is there only', async (t) => {
  const agent = newAgent()
  const device = machine()
  receivePolicy(agent, policy(offer(A)), 0)
  run(agent, device, 0, HOUR)
  receivePolicy(agent, policy(offer(A, { action: 'Uninstall' }), offer(B, { action: 'Uninstall' })), HOUR)
  t.same(run(agent, device, HOUR, 5 * HOUR), ['Started Uninstall a 60', 'Finished Uninstall a 70'])
  t.equal(device.status(A), 2)
})

test('what is watched is told once it counts; where that is not known, every day', async (t) => {
  const agent = newAgent()
  const device = machine()
  const watched = [
    { id: A, from: 2 * HOUR },
    { id: B, from: undefined },
  ]
  receivePolicy(agent, { maxAgeMs: 24 * HOUR, offers: [], watched }, 0)
  t.equal(scanWatched(agent, device, 0), 2 * HOUR)
  t.same(takeReport(agent, 0)?.scan?.required, [B])
  t.equal(scanWatched(agent, device, 2 * HOUR), 24 * HOUR + 2 * HOUR)
  t.same(takeReport(agent, 2 * HOUR)?.scan?.required, [A])
  t.equal(takeReport(agent, 3 * HOUR), undefined, 'nothing is left to say')
  scanWatched(agent, device, 25 * HOUR)
  const said = takeReport(agent, 25 * HOUR)
  t.same(said?.scan?.required, [B])
  t.equal(said?.sequence, 3, 'each report has the next number')
})

test('of many updates, a report says what was found of each last, in the order in which they came up', async (t) => {
  const ids = Array.from({ length: 40 }, (_, i) => UpdateId.parse(`u${i}`))
  for (const many of [3, 16, 17, 40]) {
    const agent = newAgent()
    const some = ids.slice(0, many)
    for (const id of some) noteStatus(agent, id, 2)
    for (const id of some.toReversed()) if (some.indexOf(id) % 3 === 0) noteStatus(agent, id, 3)
    t.same(takeReport(agent, 0)?.scan, {
      required: some.filter((_, i) => i % 3 !== 0),
      installed: some.filter((_, i) => i % 3 === 0),
      notRequired: [],
    })
  }
})
