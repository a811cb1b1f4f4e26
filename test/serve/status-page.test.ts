import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { complianceOf, failuresOf } from '../../controller/fleet/compliance.ts'
import { hasBit, newPlane, planeRows } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { DeviceReport } from '../../controller/model/report.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { dashboard, LIMITS } from '../../controller/project/dashboard.ts'
import { isStarted } from '../../controller/rollout/control.ts'
import { effectiveUpdates } from '../../controller/rollout/evidence.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { newApp } from '../../controller/serve/app.ts'
import { registerStatusPage } from '../../controller/serve/status-page.ts'
import { escaped, html } from '../../controller/serve/status-page-html.ts'
import { distance, length, percentOf, prose } from '../../controller/serve/status-page-text.ts'
import { declared, declaredFact, enrolled, newStage, type Stage, story, syncFact, update } from './status-page-story.ts'

const MINUTE = 60_000

async function serve(t: Test, stage: Stage): Promise<string> {
  const app = newApp({ log: silentLog })
  registerStatusPage(app, stage)
  t.teardown(async () => {
    await app.close()
    await stage.controller.close()
  })
  return app.listen({ host: '127.0.0.1', port: 0 })
}

async function textOf(url: string): Promise<string> {
  const answer = await fetch(url)
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  return answer.text()
}

test('the page shows rollouts, phases, gates, failures, collections, times and decisions', async (t) => {
  const stage = await story()
  const page = await textOf(await serve(t, stage))
  const { rollouts } = stage.controller.state.control
  for (const name of rollouts.keys()) has(t, page, name)
  const { shown } = board(stage).rollouts
  const early = shown.find(({ rule }) => rule === 'workstations')?.phases.find(({ name }) => name === 'early')
  t.ok(early?.figures !== undefined && early.figures.compliant > 0, 'the story has a phase under way')
  const { compliant = -1, targets = -1, failed = -1, unknown = -1 } = early?.figures ?? {}
  has(t, page, `early: ${compliant} of ${targets} devices compliant, ${failed} failed, ${unknown} not reported`)
  has(t, page, 'ringmaster approve servers-20251014 early', 'what it waits for')
  has(t, page, '0x80070643')
  has(t, page, 'the installer failed', 'what the code means')
  has(t, page, 'Security Update for Microsoft Excel 2016')
  has(t, page, 'it-workstations')
  has(t, page, 'Finance closes its books')
  has(t, page, 'on each device’s own clock')
  has(t, page, 'rules.yaml:31:13', 'a rejected edit, with its place')
  has(t, page, 'at 9f3c1e7a</span> by Alex Example', 'where a rollout comes from')
  has(t, page, 'Rolled back')
  has(t, page, 'Fri 17 Oct 2025, 05:40 UTC', "the controller's own time")
  t.notOk(/targets":|[A-Za-z0-9+/]{120}/.test(page), 'no set of devices is rendered')
})

test('rollouts that need a person come first, then the others under way, then the ended ones', async (t) => {
  const stage = await story()
  t.teardown(() => stage.controller.close())
  const { rollouts } = board(stage)
  t.strictSame(
    rollouts.shown.map(({ rule }) => rule),
    ['browsers', 'dotnet', 'servers', 'workstations', 'office', 'definitions'],
  )
  t.equal(rollouts.unfinished, 4)
  t.equal(rollouts.stalled, 3)
})

test('compliance counts each device once, as a look at every device and update does', async (t) => {
  const stage = await story()
  t.teardown(() => stage.controller.close())
  const { state } = stage.controller
  const slow = { covered: 0, compliant: 0, required: 0, failed: 0, unknown: 0 }
  for (const row of planeRows(state.fleet.present)) {
    const standing = standingOf(stage, row)
    if (standing === undefined) continue
    slow.covered++
    slow[standing]++
  }
  const { covered, compliant, required, failed, unknown } = board(stage).fleet
  t.strictSame({ covered, compliant, required, failed, unknown }, slow)
  t.ok(failed > 0 && unknown > 0 && compliant > 0, 'the story has some of most')
})

function standingOf(
  { controller: { state } }: Stage,
  row: number,
): 'compliant' | 'required' | 'failed' | 'unknown' | undefined {
  const updates = [...state.control.rollouts.values()]
    .filter(({ phases }) => phases.some((phase) => isStarted(phase) && phase.approved && hasBit(phase.targets, row)))
    .flatMap((rollout) => effectiveUpdates(state, rollout))
  if (updates.length === 0) return undefined
  if (hasBit(state.fleet.stale, row)) return 'unknown'
  const open = updates.filter((id) => (complianceOf(state.compliance, id, row) & 1) === 0)
  if (open.some((id) => failuresOf(state.compliance, id).some((failure) => failure.row === row))) return 'failed'
  if (open.some((id) => complianceOf(state.compliance, id, row) === 2)) return 'required'
  return open.length > 0 ? 'unknown' : 'compliant'
}

test('failures are grouped by update and code, and devices are counted', async (t) => {
  const stage = await newStage('2025-10-14T00:00:00Z')
  t.teardown(() => stage.controller.close())
  await stage.put(syncFact(update('kb1', 'One', 'Windows'), update('kb2', 'Two', 'Windows')))
  const said = [
    ['d1', 'kb1', 6, '0x80070643'],
    ['d2', 'kb1', 6, '0x80070643'],
    ['d3', 'kb1', 6, '0x80070070'],
    ['d3', 'kb2', 9, ''],
  ] as const
  for (const [i, [device, id, state, code]] of said.entries())
    await stage.put(...(i < 3 ? [enrolled(device, {})] : []), {
      type: 'DeviceReported',
      device,
      report: DeviceReport.parse({
        sequence: i + 1,
        at: '2025-10-13T00:00:00Z',
        messages: [{ topic: 301, update: id, state, code, message: 'no room' }],
      }),
    })
  const { failures } = board(stage)
  t.strictSame(
    failures.shown.map(({ update: id, code, devices, download, title }) => [id, code, devices, download, title]),
    [
      ['kb1', '0x80070643', 2, false, 'One'],
      ['kb1', '0x80070070', 1, false, 'One'],
      ['kb2', '', 1, true, 'Two'],
    ],
  )
  t.equal(failures.devices, 3)
  t.equal(failures.shown[0]?.last.message, 'no room')
})

test('windows and freezes: what holds first, then in order of time, and one that cannot be read says so', async (t) => {
  const stage = await story()
  t.teardown(() => stage.controller.close())
  const named = () => board(stage).occasions.shown.map(({ name, current }) => [name, current])
  t.strictSame(named(), [
    ['october-close', true],
    ['test-servers-any-time', true],
    ['workstation-evenings', false],
    ['server-nights', false],
    ['year-end', false],
  ])
  const [freeze, , evenings, nights] = board(stage).occasions.shown
  t.equal(freeze?.next?.until, Date.parse('2025-10-21T22:00:00Z'), 'in its own zone')
  t.equal(nights?.next?.from, Date.parse('2025-10-17T20:00:00Z'))
  t.equal(evenings?.zone, undefined, 'DeviceLocal is shown as wall-clock')
  await stage.to('2025-10-22T00:00:00Z')
  t.notMatch(named().flat(), ['october-close'], 'what is over is gone')
  const window = declared('MaintenanceWindow', 'server-nights', {
    collections: ['servers'],
    schedule: { rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'UTC' },
    duration: 'PT1H',
  })
  const broken = {
    ...window,
    spec: { ...window.spec, schedule: { ...window.spec.schedule, timeZone: 'Mars/Olympus' } },
  }
  await stage.put(declaredFact(broken))
  t.equal(board(stage).occasions.shown[0]?.unreadable, true)
  has(t, await textOf(await serve(t, stage)), 'cannot be evaluated: it counts as closed')
})

test('the fragment has an ETag: 304 while nothing has changed, 200 with another one when something has', async (t) => {
  const stage = await newStage('2025-10-14T00:00:00Z')
  const url = `${await serve(t, stage)}/status`
  const first = await fetch(url)
  const etag = first.headers.get('etag') ?? ''
  t.match(etag, /^"[\w-]{20,}"$/)
  t.match(await first.text(), /^<main id="status">[\s\S]*<\/main>$/, 'the main element alone')
  for (const asked of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const again = await fetch(url, { headers: { 'if-none-match': asked } })
    t.equal(again.status, 304)
    t.equal(again.headers.get('etag'), etag)
    t.equal(await again.text(), '')
  }
  await stage.put(enrolled('srv-1', { type: 'server' }))
  for (let i = 0; i < 500; i++) {
    const changed = await fetch(url, { headers: { 'if-none-match': etag } })
    if (changed.status === 304) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      continue
    }
    t.equal(changed.status, 200)
    t.not(changed.headers.get('etag'), etag)
    return
  }
  t.fail('the enrolment never showed')
})

test('the page is whole in itself: its policy allows its own style and script and nothing else', async (t) => {
  const answer = await fetch(await serve(t, await newStage('2025-10-14T00:00:00Z')))
  const page = await answer.text()
  const policy = answer.headers.get('content-security-policy') ?? ''
  t.match(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  has(t, policy, "default-src 'none'")
  t.notOk(policy.includes('unsafe'))
  for (const element of ['style', 'script']) {
    const content = page.split(`<${element}>`)[1]?.split(`</${element}>`)[0] ?? ''
    t.ok(content.length > 100)
    has(t, policy, `'sha256-${createHash('sha256').update(content).digest('base64')}'`)
  }
  has(t, page, '<noscript><meta http-equiv="refresh"')
  t.notOk(
    / style="| on[a-z]+="|(src|href)="(?!data:)/.test(page),
    'no inline styles or handlers, nothing from elsewhere',
  )
})

test('a fresh controller says what to do next, and what of it is done', async (t) => {
  const stage = await newStage('2025-10-14T00:00:00Z')
  const empty = await textOf(await serve(t, stage))
  has(t, empty, 'Nothing is declared yet')
  for (const step of ['ringmaster validate', 'UpdateSource', 'POST /v1/enrol', 'ringmaster evaluate RULE'])
    has(t, empty, step)
  t.notOk(empty.includes('>done<'))
  const rule = { criteria: { products: ['W'] }, template: 'patch-tuesday', phases: [{ name: 'a', collection: 'all' }] }
  await stage.put(declaredFact(declared('AutomaticDeploymentRule', 'monthly', rule)))
  const begun = await textOf(await serve(t, { ...stage, controller: stage.controller }))
  has(t, begun, 'No rollout yet')
  has(t, begun, '>done<')
  has(t, begun, 'ringmaster evaluate monthly')
})

const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>&lt;\`</main>`

test('hostile names stay text wherever they show', async (t) => {
  const stage = await story()
  const { state } = stage.controller
  const rollout = state.control.rollouts.get('workstations-20251014')
  if (rollout === undefined) throw new Error('the story has no such rollout')
  const plan = {
    ...rollout.plan,
    phases: rollout.plan.phases.map((phase) => ({ ...phase, name: HOSTILE, collection: HOSTILE })),
  }
  const provenance = { ...rollout.provenance, file: HOSTILE, commit: HOSTILE, author: HOSTILE }
  state.control = {
    ...state.control,
    rollouts: new Map(state.control.rollouts).set(HOSTILE, {
      ...rollout,
      name: HOSTILE,
      rule: HOSTILE,
      plan,
      provenance,
    }),
    holds: new Map([[HOSTILE, { updates: [], reason: HOSTILE, uninstall: false, collections: [HOSTILE] }]]),
  }
  const failing = UpdateId.parse('kb5002794')
  const row = state.catalog.rowOf.get(failing) ?? -1
  state.catalog.updates[row] = update('kb5002794', HOSTILE, HOSTILE, { articleIds: [HOSTILE] })
  state.fleet.ids = state.fleet.ids.map(() => HOSTILE)
  stage.controller.notes = [
    { kind: 'Rollout', name: HOSTILE, state: 'Waiting', reason: 'GateOpen', message: HOSTILE },
    { kind: 'AutomaticDeploymentRule', name: 'office', state: 'Stalled', reason: 'NoPhases', message: HOSTILE },
  ]
  const problems = [{ file: HOSTILE, line: 1, column: 1, path: HOSTILE, code: 'X', message: HOSTILE }]
  state.sources.set(HOSTILE, {
    at: 0,
    revision: HOSTILE,
    rejected: { revision: HOSTILE, problems, total: 1, since: 0 },
  })
  state.feeds.set(HOSTILE, { triedAt: 0, failure: HOSTILE, setAside: [], setAsideTotal: 0, notes: [] })
  const freeze: Declared = {
    ...declared('Freeze', 'x', {
      from: '2025-10-17T00:00Z',
      until: '2026-10-17T00:00Z',
      reason: HOSTILE,
      collections: ['a'],
    }),
    name: HOSTILE,
  }
  state.objects = { ...state.objects, Freeze: new Map([[HOSTILE, freeze]]) }
  const page = await textOf(await serve(t, stage))
  t.ok(page.split('&lt;script&gt;alert(1)').length > 15, 'it shows in many places')
  t.equal(page.split('<script').length - 1, 1, "the page's own script only")
  t.notOk(/<img|onerror=alert\(2\)>/.test(page))
  t.equal(page.split('</main>').length - 1, 1)
})

test('whatever text goes into a template, neither element nor attribute ends early', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`
      const [, attribute = '<', content = '<'] = /^<p title="([^"]*)">([\s\S]*)<\/p>$/.exec(markup) ?? []
      return !/[<>"'`]/.test(attribute + content) && attribute === content
    }),
    { seed: 42, numRuns: 300 },
  )
  t.equal(escaped('a < b & "c"'), 'a &lt; b &amp; &quot;c&quot;')
  t.equal(html`${[html`<b>x</b>`, html`${'<i>'}`]}${false}${undefined}${3}`.markup, '<b>x</b>&lt;i&gt;3')
})

test('ten thousand rollouts and collections with long names make a page of bounded size', async (t) => {
  const stage = await story()
  const { state } = stage.controller
  const some = [...state.control.rollouts.values()]
  const long = '<'.repeat(1000)
  const rollouts = new Map(
    Array.from({ length: 10_000 }, (_, i) => {
      const rollout = some[i % some.length]
      if (rollout === undefined) throw new Error('the story has no rollouts')
      const name = `${i}${long}`
      const phases = Array.from({ length: 12 }, () => rollout.plan.phases[0]).flatMap((phase) =>
        phase ? [{ ...phase, name, collection: name }] : [],
      )
      const records = phases.flatMap(() => rollout.phases[0] ?? [])
      return [name, { ...rollout, name, rule: name, plan: { ...rollout.plan, phases }, phases: records }] as const
    }),
  )
  state.control = { ...state.control, rollouts }
  for (let i = 0; i < 10_000; i++) state.collections.membership.members.set(`${i}${long}`, newPlane())
  stage.controller.notes = [...rollouts.keys()].map((name) => ({
    kind: 'Rollout',
    name,
    state: 'Stalled',
    reason: 'GateOpen',
    message: long,
  }))
  const { shown, total } = board(stage).rollouts
  t.equal(shown.length, LIMITS.rollouts)
  t.equal(total, 10_000)
  const page = await textOf(await serve(t, stage))
  t.ok(page.length < 1_000_000, `${page.length} characters`)
  has(t, page, 'more that have not ended')
})

test('times, lengths and shares in words', async (t) => {
  t.equal(length(59_000), 'under a minute')
  t.equal(length(61 * MINUTE), '1 h 1 min')
  t.equal(length(26 * 60 * MINUTE), '1 d 2 h')
  t.equal(length(20 * 1440 * MINUTE), '20 d')
  t.equal(distance(0, 5 * MINUTE), '5 min ago')
  t.equal(distance(5 * MINUTE, 0), 'in 5 min')
  t.equal(distance(1, 0), 'now')
  t.equal(percentOf(999, 1000), '99 %', 'never rounded up to all')
  t.equal(percentOf(0, 0), '–')
  t.equal(
    prose('`run <b>` until 2025-10-17T07:00:00Z, ` left', 100).markup,
    '<code>run &lt;b&gt;</code> until <time datetime="2025-10-17T07:00:00Z">Fri 17 Oct 2025, 07:00 UTC</time>, &#96; left',
  )
})

// A page that lacks something is too long to be shown.
function has(t: Test, page: string, text: string, message = ''): void {
  t.ok(page.includes(text), `has ${text.slice(0, 100)} ${message}`)
}

function board({ controller: { state, notes, clock } }: Stage) {
  return dashboard(state, notes, [], clock.now().epochMilliseconds)
}
