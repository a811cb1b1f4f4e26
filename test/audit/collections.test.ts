// Collections and what depends on them (semantics.md §2), device facts (§8) and policies, over files and HTTP.
import { test } from 'tap'
import { get, post } from '../serve/harness.ts'
import { ids, line, newSite, offered, rule, type Written } from './site.ts'

const START = '2026-01-12T08:00:00Z'
const NOON = '2026-01-12T12:00:00Z'
const coll = (name: string, spec: string): Written => ['Collection', name, spec]

test('direct and query rules, then include, then the limiting collection, then exclude, which always wins', async (t) => {
  const site = await newSite(t, START)
  await site.declare(
    coll('europe', '{queries: [{matchLabels: {region: eu}}]}'),
    coll('labs', '{devices: [lab-1]}'),
    coll(
      'special',
      '{devices: [lab-1, far-1, pc-9], queries: [{matchLabels: {os: win, ring: a}}], include: [labs], exclude: [banned], limitedTo: europe}',
    ),
    coll('banned', '{queries: [{matchLabels: {banned: "yes"}}]}'),
  )
  await site.enrol('lab-1', { region: 'eu' })
  await site.enrol('far-1', { region: 'us' })
  await site.enrol('pc-1', { region: 'eu', os: 'win', ring: 'a' })
  await site.enrol('pc-2', { region: 'eu', os: 'win', ring: 'b' })
  await site.enrol('pc-3', { region: 'eu', os: 'win', ring: 'a', banned: 'yes' })
  await site.enrol('pc-9', { region: 'eu', banned: 'yes' })
  const inside = async (device: string) =>
    ((await site.object('Device', device)).status.collections as string[]).includes('special')
  t.same(await Promise.all(['lab-1', 'far-1', 'pc-1', 'pc-2', 'pc-3', 'pc-9'].map(inside)), [
    true,
    false,
    true,
    false,
    false,
    false,
  ])
})

test('a device whose facts change is in or out at once, in phases, windows, freezes and holds that depend on it', async (t) => {
  const site = await newSite(t, START)
  const daily = "schedule: {rrule: FREQ=DAILY, at: '22:00'}, duration: PT4H"
  await site.declare(
    coll('ring', '{queries: [{matchLabels: {ring: a}}]}'),
    coll('quiet', '{queries: [{matchLabels: {quiet: "yes"}}]}'),
    coll('inner', '{include: [quiet], limitedTo: ring}'),
    rule('r', 'phases: [{name: p, collection: ring}]'),
    ['MaintenanceWindow', 'w', `{collections: [inner], ${daily}}`],
    [
      'Freeze',
      'f',
      "{collections: [inner], from: '2026-01-12T00:00:00Z', until: '2026-01-13T00:00:00Z', reason: peak}",
    ],
    ['UpdateHold', 'h', '{updates: [v], collections: [inner], reason: bad here}'],
  )
  await site.catalog(line('u'), line('v'))
  await site.enrol('pc', { ring: 'b' })
  await site.enrol('other', { ring: 'a' })
  await site.moveTo(NOON)
  t.same(await ids(site, 'pc'), [])
  await site.say('pc', { attributes: { ring: 'a' } })
  t.same(await ids(site, 'pc'), ['u', 'v'], 'in the phase')
  t.equal((await offered(site, 'pc', 'u')).start[0]?.from, NOON)
  t.same((await site.policy('pc')).windows, [])
  await site.say('pc', { attributes: { ring: 'a', quiet: 'yes' } })
  t.same(await ids(site, 'pc'), ['u'], 'held')
  t.equal((await offered(site, 'pc', 'u')).start[0]?.from, '2026-01-13T00:00:00Z', 'frozen, and then in the window')
  t.equal((await site.policy('pc')).windows.length, 4)
  await site.say('pc', { attributes: { ring: 'a' } })
  t.same(await ids(site, 'pc'), ['u', 'v'])
  await site.say('pc', { attributes: { ring: 'b' } })
  t.same(await ids(site, 'pc'), [], 'out of the phase')
  t.same(await ids(site, 'other'), ['u', 'v'])
})

test('a circle of references is refused by name, and its collections keep their last good members, over a restart too', async (t) => {
  const site = await newSite(t, START)
  const good = [coll('a', '{queries: [{matchLabels: {x: "1"}}]}'), coll('b', '{include: [a]}')]
  await site.declare(...good)
  await site.enrol('pc', { x: '1' })
  const collections = async () => (await site.object('Device', 'pc')).status.collections
  t.same(await collections(), ['a', 'all', 'b'])
  for (const kind of ['include: [b]', 'include: [all], exclude: [b]', 'include: [all], limitedTo: b']) {
    await site.declare(coll('a', `{${kind}}`), coll('b', '{include: [a]}'))
    const ready = JSON.stringify((await get(site.url(), '/status')).body)
    t.match(ready, /a → b → a|a, b|b → a → b/, kind)
    t.same(await collections(), ['a', 'all', 'b'], kind)
  }
  await site.restart()
  t.same(await collections(), ['a', 'all', 'b'], 'after a restart')
  await site.enrol('new', { x: '1' })
  t.same(
    (await site.object('Device', 'new')).status.collections,
    ['a', 'all', 'b'],
    'the last good declarations are in force',
  )
})

test('a missing attribute meets NotIn and DoesNotExist as in Kubernetes, and nothing else', async (t) => {
  const site = await newSite(t, START)
  const query = (operator: string) => `{queries: [{matchExpressions: [{key: ring, ${operator}}]}]}`
  await site.declare(
    coll('not-in', query('operator: NotIn, values: [a]')),
    coll('in', query('operator: In, values: [a]')),
    coll('exists', query('operator: Exists')),
    coll('absent', query('operator: DoesNotExist')),
    coll('gt', query('operator: Gt, value: 0')),
    coll('glob', query('operator: Glob, value: "*"')),
    coll('older', query('operator: VersionLt, value: "99"')),
  )
  await site.enrol('pc')
  t.same((await site.object('Device', 'pc')).status.collections, ['absent', 'all', 'not-in'])
})

test('a policy names all there is to say, and is answered with 304 until it says something else', async (t) => {
  const site = await newSite(t, START)
  const daily = "schedule: {rrule: FREQ=DAILY, at: '22:00'}, duration: PT4H"
  await site.declare(rule('r', '', 'deadlineAfter: P1D, restart: Suppress'), [
    'MaintenanceWindow',
    'w',
    `{collections: [all], ${daily}}`,
  ])
  await site.catalog(line('u', { restart: 'Requires' }))
  const { token } = await tokenOf(site.url(), 'pc', site)
  await site.moveTo(NOON)
  const headers = { authorization: `Bearer ${token}` }
  const first = await get(site.url(), '/v1/policy', headers)
  t.match(first.body, {
    device: 'pc',
    updates: [
      {
        id: 'u',
        action: 'Install',
        available: NOON,
        deadline: '2026-01-13T12:00:00Z',
        start: [{ from: '2026-01-13T22:00:00Z', until: '2026-01-14T00:55:00Z' }],
        restart: { behaviour: 'Requires', allowed: false },
        maxRunTimeMinutes: 60,
        deployments: [{ rollout: 'r-20260112', phase: 'p' }],
        reason: 'Approved',
        message: /approved by rollout r-20260112, phase p/,
      },
    ],
    windows: [{ from: '2026-01-12T22:00:00Z', until: '2026-01-13T02:00:00Z' }],
  })
  const etag = first.headers.get('etag') ?? ''
  const again = () => get(site.url(), '/v1/policy', { ...headers, 'if-none-match': etag })
  t.equal((await again()).status, 304)
  await site.moveTo('2026-01-12T13:00:00Z')
  t.equal((await again()).status, 304, 'time alone changes nothing before a window has passed')
  await post(site.url(), '/v1/reports', { reports: [{ sequence: 1, at: NOON, scan: { required: ['u'] } }] }, headers)
  t.equal((await again()).status, 304, 'nor does a report that changes nothing for the device')
  await site.declare(rule('r', 'suspend: true', 'deadlineAfter: P1D, restart: Suppress'))
  const withdrawn = await again()
  t.match(withdrawn, { status: 200, body: { updates: [], monitor: ['u'] } })
})

test('installed and then missing again is drift: it is required again, and installed at the next window', async (t) => {
  const site = await newSite(t, START)
  const daily = "schedule: {rrule: FREQ=DAILY, at: '22:00'}, duration: PT4H"
  await site.declare(rule('r'), ['MaintenanceWindow', 'w', `{collections: [all], ${daily}}`])
  await site.catalog(line('u'))
  await site.enrol('pc')
  await site.moveTo(NOON)
  await site.say('pc', { scan: { installed: ['u'] } })
  const done = await site.policy('pc')
  t.match(done, { updates: [], monitor: ['u'] })
  await site.say('pc', { messages: [{ topic: 500, update: 'u', state: 2 }] })
  t.equal((await offered(site, 'pc', 'u')).start[0]?.from, '2026-01-12T22:00:00Z')
})

test('a device that is silent for longer than staleAfter counts as unknown from the next full hour on, until it reports', async (t) => {
  const site = await newSite(t, START)
  await site.declare(rule('r', 'phases: [{name: p, collection: all, successPercent: 100, soak: P30D}]'))
  await site.catalog(line('u'))
  await site.enrol('pc')
  await site.moveTo('2026-01-12T12:30:00Z')
  await site.say('pc', { scan: { installed: ['u'] } })
  const gate = async () => {
    const { phases } = (await site.object('Rollout', 'r-20260112')).status as { phases: { gate: object }[] }
    return phases[0]?.gate
  }
  t.match(await gate(), { targets: 1, compliant: 1, unknown: 0 })
  await site.moveTo('2026-01-19T12:29:00Z')
  t.match(await gate(), { compliant: 1, unknown: 0 })
  await site.moveTo('2026-01-19T13:01:00Z')
  t.match(await gate(), { compliant: 0, unknown: 1 })
  await site.say('pc', {})
  t.match(await gate(), { compliant: 1, unknown: 0 })
})

test('every enforcement state of topic 301 is taken and told by name; what is none is refused; 6 and 9 are failures', async (t) => {
  const site = await newSite(t, START)
  await site.declare(rule('r', 'phases: [{name: p, collection: all, failurePercent: 100}]'))
  await site.catalog(line('u'), line('v'))
  await site.enrol('pc')
  await site.moveTo(NOON)
  const deployments = async () => (await site.object('Device', 'pc')).status.deployments
  t.same(await deployments(), [{ name: 'r-20260112-p', compliance: 'Unknown' }])
  await site.say('pc', { scan: { required: ['u'], installed: ['v'] } })
  t.same(await deployments(), [{ name: 'r-20260112-p', compliance: 'NonCompliant' }])
  const names = [
    'installing',
    'waiting for restart',
    'waiting for another installation',
    'installed',
    'pending restart',
    'failed',
  ]
  names.push(
    'downloading',
    'downloaded',
    'failed to download',
    'waiting for maintenance window',
    'waiting for orchestration',
  )
  names.push('waiting for superseding update')
  for (const [index, name] of names.entries()) {
    const state = index + 1
    t.match(await site.say('pc', { messages: [{ topic: 301, update: 'u', state, code: '0x80070643' }] }), {
      accepted: 1,
    })
    const explained = JSON.stringify(await site.explain('pc', 'u'))
    if (state !== 4) t.match(explained, new RegExp(name), name)
    const { failed } = (await site.object('Device', 'pc')).status as { failed: unknown[] }
    t.equal(failed.length, state === 6 || state === 9 ? 1 : 0, name)
  }
  for (const state of [0, 13]) await t.rejects(site.say('pc', { messages: [{ topic: 301, update: 'u', state }] }))
  await t.rejects(site.say('pc', { messages: [{ topic: 500, update: 'u', state: 4 }] }))
  await site.say('pc', { messages: [{ topic: 500, update: 'u', state: 1 }] })
  t.same(await deployments(), [{ name: 'r-20260112-p', compliance: 'Compliant' }])
})

async function tokenOf(
  url: string,
  device: string,
  site: Awaited<ReturnType<typeof newSite>>,
): Promise<{ token: string }> {
  const { body } = await post(url, '/v1/enrol', { device, key: site.enrolmentKey(), attributes: {} })
  return body as { token: string }
}
