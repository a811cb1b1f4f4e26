// Maintenance windows and freezes (semantics.md §5) as a device and its owner see them: policies over HTTP, explanations,
// status and simulations.
import { type Test, test } from 'tap'
import { describeCommand } from '../../controller/cli/describe.ts'
import { pauseCommand } from '../../controller/cli/pause.ts'
import { rollbackCommand } from '../../controller/cli/rollback.ts'
import { hours, ids, line, newSite, offered, rule, type Site, type Written, window } from './site.ts'

test('06:00–07:00 and 06:30–07:30 are one window of 90 minutes: 80 minutes fit it, and neither of the two alone', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(rule('r'), window('one', '06:00', 'PT1H'), window('two', '06:30', 'PT1H'))
  await site.catalog(line('u80', { maxRunTimeMinutes: 80 }), line('u85', { maxRunTimeMinutes: 85 }))
  await site.enrol('pc')
  await site.moveTo('2026-01-12T12:00:00Z')
  const policy = await site.policy('pc')
  t.same(hours(policy.windows).slice(0, 2), ['01-13T06:00/01-13T07:30', '01-14T06:00/01-14T07:30'])
  t.same(hours((await offered(site, 'pc', 'u80')).start).slice(0, 1), ['01-13T06:00/01-13T06:05'])
  t.match(await offered(site, 'pc', 'u85'), { reason: 'NeverFits', start: [] }, 'what is left must exceed 85 + 5')
  t.match(await site.explain('pc', 'u85'), { verdict: { reason: 'NeverFits', message: /90 minutes/ } })
})

test('NeverFits is told before anything is approved: rollout, describe, status page and explain, with counts', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  const objects = [window('short', '06:00', 'PT1H', 'appliesTo: SoftwareUpdates')].map(
    ([kind, name, spec]) => [kind, name, spec.replace('[all]', '[tight]')] as const,
  )
  const tight = ['Collection', 'tight', '{queries: [{matchLabels: {site: a}}]}'] as const
  const review = (enabled: boolean) => rule('r', `enabled: ${enabled}`)
  await site.declare(tight, ...objects, review(false))
  await site.catalog(
    line('u30', { maxRunTimeMinutes: 30 }),
    line('u55', { maxRunTimeMinutes: 55 }),
    line('u90', { maxRunTimeMinutes: 90 }),
  )
  for (const n of [1, 2, 3]) await site.enrol(`tight-${n}`, { site: 'a' })
  await site.enrol('free-1', { site: 'b' })
  await site.moveTo('2026-01-12T12:00:00Z')
  const before = await site.object('Rollout', 'r-20260112')
  t.match(before.status, {
    state: 'Planned',
    phases: [
      { state: 'Waiting', neverFits: { updates: 2, devices: 3, message: '2 updates fit no window of 3 devices' } },
    ],
  })
  t.match(
    (await site.run(describeCommand, 'Rollout', 'r-20260112')).out,
    /phase p: 2 updates fit no window of 3 devices/,
  )
  t.match(await site.page(), /2 updates fit no window of 3 devices/)

  await site.declare(tight, ...objects, review(true))
  t.match(
    (await site.run(describeCommand, 'Rollout', 'r-20260112')).out,
    /NeverFits: 2 updates fit no window of 3 devices/,
  )
  t.match(await site.explain('tight-1', 'u90'), { verdict: { reason: 'NeverFits' } })
  t.match(await site.explain('tight-1', 'u55'), { verdict: { reason: 'NeverFits' } }, '60 do not exceed 55 + 5')
  t.match(await offered(site, 'free-1', 'u90'), { reason: 'Approved' })

  await site.say('tight-1', { scan: { installed: ['u55'], notRequired: ['u90'] } })
  await site.say('tight-2', { scan: { installed: ['u55'] } })
  await site.say('tight-3', { scan: { installed: ['u55'] } })
  const after = await site.object('Rollout', 'r-20260112')
  t.match(
    after.status,
    { phases: [{ neverFits: { updates: 1, devices: 2 } }] },
    'who has it or needs it not is left out',
  )
  await site.declare(tight, review(true))
  const widened = await site.object('Rollout', 'r-20260112')
  t.notMatch(JSON.stringify(widened.status), /neverFits/, 'without the window everything fits')
})

/** One device, evaluated on Monday 12 January 2026 at 12:00 UTC. */
async function atNoon(t: Test, objects: readonly Written[], ...updates: readonly object[]): Promise<Site> {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(...objects)
  await site.catalog(...(updates.length === 0 ? [line('u')] : updates))
  await site.enrol('pc', { timeZone: 'Europe/Berlin' })
  await site.moveTo('2026-01-12T12:00:00Z')
  return site
}

test('a device with a SoftwareUpdates window ignores its AllDeployments windows, unless the deployment says otherwise', async (t) => {
  const windows = [window('any', '02:00', 'PT2H'), window('updates', '20:00', 'PT3H', 'appliesTo: SoftwareUpdates')]
  const strict = await atNoon(t, [rule('r'), ...windows])
  t.same(hours((await offered(strict, 'pc', 'u')).start).slice(0, 2), [
    '01-12T20:00/01-12T21:55',
    '01-13T20:00/01-13T21:55',
  ])
  const both = await atNoon(t, [rule('r', '', 'useAllDeploymentsWindows: true'), ...windows])
  t.same(hours((await offered(both, 'pc', 'u')).start).slice(0, 3), [
    '01-12T20:00/01-12T21:55',
    '01-13T02:00/01-13T02:55',
    '01-13T20:00/01-13T21:55',
  ])
})

test('a device without a window acts from the deadline on, and not before', async (t) => {
  const site = await atNoon(t, [rule('r', '', 'deadlineAfter: P2D')])
  const offer = await offered(site, 'pc', 'u')
  t.match(offer, { available: '2026-01-12T12:00:00Z', deadline: '2026-01-14T12:00:00Z' })
  t.equal(offer.start[0]?.from, '2026-01-14T12:00:00Z')
  t.match(JSON.stringify(await site.explain('pc', 'u')), /it acts at the deadline/)
})

test('a freeze beats window and deadline, cuts what a window leaves, and only the urgent pass', async (t) => {
  const freeze: Written = [
    'Freeze',
    'peak',
    "{from: '2026-01-13T03:00:00Z', until: '2026-01-15T00:00:00Z', reason: year's end}",
  ]
  const night = window('night', '01:00', 'PT4H')
  const held = await atNoon(t, [rule('r'), night, freeze])
  t.same(hours((await offered(held, 'pc', 'u')).start).slice(0, 2), [
    '01-13T01:00/01-13T01:55',
    '01-15T01:00/01-15T03:55',
  ])
  t.match(JSON.stringify(await held.explain('pc', 'u')), /peak: year's end/)
  const free = await atNoon(t, [rule('r'), freeze])
  t.same(hours((await offered(free, 'pc', 'u')).start)[0], '01-12T12:00/01-13T01:55', 'without any window too')
  const urgent = await atNoon(t, [rule('r', '', 'urgent: true'), night, freeze])
  t.same(hours((await offered(urgent, 'pc', 'u')).start).slice(0, 2), [
    '01-13T01:00/01-13T03:55',
    '01-14T01:00/01-14T03:55',
  ])
})

test('what is left must exceed run time + 5 minutes', async (t) => {
  const site = await atNoon(
    t,
    [rule('r'), window('hour', '20:00', 'PT1H')],
    line('u54', { maxRunTimeMinutes: 54 }),
    line('u55', { maxRunTimeMinutes: 55 }),
  )
  t.same(hours((await offered(site, 'pc', 'u54')).start)[0], '01-12T20:00/01-12T20:01')
  t.match(await offered(site, 'pc', 'u55'), { reason: 'NeverFits' })
  t.same(await ids(site, 'pc'), ['u54', 'u55'], 'the shortest first')
})

test('a window belongs to the day on which it starts: Monday 22:00 to 02:00 is open on Tuesday at 01:00', async (t) => {
  const spec = "{collections: [all], schedule: {rrule: FREQ=WEEKLY;BYDAY=MO, at: '22:00'}, duration: PT4H}"
  const site = await atNoon(t, [rule('r'), ['MaintenanceWindow', 'monday', spec]])
  t.same(hours((await site.policy('pc')).windows).slice(0, 2), ['01-12T22:00/01-13T02:00', '01-19T22:00/01-20T02:00'])
  await site.moveTo('2026-01-13T01:00:00Z')
  t.match(await site.object('MaintenanceWindow', 'monday'), { status: { open: true, closes: '2026-01-13T02:00:00Z' } })
  await site.moveTo('2026-01-19T01:00:00Z')
  t.match(await site.object('MaintenanceWindow', 'monday'), { status: { open: false } })
})

test('a window that cannot be evaluated on a device is closed, is no missing window, and says so', async (t) => {
  const local = [
    'MaintenanceWindow',
    'local',
    window('local', '20:00', 'PT3H')[2].replace("'20:00'", "'20:00', timeZone: DeviceLocal"),
  ]
  const site = await atNoon(t, [rule('r'), [local[0] ?? '', local[1] ?? '', local[2] ?? '']])
  t.same(hours((await offered(site, 'pc', 'u')).start)[0], '01-12T19:00/01-12T20:55')
  await site.enrol('lost', { timeZone: 'Mars/Olympus' })
  t.match(await offered(site, 'lost', 'u'), { reason: 'NeverFits', start: [] })
  t.match(JSON.stringify(await site.explain('lost', 'u')), /local counts as closed: .*Mars\/Olympus/)
  t.match(await site.object('MaintenanceWindow', 'local'), { status: { devices: 2, doubtfulOn: 1 } })
  t.match(await site.object('Rollout', 'r-20260112'), {
    status: { phases: [{ neverFits: { updates: 1, devices: 1 } }] },
  })
})

test('outsideWindow lets a deployment install or restart at the deadline without a window', async (t) => {
  const night = window('night', '22:00', 'PT4H')
  const now = (offer: { start: readonly { from: string }[]; restart: { times: readonly { from: string }[] } }) => [
    offer.start[0]?.from,
    offer.restart.times[0]?.from,
  ]
  const neither = await atNoon(t, [rule('r'), night])
  t.same(now(await offered(neither, 'pc', 'u')), ['2026-01-12T22:00:00Z', '2026-01-12T22:00:00Z'])
  const install = await atNoon(t, [rule('r', '', 'outsideWindow: {install: true}'), night])
  t.same(now(await offered(install, 'pc', 'u')), ['2026-01-12T12:00:00Z', '2026-01-12T22:00:00Z'])
  const restart = await atNoon(t, [rule('r', '', 'outsideWindow: {restart: true}'), night])
  t.same(now(await offered(restart, 'pc', 'u')), ['2026-01-12T22:00:00Z', '2026-01-12T12:00:00Z'])
  const fits = await atNoon(t, [rule('r', '', 'outsideWindow: {install: true}'), window('tiny', '22:00', 'PT10M')])
  t.match(await offered(fits, 'pc', 'u'), { reason: 'Approved' })
})

test('rollback, pause, hold and removal are not held up by a freeze or a window', async (t) => {
  const freeze: Written = [
    'Freeze',
    'all-year',
    "{from: '2026-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z', reason: peak}",
  ]
  const closed = window('yearly', '03:00', 'PT1H').map((text) =>
    text.replace('DAILY', 'YEARLY;BYMONTH=12;BYMONTHDAY=24'),
  )
  const shut: Written[] = [[closed[0] ?? '', closed[1] ?? '', closed[2] ?? ''], freeze]
  const base: Written[] = [rule('r', 'rollback: {uninstall: true}'), ...shut]
  const site = await atNoon(t, base, line('u', { uninstallable: true }), line('v'))
  t.same(await ids(site, 'pc'), ['u', 'v'])
  await site.declare(...base, ['UpdateHold', 'bad', '{updates: [v], reason: bad}'])
  t.same(await ids(site, 'pc'), ['u'], 'held')
  await site.run(pauseCommand, 'r-20260112')
  t.same(await ids(site, 'pc'), [], 'paused')
  await site.say('pc', { scan: { installed: ['u'] } })
  await site.run(rollbackCommand, 'r-20260112')
  const undone = await offered(site, 'pc', 'u')
  t.match(undone, { action: 'Uninstall', reason: 'Undone' })
  t.ok(undone.start[0] && undone.start[0].from <= '2026-01-12T12:00:00Z', 'the removal may begin at once')
  await site.declare(...shut)
  t.match(await site.object('Rollout', 'r-20260112'), { status: { state: 'RolledBack' } })
})

test('a removal is finished by a restart where the device has no window', async (t) => {
  const site = await atNoon(
    t,
    [rule('r', 'rollback: {uninstall: true}')],
    line('u', { uninstallable: true, restart: 'Requires' }),
  )
  await site.say('pc', { scan: { installed: ['u'] } })
  await site.run(rollbackCommand, 'r-20260112')
  const { action, restart } = await offered(site, 'pc', 'u')
  t.equal(action, 'Uninstall')
  t.ok(restart.allowed && restart.times[0] && restart.times[0].from <= '2026-01-12T12:00:00Z')
})

test('what may not start yet may be downloaded: it is offered from its available instant on, outside windows and in freezes', async (t) => {
  const freeze: Written = ['Freeze', 'f', "{from: '2026-01-01T00:00:00Z', until: '2026-02-01T00:00:00Z', reason: peak}"]
  const site = await atNoon(t, [rule('r'), window('night', '22:00', 'PT4H'), freeze])
  const offer = await offered(site, 'pc', 'u')
  t.equal(offer.available, '2026-01-12T12:00:00Z')
  t.equal(offer.start[0]?.from, '2026-02-01T00:00:00Z', 'in what the freeze leaves of the window of 31 January')
})
