// Who is in which phase, and when its updates are available and due there (semantics.md §3 and §6).
import { test } from 'tap'
import { movedSince, movesOf } from '../../controller/fleet/collections.ts'
import { hasBit, planeRows } from '../../controller/model/bit-plane.ts'
import { ringPosition } from '../../controller/model/hash.ts'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import { evolve } from '../../controller/rollout/control.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { joiners } from '../../controller/rollout/targets.ts'
import { decide } from '../../controller/state/decide.ts'
import { command, declared, enrolled, removed, ring, synced, update, type Written } from '../support/declare.ts'
import {
  at,
  declaring,
  figures,
  figuresFromPlanes,
  given,
  installsFor,
  newStory,
  offerTo,
  phasesOf,
  rolloutOf,
  rowOf,
  type Story,
  say,
  says,
  startedPhase,
  tell,
  the,
  types,
  wait,
} from '../support/story.ts'

const NAME = 'rule-20260101'
type RuleSpec = Written<'AutomaticDeploymentRule'>

function fleetOf(count: number, attributes: (i: number) => Record<string, string>): Story {
  const story = newStory()
  declaring(story, ring('a'), ring('b'))
  given(story, synced(update('u1')), ...Array.from({ length: count }, (_, i) => enrolled(`d${i}`, attributes(i))))
  return story
}

function evaluated(story: Story, spec: Partial<RuleSpec>): void {
  declaring(
    story,
    declared('AutomaticDeploymentRule', 'rule', { criteria: { classifications: ['Security Updates'] }, ...spec }),
  )
  given(story, command({ type: 'Evaluate', rule: 'rule' }))
}

function members(story: Story, index: number): string[] {
  return planeRows(startedPhase(story, NAME, index).targets).map((row) => story.state.fleet.ids[row] ?? '')
}

test('a percentage takes the devices whose ring position lies below it, less those of earlier phases', async (t) => {
  const story = fleetOf(400, () => ({ ring: 'a' }))
  const percentages = [5, 25, 60, 100]
  evaluated(story, {
    phases: percentages.map((percent, i) => ({
      name: `p${i}`,
      collection: 'a',
      percent,
      soak: 'PT0S',
      successPercent: 1,
      failurePercent: 99,
    })),
  })
  for (const [index, percent] of percentages.entries()) {
    const from = (percentages[index - 1] ?? 0) * 100
    const due = story.state.fleet.ids.filter((id) => ringPosition(id) >= from && ringPosition(id) < percent * 100)
    t.same(members(story, index), due, `${percent} %`)
    t.ok(due.length > 0)
    wait(story, 'PT1H')
    say(story, due.slice(0, Math.ceil(due.length / 50)), { installed: ['u1'] })
  }
  t.equal(rolloutOf(story, NAME).status, 'Succeeded')
})

test('a device keeps the phase that it began in when it comes into the collection of another', async (t) => {
  const story = fleetOf(4, (i) => ({ ring: i < 2 ? 'a' : 'b' }))
  evaluated(story, {
    phases: [
      { name: 'p1', collection: 'a', soak: 'PT0S', successPercent: 50 },
      { name: 'p2', collection: 'all' },
    ],
  })
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ['u1'] })
  t.same(members(story, 1), ['d2', 'd3'])
  say(story, ['d1'], { attributes: { ring: 'b' } })
  t.same(members(story, 0), ['d0', 'd1'])
  t.same(members(story, 1), ['d2', 'd3'])
  t.same(installsFor(story, 'd1'), [], 'it left the collection of its phase')
  say(story, ['d1'], { attributes: { ring: 'a' } })
  t.same(installsFor(story, 'd1'), ['u1'])
})

test('a device that joins later is added to its phase, and approved there', async (t) => {
  const story = fleetOf(2, () => ({ ring: 'a' }))
  evaluated(story, {
    phases: [
      { name: 'p1', collection: 'a' },
      { name: 'p2', collection: 'all' },
    ],
  })
  const decided = given(story, enrolled('new', { ring: 'a' }), enrolled('elsewhere', { ring: 'b' }))
  t.match(the(decided, 'TargetsJoined'), { phase: 'p1', devices: 1 })
  t.match(the(decided, 'UpdatesApproved'), { phase: 'p1', devices: 1 })
  t.same(installsFor(story, 'new'), ['u1'])
  t.same(installsFor(story, 'elsewhere'), [], 'its phase has not started')
})

test('who joins is the same whether everybody is looked at or those alone who moved', async (t) => {
  const story = fleetOf(400, (i) => ({ ring: ['a', 'b', 'c'][i % 3] ?? '' }))
  evaluated(story, {
    phases: [
      { name: 'p1', collection: 'a', percent: 40, soak: 'PT0S', successPercent: 1 },
      { name: 'p2', collection: 'a', soak: 'PT0S', successPercent: 50 },
      { name: 'p3', collection: 'b' },
    ],
  })
  wait(story, 'PT1H')
  say(story, members(story, 0), { installed: ['u1'] })
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active', 'Waiting'])
  const rollout = rolloutOf(story, NAME)
  const before = movesOf(story.state.collections)
  for (const [i, to] of ['a', 'b', 'c', 'a'].entries())
    for (let k = i; k < 400; k += 7) tell(story, says(story, `d${k}`, { attributes: { ring: to } }))
  tell(story, removed('d3'), enrolled('d400', { ring: 'a' }), enrolled('d3', { ring: 'b' }))
  const moved = movedSince(story.state.collections, before) ?? []
  const rows = (all: ReturnType<typeof joiners>) => all.map(({ index, rows }) => [index, Array.from(rows)])
  t.same(rows(joiners(story.state, rollout, moved)), rows(joiners(story.state, rollout)))
  t.ok(rows(joiners(story.state, rollout)).length === 2, 'some joined either phase')
  given(story)
  t.same(joiners(story.state, rolloutOf(story, NAME)), [], 'and have joined now')
})

test('who joins is counted at once, in the decision as in the world after it', async (t) => {
  const story = fleetOf(3, () => ({ ring: 'a' }))
  evaluated(story, { phases: [{ name: 'p1', collection: 'a' }] })
  say(story, ['d0'], { installed: ['u1'] })
  tell(story, removed('d1'), ...Array.from({ length: 40 }, (_, i) => enrolled(`new${i}`, { ring: 'a' })))
  const before = rolloutOf(story, NAME)
  const decided = decide(story.state, Temporal.Instant.fromEpochMilliseconds(story.now)).decisions
  const joined = the(decided, 'TargetsJoined')
  const after = evolve(story.state.control, story.now, joined).rollouts.get(NAME) ?? before
  t.same(gateFigures(story.state, after, 0), figuresFromPlanes(story.state, after, 0))
  tell(story, joined)
  t.same(figures(story, NAME), { targets: 42, compliant: 1, failed: 0, unknown: 41 })
  tell(story, joined)
  t.equal(figures(story, NAME).targets, 42, 'the same again changes nothing')
})

test('newDevices: Last leaves them to the last phase', async (t) => {
  const story = fleetOf(2, () => ({ ring: 'a' }))
  evaluated(story, {
    newDevices: 'Last',
    phases: [
      { name: 'p1', collection: 'a', soak: 'PT0S' },
      { name: 'p2', collection: 'all', whenEmpty: 'Skip' },
    ],
  })
  t.same(given(story, enrolled('new', { ring: 'a' })), [])
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1'] })
  t.same(members(story, 1), ['new'])
  t.match(the(given(story, enrolled('newer', { ring: 'a' })), 'TargetsJoined'), { phase: 'p2', devices: 1 })
})

test('a device that joins while the rollout is paused is added when it goes on', async (t) => {
  const story = fleetOf(2, () => ({ ring: 'a' }))
  evaluated(story, { phases: [{ name: 'p1', collection: 'a' }] })
  given(story, command({ type: 'Pause', rollout: NAME }))
  t.same(given(story, enrolled('new', { ring: 'a' })), [])
  t.same(installsFor(story, 'new'), [])
  t.same(types(given(story, command({ type: 'Resume', rollout: NAME }))), [
    'RolloutResumed',
    'UpdatesApproved',
    'TargetsJoined',
    'UpdatesApproved',
  ])
  t.same(installsFor(story, 'new'), ['u1'])
})

test('a device joins a rollout that has succeeded', async (t) => {
  const story = fleetOf(1, () => ({ ring: 'a' }))
  evaluated(story, { phases: [{ name: 'p1', collection: 'a', soak: 'PT0S' }] })
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ['u1'] })
  t.equal(rolloutOf(story, NAME).status, 'Succeeded')
  given(story, enrolled('new', { ring: 'a' }))
  t.same(installsFor(story, 'new'), ['u1'])
})

test('the first phase counts from the evaluation, later ones from their own start', async (t) => {
  const story = fleetOf(2, (i) => ({ ring: i < 1 ? 'a' : 'b' }))
  const start = story.now
  evaluated(story, {
    deployment: { availableAfter: 'PT6H', deadlineAfter: 'P3D', spread: 'PT0S' },
    phases: [
      { name: 'p1', collection: 'a', soak: 'PT0S' },
      { name: 'p2', collection: 'b', deployment: { deadlineAfter: 'P5D' } },
    ],
  })
  t.match(startedPhase(story, NAME), { available: start + 6 * HOUR, deadline: start + 6 * HOUR + 3 * DAY })
  wait(story, 'P1D')
  say(story, ['d0'], { installed: ['u1'] })
  t.match(startedPhase(story, NAME, 1), {
    available: story.now + 6 * HOUR,
    deadline: story.now + 6 * HOUR + 5 * DAY,
  })
})

test('a rollout that starts late leaves its devices the whole time to the deadline', async (t) => {
  const story = fleetOf(1, () => ({ ring: 'a' }))
  const spec: Partial<RuleSpec> = { enabled: false, phases: [{ name: 'p1', collection: 'a' }] }
  evaluated(story, spec)
  const evaluation = story.now
  wait(story, 'P14D')
  declaring(
    story,
    declared('AutomaticDeploymentRule', 'rule', {
      criteria: { classifications: ['Security Updates'] },
      ...spec,
      enabled: true,
    }),
  )
  t.match(startedPhase(story, NAME), { available: evaluation, deadline: evaluation + 21 * DAY })
})

test('a gradual phase makes devices available in equal daily parts, each with the whole time to its deadline', async (t) => {
  const story = fleetOf(500, () => ({ ring: 'a' }))
  evaluated(story, {
    deployment: { deadlineAfter: 'P2D', spread: 'PT0S' },
    phases: [{ name: 'p1', collection: 'a', gradual: { over: 'P5D' } }],
  })
  const start = startedPhase(story, NAME).available
  const byDay = [0, 0, 0, 0, 0]
  for (const device of story.state.fleet.ids) {
    const offer = offerTo(story, device, 'u1')
    const day = ((offer?.available ?? 0) - start) / DAY
    byDay[day] = (byDay[day] ?? 0) + 1
    if ((offer?.deadline ?? 0) - (offer?.available ?? 0) !== 2 * DAY)
      t.fail(`${device} has another time to its deadline`)
  }
  t.equal(byDay.length, 5)
  t.ok(
    byDay.every((count) => count > 60 && count < 140),
    `${byDay}`,
  )
})

test('DeviceLocal is the same wall-clock on each device; without a zone a device comes last on earth', async (t) => {
  const zones = ['UTC', 'Asia/Tokyo', 'America/Los_Angeles', 'nowhere/at-all', '']
  const story = fleetOf(zones.length, (i) => ({ ring: 'a', ...(zones[i] !== '' && { timeZone: zones[i] ?? '' }) }))
  declaring(
    story,
    declared('AutomaticDeploymentRule', 'rule', {
      criteria: { classifications: ['Security Updates'] },
      evaluate: { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00', timeZone: 'Europe/Berlin' } },
      deployment: { timeBasis: 'DeviceLocal', spread: 'PT0S', deadlineAfter: 'P1D' },
      phases: [{ name: 'p1', collection: 'a' }],
    }),
  )
  wait(story, 'P14D')
  const expected = [
    '2026-01-13T18:00:00Z',
    '2026-01-13T18:00:00+09:00',
    '2026-01-13T18:00:00-08:00',
    '2026-01-13T18:00:00-12:00',
    '2026-01-13T18:00:00-12:00',
  ]
  for (const [i, wall] of expected.entries()) {
    const offer = offerTo(story, `d${i}`, 'u1')
    t.match(offer, { available: at(wall), deadline: at(wall) + DAY }, `in zone "${zones[i]}"`)
  }
})

test('deadlines spread over two hours by the device, and not at all with PT0S', async (t) => {
  const story = fleetOf(300, () => ({ ring: 'a' }))
  evaluated(story, { phases: [{ name: 'p1', collection: 'a' }] })
  const { deadline } = startedPhase(story, NAME)
  const late = story.state.fleet.ids.map((device) => (offerTo(story, device, 'u1')?.deadline ?? 0) - deadline)
  t.ok(late.every((by) => by >= 0 && by < 2 * HOUR))
  t.ok(new Set(late).size > 290, 'each device has its own')
  t.ok(Math.max(...late) > HOUR && Math.min(...late) < HOUR)
})

test('a removed device leaves its phase, and comes back to it', async (t) => {
  const story = fleetOf(3, () => ({ ring: 'a' }))
  evaluated(story, { phases: [{ name: 'p1', collection: 'a' }] })
  given(story, removed('d1'))
  t.same(installsFor(story, 'd1'), [])
  given(story, enrolled('d1', { ring: 'a' }))
  t.same(installsFor(story, 'd1'), ['u1'])
  t.ok(hasBit(startedPhase(story, NAME).targets, rowOf(story, 'd1')))
  t.same(phasesOf(story, NAME), ['Active'])
})
