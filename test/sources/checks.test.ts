// What is said of objects that could come into force: each check where it has to speak, and where it has to keep silent.
import fc from 'fast-check'
import { test } from 'tap'
import { advise } from '../../controller/sources/advise.ts'
import { checkSet } from '../../controller/sources/check-set.ts'
import { WHOLE_READER } from '../../controller/sources/manifest.ts'
import { assembled, GOOD, manifest } from './samples.ts'

const AT = Date.parse('2026-01-15T00:00:00Z')

/** `CODE PATH` of everything that is found, but for notes that something is unused. */
function found(...objects: readonly string[]): string[] {
  return remarks(...objects).map(({ code, path }) => `${code} ${path}`)
}

function remarks(...objects: readonly string[]) {
  const bytes = new TextEncoder().encode(objects.join('---\n'))
  const set = { files: [{ name: 'a.yaml', folder: '/x', bytes }], unread: [], explicit: new Set<string>() }
  return checkSet(set, AT, WHOLE_READER).remarks.filter(({ code }) => code !== 'RM1512' && code !== 'RM1513')
}

const coll = (name: string, spec: string) => manifest('Collection', name, spec)
const rule = (name: string, spec: string, criteria = '{titles: [x]}') =>
  manifest('AutomaticDeploymentRule', name, `{criteria: ${criteria}, ${spec}}`)
const phases = (...names: string[]) =>
  `phases: [${names.map((name, i) => `{name: p${i}, collection: ${name}}`).join(', ')}]`
const query = (...conditions: string[]) => `queries: [{matchExpressions: [${conditions.join(', ')}]}]`
const is = (key: string, ...values: string[]) => `{key: ${key}, operator: In, values: [${values.join(', ')}]}`
const not = (key: string, ...values: string[]) => `{key: ${key}, operator: NotIn, values: [${values.join(', ')}]}`

test('the examples of the reference pages give nothing to say', (t) => {
  t.strictSame(found(...GOOD.split('---\n')), [])
  t.end()
})

test('a phase that earlier phases leave nothing for is found by what its collection is', (t) => {
  const site = [
    coll('pcs', '{queries: [{matchLabels: {type: pc}}]}'),
    coll('it', '{limitedTo: pcs, queries: [{matchLabels: {dep: it}}]}'),
    coll('some', '{include: [it]}'),
    coll('but-it', '{include: [pcs], exclude: [it]}'),
    coll('narrow', '{queries: [{matchLabels: {type: pc, site: a}}]}'),
  ]
  const of = (...names: string[]) => found(...site, rule('r', phases(...names)))
  t.strictSame(of('pcs', 'it'), ['RM1501 spec.phases[1].collection'])
  t.strictSame(of('all', 'some'), ['RM1501 spec.phases[1].collection'])
  t.strictSame(of('pcs', 'some'), ['RM1501 spec.phases[1].collection'])
  t.strictSame(of('pcs', 'narrow'), ['RM1501 spec.phases[1].collection'])
  t.strictSame(of('it', 'pcs', 'all'), [])
  t.strictSame(of('some', 'pcs'), [])
  t.strictSame(of('but-it', 'pcs'), [])
  t.strictSame(of('it', 'but-it', 'pcs'), [], 'all of it by two phases together is not looked for')
  const percents = (a: number, b: number) =>
    found(rule('r', `phases: [{name: a, collection: all, percent: ${a}}, {name: b, collection: all, percent: ${b}}]`))
  t.strictSame(percents(5, 20), [])
  t.strictSame(percents(20, 20), ['RM1501 spec.phases[1].collection'])
  t.end()
})

test('phases of a template are looked at where they stand', (t) => {
  const template = manifest('DeploymentTemplate', 'rings', `{${phases('all', 'all')}}`)
  const [only, ...others] = remarks(
    template,
    rule('r', 'template: rings'),
    rule('s', 'template: rings', '{titles: [y]}'),
  )
  t.match(only, { code: 'RM1501', line: 5, path: 'spec.phases[1].collection' })
  t.strictSame(others, [])
  t.end()
})

test('a collection is empty when its conditions rule each other out, and only then', (t) => {
  const empty = (spec: string, ...others: string[]) =>
    found(...others, coll('c', `{${spec}}`)).filter((text) => text.startsWith('RM1502')).length > 0
  for (const spec of [
    query(is('a', 'x'), is('a', 'y')),
    query(is('a', 'x'), not('a', 'x', 'y')),
    query(is('a', 'x'), '{key: a, operator: DoesNotExist}'),
    query('{key: a, operator: Exists}', '{key: a, operator: DoesNotExist}'),
    query('{key: a, operator: Gt, value: 5}', '{key: a, operator: Lt, value: 5}'),
    query('{key: a, operator: VersionGte, value: 10.0.2}', '{key: a, operator: VersionLt, value: 10.0.2}'),
    query(is('a', 'win-10'), '{key: a, operator: Glob, value: linux*}'),
    query(is('a', '"1.2"'), '{key: a, operator: VersionGte, value: "2.0"}'),
    'include: [all], exclude: [all]',
  ])
    t.ok(empty(spec), spec)
  for (const spec of [
    query(not('a', 'x'), '{key: a, operator: DoesNotExist}'),
    query(is('a', 'x'), is('b', 'y')),
    query('{key: a, operator: Gt, value: 5}', '{key: a, operator: Lt, value: 6}'),
    query('{key: a, operator: Glob, value: x*}', '{key: a, operator: Glob, value: "*y"}'),
    `queries: [{matchExpressions: [${is('a', 'x')}]}, {matchExpressions: [${is('a', 'y')}]}]`,
    'devices: [nobody-knows-it]',
  ])
    t.notOk(empty(spec), spec)
  const servers = coll('servers', '{queries: [{matchLabels: {type: server}}]}')
  t.ok(empty(`limitedTo: servers, ${query(is('type', 'pc'))}`, servers), 'outside of its limiting collection')
  t.notOk(empty(`limitedTo: servers, ${query(is('site', 'a'))}`, servers))
  const mixed = coll('servers', '{queries: [{matchLabels: {type: server}}], devices: [x]}')
  t.notOk(empty(`limitedTo: servers, ${query(is('type', 'pc'))}`, mixed), 'a device that is listed may be anything')
  t.ok(empty('include: [servers], exclude: [servers]', servers))
  t.notOk(empty('include: [servers], devices: [x], exclude: [servers]', servers))
  t.end()
})

test('nothing fits into ten minutes, unless windows join', (t) => {
  const window = (name: string, at: string, duration: string, zone = 'UTC') =>
    manifest(
      'MaintenanceWindow',
      name,
      `{collections: [all], schedule: {rrule: FREQ=DAILY, at: "${at}", timeZone: ${zone}}, duration: ${duration}}`,
    )
  t.strictSame(found(window('a', '22:00', 'PT10M')), ['RM1503 spec.duration'])
  t.strictSame(found(window('a', '22:00', 'PT11M')), [])
  t.strictSame(found(window('a', '22:00', 'PT10M'), window('b', '22:10', 'PT1H')), [], 'they touch')
  t.strictSame(found(window('a', '22:00', 'PT10M'), window('b', '23:00', 'PT1H')), ['RM1503 spec.duration'])
  t.strictSame(found(window('a', '22:00', 'PT10M'), window('b', '05:00', 'PT1H', 'DeviceLocal')), [], 'they may touch')
  const hourly =
    '{collections: [all], schedule: {rrule: FREQ=MINUTELY;INTERVAL=10, at: "00:00", startsOn: "2026-01-01"}, duration: PT10M}'
  t.strictSame(found(manifest('MaintenanceWindow', 'w', hourly)), [], 'it joins itself')
  t.end()
})

test('gates that can never be met', (t) => {
  const three = coll('three', '{devices: [a, b, c]}')
  const phase = (spec: string, extra = '') =>
    found(three, coll('two', '{limitedTo: three, devices: [a, b]}'), rule('r', `${extra}phases: [{name: p, ${spec}}]`))
  t.strictSame(phase('collection: three, successCount: 4'), ['RM1504 spec.phases[0].successCount'])
  t.strictSame(phase('collection: three, successCount: 3'), [])
  t.strictSame(phase('collection: two, successCount: 3'), ['RM1504 spec.phases[0].successCount'])
  t.strictSame(phase('collection: all, successCount: 100000'), [])
  t.strictSame(phase('collection: all, failurePercent: 20'), ['RM1505 spec.phases[0].failurePercent'])
  t.strictSame(phase('collection: all, failurePercent: 5'), [])
  t.strictSame(phase('collection: all, failurePercent: 20, timeout: P30D'), [])
  t.strictSame(phase('collection: all, successPercent: 80, failurePercent: 20'), [])
  t.strictSame(
    phase('collection: all, timeout: P7D'),
    ['RM1506 spec.phases[0].timeout'],
    'the deadline is P7D by default',
  )
  t.strictSame(phase('collection: all, timeout: P8D'), [])
  t.strictSame(phase('collection: all, timeout: P7D', 'deployment: {deadlineAfter: P1D}, '), [])
  t.strictSame(
    phase('collection: all, timeout: P7D', 'deployment: {timeBasis: DeviceLocal}, '),
    [],
    'somewhere it is earlier',
  )
  t.end()
})

test('rules overlap when all that one selects is surely selected by the other, for the same devices', (t) => {
  const site = [
    coll('pcs', '{queries: [{matchLabels: {type: pc}}]}'),
    coll('it', '{limitedTo: pcs, queries: [{matchLabels: {dep: it}}]}'),
    coll('servers', '{queries: [{matchLabels: {type: server}}]}'),
  ]
  const pair = (a: string, b: string, where: [string, string] = ['pcs', 'it'], extra = '') =>
    found(...site, rule('a', `${extra}${phases(where[0])}`, a), rule('b', phases(where[1]), b))
  const security = '{classifications: [Security Updates]}'
  t.strictSame(pair(security, security), ['RM1507 spec.criteria'])
  t.strictSame(pair(security, security, ['pcs', 'servers']), [], 'not known to have devices in common')
  t.strictSame(pair(security, '{classifications: [Critical Updates]}'), [])
  t.strictSame(pair('{classifications: [Security Updates, Critical Updates]}', security), ['RM1508 spec.criteria'])
  t.strictSame(pair(security, '{classifications: [Security Updates], exploited: true}'), ['RM1508 spec.criteria'])
  t.strictSame(pair('{products: ["Office*"]}', '{products: ["Windows*"]}'), [])
  t.strictSame(pair('{products: ["-Office*"]}', security), [], 'an exclusion is a condition too')
  t.strictSame(pair('{released: {within: P7D}}', '{released: {within: P3D}}'), ['RM1508 spec.criteria'])
  t.strictSame(pair('{titles: [x], superseded: Any}', '{titles: [x]}'), [], 'not alike in what is superseded')
  t.strictSame(pair(security, security, ['pcs', 'it'], 'enabled: false, '), [])
  t.strictSame(pair(security, security, ['pcs', 'it'], 'suspend: true, '), [])
  t.end()
})

test('deadlines inside freezes, of evaluations to come', (t) => {
  const freeze = (spec: string) => manifest('Freeze', 'f', `{reason: r, ${spec}}`)
  const monthly = rule('r', `template: patch-tuesday, ${phases('all')}`)
  const december = freeze('from: "2026-12-10T00:00", until: "2026-12-31T00:00"')
  t.strictSame(found(december, monthly), ['RM1509 spec'], 'evaluated on the 8th, due on the 15th')
  t.match(remarks(december, monthly), [
    { message: /2026-12-08T18:00:00Z, phase p0 is due at 2026-12-15T18:00:00Z.*before 2026-12-31/ },
  ])
  t.strictSame(found(freeze('from: "2026-12-16T00:00", until: "2026-12-31T00:00"'), monthly), [])
  t.strictSame(
    found(freeze('from: "2025-12-10T00:00", until: "2025-12-31T00:00"'), monthly),
    ['RM1510 spec.until'],
    'past',
  )
  t.strictSame(found(december, rule('r', `template: patch-tuesday, deployment: {urgent: true}, ${phases('all')}`)), [])
  const servers = coll('servers', '{queries: [{matchLabels: {type: server}}]}')
  const some = freeze('from: "2026-12-10T00:00", until: "2026-12-31T00:00", collections: [servers]')
  t.strictSame(found(servers, some, monthly), [], 'a freeze over some of the devices')
  const local = (from: string) => freeze(`from: "${from}", until: "2026-12-31T00:00", timeZone: DeviceLocal`)
  t.strictSame(found(local('2026-12-10T00:00'), monthly), ['RM1509 spec'])
  t.strictSame(found(local('2026-12-15T12:00'), monthly), [], 'not begun everywhere')
  t.end()
})

test('what is over, and what never happens', (t) => {
  const hold = (until: string) => found(manifest('UpdateHold', 'h', `{articleIds: [KB1], reason: r, until: ${until}}`))
  t.strictSame(hold('2026-01-14T00:00:00Z'), ['RM1510 spec.until'])
  t.strictSame(hold('2026-01-16T00:00:00Z'), [])
  const window = (spec: string, effective = '') =>
    found(
      manifest(
        'MaintenanceWindow',
        'w',
        `{collections: [all], schedule: {${spec}, at: "22:00"}, duration: PT4H${effective}}`,
      ),
    )
  t.strictSame(window('rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'), ['RM1511 spec.schedule'])
  t.strictSame(window('startsOn: "2026-01-01"'), ['RM1510 spec.schedule'])
  t.strictSame(window('startsOn: "2026-02-01"'), [])
  t.strictSame(window('rrule: FREQ=DAILY', ', effective: {until: "2025-12-31"}'), ['RM1510 spec.effective'])
  t.strictSame(window('rrule: FREQ=WEEKLY;BYDAY=MO', ', effective: {from: "2026-01-13", until: "2026-01-14"}'), [
    'RM1511 spec.effective',
  ])
  t.strictSame(
    found(rule('r', `evaluate: {schedule: {rrule: FREQ=DAILY;UNTIL=20251231T000000Z, at: "10:00"}}, ${phases('all')}`)),
    ['RM1510 spec.evaluate.schedule'],
  )
  t.end()
})

test('approvals that lead nowhere', (t) => {
  const rollout = manifest('Rollout', 'by-hand', `{group: g, ${phases('all')}}`)
  const site = [manifest('SoftwareUpdateGroup', 'g', '{updates: [u]}'), rollout, rule('office', phases('all'))]
  const approval = (name: string, phase: string) =>
    found(...site, manifest('PhaseApproval', 'a', `{rollout: ${name}, phase: ${phase}, approvedBy: Ada}`))
  t.strictSame(approval('by-hand', 'p0'), [])
  t.strictSame(approval('by-hand', 'p1'), ['RM1514 spec.phase'])
  t.strictSame(approval('office-20260113', 'p0'), [])
  t.strictSame(approval('office-20260113-2-part1', 'p0'), [])
  t.strictSame(approval('office-20260113', 'p1'), ['RM1514 spec.phase'])
  t.strictSame(approval('offices-20260113', 'p0'), ['RM1514 spec.rollout'])
  t.strictSame(approval('office', 'p0'), ['RM1514 spec.rollout'])
  t.end()
})

test('a last phase that is replaced before it is due, whatever the gates', (t) => {
  const four = phases('a', 'b', 'c', 'all')
  const site = ['a', 'b', 'c'].map((name) => coll(name, `{queries: [{matchLabels: {ring: ${name}}}]}`))
  const monthly = (spec: string) => found(...site, rule('r', `template: patch-tuesday, ${spec}`))
  t.strictSame(monthly(four), [], 'four weeks and three days, and five weeks from one month to another at times')
  t.strictSame(monthly(`deployment: {deadlineAfter: P9D}, ${four}`), ['RM1515 spec.phases[3]'])
  t.strictSame(monthly(`onNewer: Queue, deployment: {deadlineAfter: P9D}, ${four}`), [])
  t.strictSame(monthly(`group: {mode: Replace}, deployment: {deadlineAfter: P9D}, ${four}`), [])
  t.end()
})

test('what nobody uses is noted', (t) => {
  const bytes = new TextEncoder().encode(
    [
      coll('used', '{include: [all]}'),
      coll('unused', '{include: [used]}'),
      manifest('DeploymentTemplate', 'unused', '{onHalt: Rollback}'),
    ].join('---\n'),
  )
  const set = { files: [{ name: 'a.yaml', folder: '/x', bytes }], unread: [], explicit: new Set<string>() }
  t.match(checkSet(set, AT, WHOLE_READER).remarks, [
    { code: 'RM1513', severity: 'Note', line: 10, column: 9 },
    { code: 'RM1512', severity: 'Note', line: 16, column: 9 },
  ])
  t.end()
})

test('with errors, warnings are not looked for: what they say need not be true then', (t) => {
  t.strictSame(found(coll('c', `{${query(is('a', 'x'), is('a', 'y'))}, includes: [x]}`)), ['RM1201 spec.includes'])
  t.end()
})

test('the order of objects makes no difference to what is found', (t) => {
  const names = ['a', 'b', 'c', 'd']
  const spec = fc.record({
    limitedTo: fc.option(fc.constantFrom('all', ...names), { nil: undefined }),
    include: fc.array(fc.constantFrom('all', ...names), { minLength: 1, maxLength: 3 }),
    exclude: fc.array(fc.constantFrom(...names), { maxLength: 2 }),
  })
  const site = fc.tuple(spec, spec, spec, spec)
  const property = fc.property(site, fc.nat(), (specs, turn) => {
    const text = specs.map((one, i) => coll(names[i] ?? '', JSON.stringify(one)))
    const { objects, total } = assembled([...text, rule('r', phases(...names)), rule('s', phases('a'))].join('---\n'))
    const at = turn % (objects.length + 1)
    const turned = [...objects.slice(at), ...objects.slice(0, at)].reverse()
    const said = JSON.stringify(advise(objects, AT))
    // Circles among them are errors; what is said then need not be true, but it ends.
    return total > 0 || said === JSON.stringify(advise(turned, AT))
  })
  fc.assert(property, { seed: 5, numRuns: 300 })
  t.end()
})
