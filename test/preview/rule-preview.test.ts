import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { explainCriteria } from '../../controller/catalog/criteria.ts'
import { contextOf } from '../../controller/preview/rule-effects.ts'
import { previewRule } from '../../controller/preview/rule-preview.ts'
import { rulePreviewText } from '../../controller/preview/rule-preview-text.ts'
import { encodeState } from '../../controller/state/state.ts'
import { scene } from '../support/arbitrary.ts'
import { declared, ring, synced, update } from '../support/declare.ts'
import { declaring, newStory, tell } from '../support/story.ts'
import { OCTOBER, october, quickstart, told } from './comparing.ts'

const CRITERIA = { vendors: ['Vendor'], classifications: ['Security Updates' as const], released: { within: 'P10D' } }

function world(updates: Parameters<typeof synced>, group: object = {}) {
  const story = newStory('2026-01-05T00:00:00Z')
  tell(story, synced(...updates))
  declaring(
    story,
    ring('a'),
    declared('AutomaticDeploymentRule', 'r', { criteria: CRITERIA, phases: [{ name: 'p', collection: 'a' }], group }),
  )
  return story
}

test('a near miss fails one criterion, which is named with what is wanted and what is so', async (t) => {
  const { state, now } = world([
    update('in', { released: '2026-01-01T00:00:00Z' }),
    update('old', { released: '2025-12-01T00:00:00Z' }),
    update('tool', { released: '2026-01-02T00:00:00Z', classification: 'Tools' }),
    update('both', { released: '2025-12-01T00:00:00Z', classification: 'Tools' }),
  ])
  const preview = previewRule(state, 'r', now, 10)
  t.same(
    preview?.selected.shown.map(({ id }) => id),
    ['in'],
  )
  t.match(preview?.nearMisses, [
    { criterion: 'classifications', total: 1, shown: [{ id: 'tool', wants: 'Security Updates', is: 'Tools' }] },
    { criterion: 'released', total: 1, shown: [{ id: 'old', wants: 'within P10D', is: '2025-12-01T00:00:00Z' }] },
  ])
})

test('a superseded update is a near miss of its own kind, and a held one is told apart', async (t) => {
  const { state, now } = (() => {
    const story = world([
      update('older', { released: '2026-01-01T00:00:00Z' }),
      update('newer', { released: '2026-01-02T00:00:00Z', supersedes: ['older'] }),
      update('held', { released: '2026-01-03T00:00:00Z' }),
    ])
    declaring(story, declared('UpdateHold', 'h', { updates: ['held'], reason: 'why' }))
    return story
  })()
  const preview = previewRule(state, 'r', now, 10)
  t.same(
    preview?.selected.shown.map(({ id }) => id),
    ['newer'],
  )
  t.same(
    preview?.held.shown.map(({ id }) => id),
    ['held'],
  )
  t.match(preview?.nearMisses, [
    { criterion: 'superseded', total: 1, shown: [{ id: 'older', wants: 'false', is: 'true' }] },
  ])
})

test('near the limit, over it, and split', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => update(`u${i}`))
  for (const [count, level, groups] of [
    [899, 'Fine', 1],
    [900, 'Near', 1],
    [1000, 'Near', 1],
    [1001, 'Over', 0],
  ] as const) {
    const { state, now } = world(many(count))
    const preview = previewRule(state, 'r', now, 3)
    t.match(preview, { cap: { level }, groups, selected: { total: count } })
    t.equal(preview?.selected.shown.length, 3)
  }
  const { state, now } = world(many(1001), { overflow: 'Split' })
  const preview = previewRule(state, 'r', now, 3)
  t.match(preview, { cap: { level: 'Over' }, groups: 2, evaluation: { reason: 'Matched' } })
  t.equal(preview?.evaluation?.rollouts.length, 2)
})

test('each near miss fails just its criterion, whatever the rule', async () => {
  fc.assert(
    fc.property(scene, (one) => {
      const { state, now } = told(one)
      const before = encodeState(state)
      for (const [name, rule] of state.objects.AutomaticDeploymentRule) {
        if (rule.kind !== 'AutomaticDeploymentRule') continue
        for (const { criterion, shown } of previewRule(state, name, now, 1000)?.nearMisses ?? [])
          for (const { id } of shown) {
            const row = state.catalog.ids.find((known) => known === id)
            assert.ok(row !== undefined)
            const { trace } = explainCriteria(state.catalog, rule.spec.criteria, row, contextOf(state, now))
            assert.deepEqual(
              trace.filter(({ matched }) => !matched).map(({ property }) => property),
              [criterion],
            )
          }
      }
      assert.ok(Buffer.from(before).equals(encodeState(state)), 'nothing is changed')
    }),
    { numRuns: 60 },
  )
})

test('a preview reads well', async (t) => {
  const { state } = await october(quickstart('main'))
  const preview = previewRule(state, 'workstations', OCTOBER, 2)
  const text = preview === undefined ? '' : rulePreviewText(preview)
  t.matchOnly(text, /^workstations selects 4 updates of at most 1,000\n {2}next evaluated Tue 11 Nov 18:00 UTC\n/)
  t.match(text, /evaluated now: the same 4 updates as before: nothing is changed/)
  t.match(text, /released: 1 update\n.*\n {6}wants within P14D, is 2025-09-09T00:00:00Z/)
  t.match(
    text,
    / {2}pilot: 53 devices of it-workstations\n {4}pc-\d+, pc-\d+, …\n {2}early: 129 devices of 20 % of managed-workstations\n/,
  )
  t.equal(previewRule(state, 'nobody', OCTOBER, 2), undefined)
})
