// The catalog (semantics.md §1) as it comes from a file: what is offered, what is not, and what is said of it.
import { test } from 'tap'
import { describeCommand } from '../../controller/cli/describe.ts'
import { ids, line, newSite, rule, type Site } from './site.ts'

const NOON = '2026-01-12T12:00:00Z'

async function stateOf(site: Site, id: string): Promise<unknown> {
  return (await site.object('Update', id)).status.state
}

test('normal and superseded updates are deployable; expired, declined and metadata-only ones are not, in a rule or by hand', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z', 'decline: [{titles: [unwanted]}]')
  await site.declare(
    rule('r', 'onNewer: Parallel').map((text) => text.replace('criteria: {', 'criteria: {superseded: Any, ')) as never,
    ['SoftwareUpdateGroup', 'g', '{updates: [normal, old, expired, declined, unwanted, empty, nowhere]}'],
    ['Rollout', 'by-hand', '{group: g, deployment: {deadlineAfter: PT0S}, phases: [{name: p, collection: all}]}'],
  )
  await site.enrol('pc')
  await site.catalog(
    line('normal', { supersedes: ['old', 'never-heard-of'] }),
    line('old'),
    line('expired', { state: 'Expired' }),
    line('declined', { state: 'Declined' }),
    line('unwanted', { title: 'An unwanted update' }),
    line('empty', { state: 'MetadataOnly' }),
  )
  t.same(await ids(site, 'pc'), ['normal', 'old'], 'by hand')
  await site.moveTo(NOON)
  t.match(await site.object('AutomaticDeploymentRule', 'r'), { status: { selected: 2 } })
  t.same(
    await Promise.all(['normal', 'old', 'expired', 'declined', 'unwanted', 'empty'].map((id) => stateOf(site, id))),
    ['Normal', 'Superseded', 'Expired', 'Declined', 'Declined', 'MetadataOnly'],
  )
  t.match(await site.explain('pc', 'expired'), { verdict: { message: /expired/i } })
  t.match(await site.object('SoftwareUpdateGroup', 'g'), {
    status: { expired: 1, declined: 2, superseded: 1, unknown: 1 },
  })
})

test('what expires, is declined or loses its content is dropped from active deployments at the next poll', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(rule('r'))
  await site.enrol('pc')
  await site.catalog(...['a', 'b', 'c', 'd'].map((id) => line(id)))
  await site.moveTo(NOON)
  t.same(await ids(site, 'pc'), ['a', 'b', 'c', 'd'])
  await site.catalog(
    line('a'),
    line('b', { state: 'Expired' }),
    line('c', { state: 'Declined' }),
    line('d', { state: 'MetadataOnly' }),
  )
  const policy = await site.policy('pc')
  t.same(
    policy.updates.map(({ id }) => id),
    ['a'],
  )
  t.same(policy.monitor, ['b', 'c', 'd'], 'the device goes on telling whether it needs them')
  t.match(await site.explain('pc', 'b'), { verdict: { message: /expired/i } })
})

test('superseded updates expire N months after the release of the superseding one, features apart, definitions never', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z', 'supersedence: {feature: 1, nonFeature: 2}')
  await site.declare(rule('r'))
  const pair = (id: string, classification: string) => [
    line(`${id}-old`, { classification, released: '2025-12-01T00:00:00Z' }),
    line(`${id}-new`, { classification, released: '2026-01-10T00:00:00Z', supersedes: [`${id}-old`] }),
  ]
  await site.catalog(
    ...pair('feature', 'Upgrades'),
    ...pair('security', 'Security Updates'),
    ...pair('definition', 'Definition Updates'),
  )
  const states = () => Promise.all(['feature', 'security', 'definition'].map((id) => stateOf(site, `${id}-old`)))
  t.same(await states(), ['Superseded', 'Superseded', 'Superseded'])
  await site.moveTo('2026-02-10T00:00:00Z')
  t.same(await states(), ['Expired', 'Superseded', 'Superseded'])
  await site.moveTo('2026-03-10T00:00:00Z')
  t.same(await states(), ['Expired', 'Expired', 'Superseded'])
  await site.moveTo('2026-06-01T00:00:00Z')
  t.same(await states(), ['Expired', 'Expired', 'Superseded'])
})

test('supersedence is transitive and of single products; a circle is told, broken, and loses no update', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(rule('r'))
  await site.enrol('pc')
  await site.catalog(
    line('kb1:server', { products: ['Server'] }),
    line('kb1:client', { products: ['Client'] }),
    line('kb2:server', { products: ['Server'], supersedes: ['kb1:server'] }),
    line('kb3:server', { products: ['Server'], supersedes: ['kb2:server'] }),
    line('x', { supersedes: ['y'], released: '2026-01-01T00:00:00Z' }),
    line('y', { supersedes: ['z'], released: '2026-01-02T00:00:00Z' }),
    line('z', { supersedes: ['x'], released: '2026-01-03T00:00:00Z' }),
    line('self', { supersedes: ['self'] }),
  )
  await site.moveTo(NOON)
  const states = await Promise.all(
    ['kb1:server', 'kb1:client', 'kb2:server', 'kb3:server', 'self'].map((id) => stateOf(site, id)),
  )
  t.same(states, ['Superseded', 'Normal', 'Superseded', 'Normal', 'Normal'])
  t.match(await stateOf(site, 'z'), 'Normal', 'the newest of a circle stays')
  t.same(
    await ids(site, 'pc'),
    ['kb1:client', 'kb3:server', 'self', 'y', 'z'],
    'only the newer supersedes the older of them',
  )
  const { out } = await site.run(describeCommand, 'UpdateSource', 'feed')
  t.match(out, /updates x, y, z supersede each other in a circle/)
  t.match(out, /update self supersedes itself/)
})

test('duplicates merge, the higher revision of conflicting ones is kept and told, and a bad record is set aside with its place', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(rule('r'))
  await site.enrol('pc')
  await site.catalog(
    line('twice'),
    line('twice'),
    line('conflict', { revision: 3, title: 'The third' }),
    line('conflict', { revision: 2, title: 'The second' }),
    { id: 'bad', title: 'No vendor', released: 'yesterday' },
    line('good'),
  )
  await site.moveTo(NOON)
  t.same(await ids(site, 'pc'), ['conflict', 'good', 'twice'])
  t.match(await site.object('Update', 'conflict'), { spec: { revision: 3, title: 'The third' } })
  const { status } = await site.object('UpdateSource', 'feed')
  t.match(status, {
    updates: 3,
    setAsideTotal: 1,
    setAside: [{ position: /catalog\.ndjson:5/, reason: /released|vendor/ }],
  })
  t.match(JSON.stringify(status.notes), /conflict in revisions 2 and 3; the higher one is kept/)
  t.match(JSON.stringify(status.notes), /1 record/)
})

test('what is released in the future comes at its instant, and not before', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  await site.declare(rule('r'))
  await site.enrol('pc')
  await site.catalog(line('now'), line('soon', { released: '2026-01-13T10:00:00Z' }))
  await site.moveTo(NOON)
  t.same(await ids(site, 'pc'), ['now'])
  for (let minute = 0; minute < 200; minute++)
    await site.moveTo(`2026-01-13T${10 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}:00Z`)
  t.equal(await stateOf(site, 'soon'), 'Normal')
  await site.moveTo('2026-01-13T13:30:00Z')
  await site.moveTo('2026-01-14T12:00:00Z')
  t.same(await ids(site, 'pc'), ['now', 'soon'])
})

test('required compares with the number of devices that require the update', async (t) => {
  const site = await newSite(t, '2026-01-12T08:00:00Z')
  const asking = (name: string, required: string) =>
    rule(name, 'enabled: false').map((text) =>
      text.replace('criteria: {', `criteria: {required: "${required}", `),
    ) as never
  await site.declare(asking('one', '>=1'), asking('two', '>1'), asking('none', '0'), asking('some', '1..2'))
  for (const device of ['d1', 'd2', 'd3']) await site.enrol(device)
  await site.catalog(line('a'), line('b'), line('c'))
  await site.say('d1', { scan: { required: ['a', 'b'], notRequired: ['c'] } })
  await site.say('d2', { scan: { required: ['b'], installed: ['a'] } })
  const matching = async (name: string) => (await site.object('AutomaticDeploymentRule', name)).status.matchingNow
  t.same(await Promise.all(['one', 'two', 'none', 'some'].map(matching)), [2, 1, 1, 2])
})
