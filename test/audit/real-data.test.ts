// Ten years of real security updates, through `run` and `simulate`: the cap of 1000 and its overflow (semantics.md §3). The
// data lives beside the repository, in ../shared/data; where it is absent these tests say that they skip, and fail in
// continuous integration.
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { evaluateCommand } from '../../controller/cli/evaluate.ts'
import { get, until } from '../serve/harness.ts'
import { simulated } from './simulated.ts'
import { ids, newSite, type Site, type Written, written } from './site.ts'

const ARTICLES = resolve(import.meta.dirname, '../../../shared/data/msrc-kb-2016-2025.ndjson.gz')
const absent = !existsSync(ARTICLES)
const skip = absent && !process.env.CI ? 'the real data (../shared/data) is not here' : false

const SOURCE: Written = ['UpdateSource', 'msrc', `{format: MsrcArticles, path: ${JSON.stringify(ARTICLES)}}`]

function broad(overflow: string): Written {
  const criteria = 'criteria: {severities: [Critical, Important], released: {within: P2Y}, superseded: Any}'
  const evaluate = "evaluate: {schedule: {rrule: FREQ=DAILY, at: '12:00'}}"
  return [
    'AutomaticDeploymentRule',
    'broad',
    `{${criteria}, ${evaluate}, group: {overflow: ${overflow}}, phases: [{name: p, collection: all}]}`,
  ]
}

type Line = { readonly name: string; readonly rule?: string }

async function siteWith(t: Test, overflow: string): Promise<Site> {
  const site = await newSite(t, '2026-01-01T00:00:00Z')
  writeFileSync(join(site.folder, 'source.yaml'), written(SOURCE))
  await site.declare(broad(overflow))
  await site.enrol('pc')
  for (let n = 1; ; n++) {
    await site.moveTo(Temporal.Instant.from('2026-01-01T00:00:00Z').add({ milliseconds: n }).toString())
    const { status } = await site.object('UpdateSource', 'msrc')
    if (status.updates === 18_977) break
    await until(() => true)
  }
  return site
}

async function listed(site: Site, kind: string): Promise<readonly Line[]> {
  const response = await fetch(`${site.url()}/v1/objects/${kind}?limit=500`)
  const { items } = (await response.json()) as { items: { metadata: { name: string } }[] }
  return items.map(({ metadata }) => metadata)
}

test('a broad rule over the real catalog fails with the count and what to narrow, and makes nothing', {
  skip,
}, async (t) => {
  const site = await siteWith(t, 'Fail')
  await site.moveTo('2026-01-01T12:00:00Z')
  const { status } = await site.object('AutomaticDeploymentRule', 'broad')
  t.match(status, { lastEvaluation: { failed: true, reason: 'TooManyUpdates' }, selected: undefined })
  const { message } = status.lastEvaluation as { message: string }
  const matched = Number(status.matchingNow)
  t.ok(matched > 1000)
  t.ok(message.replaceAll(',', '').includes(String(matched)), message)
  t.match(message, /narrow .*(released|severities|superseded)/)
  t.match(message, /0x87D20415|1000/)
  for (const kind of ['SoftwareUpdateGroup', 'Rollout', 'UpdateDeployment']) t.same(await listed(site, kind), [])
  t.same(await ids(site, 'pc'), [])
})

test('with overflow: Split it makes ⌈n/1000⌉ groups in order of release, article and id, each with its own rollout, and the same again', {
  skip,
}, async (t) => {
  const site = await siteWith(t, 'Split')
  const first = await groupsAt(t, site, 'broad-20260101')
  const keys = await Promise.all(
    first.map(async (group) => (await Promise.all(group.map((id) => keyOf(site, id)))).sort(byKey)),
  )
  t.same(keys.flat().toSorted(byKey), keys.flat(), 'whatever is in a part comes before what is in the next')
  t.match(await site.run(evaluateCommand, 'broad'), { exit: 0, out: /as before/ }, 'selected again, nothing changes')
  t.equal((await listed(site, 'Rollout')).length, first.length)
  t.equal((await ids(site, 'pc')).length, first.flat().length, 'every part is offered')
  const again = await siteWith(t, 'Split')
  t.same(await groupsAt(t, again, 'broad-20260101'), first)
})

async function groupsAt(t: Test, site: Site, name: string): Promise<string[][]> {
  await site.moveTo('2026-01-01T12:00:00Z')
  const { status } = await site.object('AutomaticDeploymentRule', 'broad')
  const matched = Number(status.selected)
  const count = Math.ceil(matched / 1000)
  t.ok(count > 1)
  const names = Array.from({ length: count }, (_, i) => `${name}-part${i + 1}`)
  for (const kind of ['SoftwareUpdateGroup', 'Rollout'])
    t.same((await listed(site, kind)).map((one) => one.name).sort(), names)
  const groups: string[][] = []
  for (const part of names) {
    const group = (await site.object('SoftwareUpdateGroup', part)) as unknown as { spec: { updates: string[] } }
    groups.push(group.spec.updates)
    t.match(await site.object('Rollout', part), {
      status: { state: 'Progressing', updates: group.spec.updates.length },
    })
  }
  t.same(
    groups.map(({ length }) => length),
    names.map((_, i) => Math.min(1000, matched - i * 1000)),
  )
  const all = groups.flat()
  t.equal(new Set(all).size, matched)
  t.ok(
    all.some((id) => id.length > 100),
    'long ids too can be asked for by name',
  )
  return groups
}

type Key = readonly [released: string, article: string, id: string]

async function keyOf(site: Site, id: string): Promise<Key> {
  const { spec } = (await site.object('Update', encodeURIComponent(id))) as unknown as {
    spec: { released: string; articleIds: string[] }
  }
  return [spec.released, spec.articleIds[0] ?? '', id]
}

function byKey(a: Key, b: Key): number {
  const [first, second] = [JSON.stringify(a), JSON.stringify(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

test('a preview of the broad rule says the same', { skip }, async (t) => {
  const times = { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' }
  const scenario = '  devices: [{prefix: pc-, count: 3}]\n'
  const failed = await simulated(t, { objects: [SOURCE, broad('Fail')], scenario, ...times })
  t.match(failed.lines, [{ type: 'EvaluationFailed', rule: 'broad', reason: 'TooManyUpdates', rollout: null }])
  t.equal(failed.lines.length, 1)
  const split = await simulated(t, { objects: [SOURCE, broad('Split')], scenario, ...times })
  const evaluated = split.lines.find(({ type }) => type === 'RuleEvaluated')
  t.equal(evaluated?.updates, failed.lines[0]?.updates)
  const started = split.lines.filter(({ type }) => type === 'RolloutStarted')
  t.equal(started.length, Math.ceil(Number(evaluated?.updates) / 1000))
  t.equal(split.lines.filter(({ type }) => type === 'PhaseStarted').length, started.length)
  t.ok(started.every(({ updates }) => Number(updates) <= 1000))
})

test('CVRF documents as published are read but for the one record that is bad, and a second synchronisation changes nothing', {
  skip,
}, async (t) => {
  const source: Written = [
    'UpdateSource',
    'msrc',
    `{format: MsrcCvrf, path: ${JSON.stringify(resolve(ARTICLES, '../cvrf'))}, interval: PT1H}`,
  ]
  const site = await newSite(t, '2026-06-01T00:00:00Z')
  await site.declare(source)
  const synced = async (after: string, last = '') => {
    for (let n = 1; ; n++) {
      await site.moveTo(Temporal.Instant.from(after).add({ milliseconds: n }).toString())
      const { status } = await site.object('UpdateSource', 'msrc')
      if (typeof status.lastSync === 'string' && status.lastSync > last) return status
    }
  }
  const first = await synced('2026-06-01T00:00:00Z')
  t.match(first, {
    updates: 504,
    setAsideTotal: 1,
    setAside: [{ position: '2025-Aug.xml.gz:86828', reason: 'the remediation names no article' }],
  })
  const { body } = await get(site.url(), '/v1/objects/Update?limit=500')
  const second = await synced('2026-06-01T02:00:00Z', String(first.lastSync))
  t.equal(second.updates, first.updates)
  t.same((await get(site.url(), '/v1/objects/Update?limit=500')).body, body)
})
