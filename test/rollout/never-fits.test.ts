// Updates that fit no window, counted over a phase, are those of which the devices' own policies say so.
import fc from 'fast-check'
import { test } from 'tap'
import { planeOf } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { misfitsByPhase } from '../../controller/project/rollout-misfits.ts'
import { describeMisfits, misfitsOf } from '../../controller/rollout/never-fits.ts'
import { command, declare, declared, enrolled, ring, synced, update } from '../support/declare.ts'
import { given, newStory, rolloutOf, rowOf, type Story, says, the } from '../support/story.ts'

const SITES = ['a', 'b', 'c']
const ZONES = ['UTC', 'Europe/Berlin', 'Mars/Olympus', undefined]
const RUN_TIMES = [5, 30, 54, 55, 60, 120, 240]
const DEVICES = Array.from({ length: 12 }, (_, n) => `d${n}`)

const windowSpec = fc.record({
  collections: fc.subarray([...SITES, 'all', 'nowhere'], { minLength: 1 }),
  appliesTo: fc.constantFrom('AllDeployments' as const, 'SoftwareUpdates' as const),
  duration: fc.constantFrom('PT5M', 'PT35M', 'PT1H', 'PT2H', 'PT24H'),
  schedule: fc.record({
    rrule: fc.constantFrom(
      'FREQ=DAILY',
      'FREQ=WEEKLY;BYDAY=TU',
      'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24',
      'FREQ=MONTHLY;BYDAY=2TU',
    ),
    at: fc.constantFrom('00:00', '01:30', '02:00', '23:45'),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'DeviceLocal'),
  }),
})

const terms = fc.record({ install: fc.boolean(), useAll: fc.boolean() })

function world(windows: readonly (typeof windowSpec extends fc.Arbitrary<infer W> ? W : never)[]): readonly Declared[] {
  return windows.map((spec, n) => declared('MaintenanceWindow', `w${n}`, spec))
}

function begun(
  windows: Parameters<typeof world>[0],
  { install, useAll }: { install: boolean; useAll: boolean },
): Story {
  const story = newStory('2026-01-12T00:00:00Z')
  const rule = declared('AutomaticDeploymentRule', 'r', {
    criteria: { classifications: ['Security Updates'] },
    phases: [
      { name: 'first', collection: 'a' },
      { name: 'rest', collection: 'all' },
    ],
    deployment: { deadlineAfter: 'PT0S', outsideWindow: { install }, useAllDeploymentsWindows: useAll },
  })
  const devices = DEVICES.map((device, n) => {
    const timeZone = ZONES[n % 4]
    return enrolled(device, { ring: SITES[n % 3] ?? 'a', ...(timeZone !== undefined && { timeZone }) })
  })
  const updates = RUN_TIMES.map((minutes) => update(`u${minutes}`, { maxRunTimeMinutes: minutes }))
  given(story, declare(...SITES.map((site) => ring(site)), ...world(windows), rule), synced(...updates), ...devices)
  given(
    story,
    says(story, 'd0', { installed: ['u120'], notRequired: ['u240'] }),
    says(story, 'd3', { required: ['u54'] }),
  )
  given(story, command({ type: 'Evaluate', rule: 'r' }))
  return story
}

test('what a phase counts is what the policies of its devices say', async (t) => {
  const found = { some: 0, none: 0 }
  fc.assert(
    fc.property(fc.array(windowSpec, { maxLength: 5 }), terms, (windows, deployment) => {
      const story = begun(windows, deployment)
      const [first] = misfitsByPhase(story.state, rolloutOf(story, 'r-20260112'), story.now)
      const devices = new Set<string>()
      const updates = new Set<string>()
      for (const device of DEVICES)
        for (const { id, reason } of devicePolicy(story.state, rowOf(story, device), story.now).updates)
          if (reason === 'NeverFits') {
            devices.add(device)
            updates.add(id)
          }
      const expected = updates.size === 0 ? undefined : { updates: updates.size, devices: devices.size, atLeast: false }
      if (expected === undefined) found.none++
      else found.some++
      return JSON.stringify(first) === JSON.stringify(expected)
    }),
    { seed: 42, numRuns: 300 },
  )
  t.ok(found.some > 50 && found.none > 50, JSON.stringify(found))
})

test('phases to come are counted as if they started now, without the devices of those before them', async (t) => {
  const story = begun(
    [
      {
        collections: ['all'],
        appliesTo: 'AllDeployments',
        duration: 'PT1H',
        schedule: { rrule: 'FREQ=DAILY', at: '02:00', timeZone: 'UTC' },
      },
    ],
    {
      install: false,
      useAll: false,
    },
  )
  t.same(misfitsByPhase(story.state, rolloutOf(story, 'r-20260112'), story.now), [
    { updates: 4, devices: 4, atLeast: false },
    { updates: 4, devices: 8, atLeast: false },
  ])
  t.match(
    the(
      story.log.map(({ fact }) => fact),
      'PhaseStarted',
    ).message,
    /; NeverFits: 4 updates fit no window of 4 devices$/,
  )
  given(
    story,
    declare(
      declared('MaintenanceWindow', 'w1', {
        collections: ['c'],
        duration: 'PT5H',
        schedule: { rrule: 'FREQ=DAILY', at: '10:00', timeZone: 'DeviceLocal' },
      }),
    ),
  )
  const counted = misfitsByPhase(story.state, rolloutOf(story, 'r-20260112'), story.now)
  t.same(counted[1], { updates: 4, devices: 6, atLeast: false }, 'in c, two of four devices have a zone that is known')
  given(story, says(story, 'd11', { attributes: { ring: 'c', timeZone: 'UTC' } }))
  t.same(
    misfitsByPhase(story.state, rolloutOf(story, 'r-20260112'), story.now)[1],
    { updates: 4, devices: 5, atLeast: false },
    'one more says its zone',
  )
})

test('more different sets of windows and zones than are looked at are said to be so', async (t) => {
  const story = newStory('2026-01-12T00:00:00Z')
  const letters = Array.from({ length: 12 }, (_, n) => `c${n}`)
  const windows = letters.map((name) =>
    declared('MaintenanceWindow', name, {
      collections: [name],
      duration: 'PT1H',
      schedule: { rrule: 'FREQ=WEEKLY;BYDAY=MO', at: '02:00' },
    }),
  )
  const collections = letters.map((name) =>
    declared('Collection', name, { queries: [{ matchLabels: { [name]: '1' } }] }),
  )
  const devices = Array.from({ length: 4095 }, (_, n) =>
    enrolled(`d${n}`, Object.fromEntries(letters.filter((_, bit) => ((n + 1) >> bit) & 1).map((name) => [name, '1']))),
  )
  given(story, declare(...windows, ...collections), synced(update('u', { maxRunTimeMinutes: 60 })), ...devices)
  const on = { outsideWindow: { install: false }, useAllDeploymentsWindows: false }
  const all = planeOf(devices.map((_, row) => row))
  const misfits = misfitsOf(story.state, on, all, [...story.state.catalog.ids], story.now)
  t.match(misfits, { updates: 1, devices: 2000, atLeast: true })
  t.equal(misfits && describeMisfits(misfits), 'at least 1 update fits no window of 2000 devices')
})
