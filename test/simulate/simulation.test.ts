import fc from 'fast-check'
import { test } from 'tap'
import { countBits } from '../../controller/model/bit-plane.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { offersFor } from '../../controller/rollout/offers.ts'
import type { AgentEvent } from '../../controller/simulate/agent.ts'
import { agentPolicy } from '../../controller/simulate/agent-policy.ts'
import { NO_FAULTS } from '../../controller/simulate/faults.ts'
import type { Member } from '../../controller/simulate/simulated-fleet.ts'
import { worldPolicy } from '../../controller/simulate/world-policy.ts'
import type { State } from '../../controller/state/state.ts'
import { play } from './play.ts'
import { CATALOG, DECLARATIONS, JANUARY, scenario } from './samples.ts'

const order = { scenario: scenario(), declarations: DECLARATIONS, catalog: CATALOG, ...JANUARY }
const failing = scenario(
  '  failures: [{updates: [os-*], percent: 20}, {updates: [office-*], percent: 50, attempts: 1}]\n',
)

test('the same input and seed give the same bytes, another seed gives others', async (t) => {
  const first = play({ ...order, scenario: failing, seed: 7 })
  const again = play({ ...order, scenario: failing, seed: 7 })
  const other = play({ ...order, scenario: failing, seed: 8 })
  t.same(first.broken, [])
  t.equal(again.ndjson, first.ndjson)
  t.equal(again.story, first.story)
  t.not(other.ndjson, first.ndjson)
})

test('a device more changes nothing that the others do', async (t) => {
  const events = (pcs: number) => {
    const seen: string[] = []
    const onAgent = (state: State, member: Member, { type, at, offer }: AgentEvent) => {
      const device = state.fleet.ids[member.row] ?? ''
      if (device.startsWith('pilot-')) seen.push(`${device} ${type} ${offer.id} ${at}`)
    }
    play({ ...order, scenario: scenario('', pcs), watcher: { onAgent } })
    return seen.sort()
  }
  const few = events(20)
  t.ok(few.length >= 48, 'eight devices start and finish three updates each')
  t.same(events(21), few)
})

test('a controller that dies and comes back from its snapshot tells the same story', async (t) => {
  const { story } = play({ ...order, scenario: failing })
  for (const crashEvery of [1, 7]) {
    const crashed = play({ ...order, scenario: failing, faults: { ...NO_FAULTS, crashEvery } })
    const steady = play({ ...order, scenario: failing, faults: { ...NO_FAULTS } })
    t.same(crashed.broken, [])
    t.equal(crashed.story, steady.story)
  }
  t.match(story, /HALTED/)
})

test('a policy in numbers is the policy of the device, less what it has no use for', async (t) => {
  let compared = 0
  const onStep = (state: State, at: number) => {
    if ((at / 60_000) % 3 !== 0) return
    for (const row of [0, 3, 11]) {
      const whole = agentPolicy(devicePolicy(state, row, at))
      const needed = whole.offers.filter(({ action }) => action === 'Install').map(({ id }) => id)
      t.same(worldPolicy(state, row, at, needed).policy.offers, whole.offers)
      t.same(worldPolicy(state, row, at, state.catalog.ids).policy.offers, whole.offers)
      const one = new Set(needed.slice(0, 1))
      t.same(
        offersFor(state, row, one).offers,
        offersFor(state, row).offers.filter(({ update, action }) => action === 'Uninstall' || one.has(update.id)),
      )
      compared += whole.offers.length
    }
  }
  play({ ...order, scenario: failing, watcher: { onStep } })
  t.ok(compared > 100)
})

test('a device that was silent for too long is heard of with its first call, though it has nothing to say', async (t) => {
  const silent: string[] = []
  const onStep = (state: State, at: number) => {
    const devices = countBits(state.fleet.stale)
    if (devices !== Number(silent.at(-1)?.split(' ')[0] ?? 0))
      silent.push(`${devices} ${new Date(at).toISOString().slice(0, 13)}`)
  }
  const offline = '  offline: [{devices: [pc-0003], times: {from: "2026-01-13T12:00", until: "2026-01-22T12:00"}}]\n'
  const { broken } = play({ ...order, scenario: scenario(offline), declarations: '', watcher: { onStep } })
  t.same(broken, [])
  t.same(silent, ['1 2026-01-20T11', '0 2026-01-22T12'])
})

test('what a rollback asks to uninstall is uninstalled, and nothing is begun after it', async (t) => {
  const begun: string[] = []
  let rolledBack = Infinity
  const { end, broken, decisions } = play({
    ...order,
    scenario: scenario('  failures: [{updates: [office-*], percent: 60}]\n  reporting: {every: PT30M}\n'),
    watcher: {
      onDecision: (_state, at, { type }) => {
        if (type === 'RolloutRolledBack') rolledBack = Math.min(rolledBack, at)
      },
      onAgent: (_state, _member, { type, at, offer }) => {
        if (type === 'Started')
          begun.push(`${offer.action} ${offer.id} ${at - rolledBack > 30 * 60_000 ? 'after' : 'before'}`)
      },
    },
  })
  t.same(broken, [])
  const undone = decisions.flatMap(({ decision }) => (decision.type === 'RolloutRolledBack' ? decision.uninstall : []))
  t.same(undone, ['os-2026-01'])
  t.ok(begun.some((text) => text.startsWith('Install os-2026-01')))
  t.ok(begun.some((text) => text.startsWith('Uninstall os-2026-01')))
  t.notOk(begun.some((text) => text.startsWith('Install') && text.endsWith('after')))
  const planes = [...end.state.compliance.updates].find(([id]) => id === 'os-2026-01')?.[1]
  t.equal(planes?.installed ?? 0, 0, 'nobody has it any more')
})

test('whatever fails, is late, comes twice or is off the clock: no law is broken', async (t) => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(10_000),
        failures: fc.constantFrom(
          '',
          'failures: [{updates: ["*"], percent: 12}]',
          'failures: [{updates: [browser-*], percent: 90, attempts: 2, during: Download}]',
        ),
        offline: fc.constantFrom(
          '',
          'offline: [{percent: 50, times: {schedule: {rrule: FREQ=DAILY, at: "20:00", timeZone: DeviceLocal}, duration: PT13H}}]',
          'offline: [{percent: 30, power: "On", times: {from: "2026-01-14T00:00", until: "2026-01-24T00:00"}}]',
        ),
        commands: fc.constantFrom(
          '',
          'commands: [{at: "2026-01-15T01:00:00Z", pause: monthly-20260113}, {at: "2026-01-17T00:00:00Z", resume: monthly-20260113}]',
          'commands: [{at: "2026-01-15T03:00:00Z", rollback: monthly-20260113}]',
        ),
        changes: fc.constantFrom(
          '',
          'changes: [{at: "2026-01-15T00:00:00Z", percent: 20, attributes: {ring: pilot}}, {at: "2026-01-16T00:00:00Z", percent: 10, remove: true}]',
        ),
        late: fc.nat(40),
        twice: fc.nat(40),
        skew: fc.nat(90),
        crash: fc.constantFrom(0, 5),
      }),
      ({ seed, failures, offline, commands, changes, late, twice, skew, crash }) => {
        const rest = [failures, offline, commands, changes]
          .flatMap((line) => (line === '' ? [] : [`  ${line}\n`]))
          .join('')
        const faults = {
          latePercent: late,
          lateMinutes: 300,
          twicePercent: twice,
          skewMinutes: skew,
          crashEvery: crash,
        }
        const { broken } = play({ ...order, seed, scenario: scenario(rest), faults })
        if (broken.length > 0) t.comment(broken.join('\n'))
        return broken.length === 0
      },
    ),
    { seed: 42, numRuns: 60 },
  )
  t.pass()
})
