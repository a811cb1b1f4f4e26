// Laws of the effect, over random worlds and changes.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import type { Effect, PhaseEffect } from '../../controller/preview/effect.ts'
import { inForce } from '../../controller/preview/fork.ts'
import { effectJson } from '../../controller/preview/json.ts'
import { effectMarkdown, MAX_COMMENT } from '../../controller/preview/markdown.ts'
import { effectSvg } from '../../controller/preview/svg.ts'
import { effectText } from '../../controller/preview/text.ts'
import { encodeState } from '../../controller/state/state.ts'
import { scene } from '../support/arbitrary.ts'
import { compare, told, withObjects } from './comparing.ts'

const ESCAPE = '\u001b'
const RUNS = { numRuns: 40 }

test('the same declarations on both sides have no effect', async () => {
  fc.assert(
    fc.property(scene, (one) => {
      const { state, now } = told(one)
      const objects = inForce(state)
      const effect = compare(state, objects, objects, now)
      const { rules, collections, times, windows, misfits, atOnce, future } = effect
      const sections = [effect.objects, rules, collections, times, windows, misfits, atOnce.decisions, atOnce.byPhase]
      return (
        !effect.differs &&
        sections.every((section) => section.length === 0) &&
        atOnce.approvals.added + atOnce.approvals.withdrawn === 0 &&
        (future === undefined || future.changes.length === 0) &&
        effectText(effect, false).startsWith('No effect')
      )
    }),
    RUNS,
  )
})

test('the way back is the mirror of the way there', async () => {
  fc.assert(
    fc.property(scene, scene, (one, other) => {
      const { state, now } = told(one)
      const [base, head] = [inForce(state), withObjects(state, other.objects)]
      const there = compare(state, base, head, now)
      const back = compare(state, head, base, now)
      assert.deepEqual(mirrored(there), facts(back))
    }),
    RUNS,
  )
})

test('the order in which objects are declared changes nothing, and neither world nor sides are changed', async () => {
  fc.assert(
    fc.property(scene, scene, (one, other) => {
      const { state, now } = told(one)
      const before = encodeState(state)
      const [base, head] = [inForce(state), withObjects(state, other.objects)]
      const effect = compare(state, base, head, now)
      assert.equal(effectJson(compare(state, base.toReversed(), head.toReversed(), now)), effectJson(effect))
      assert.ok(Buffer.from(before).equals(encodeState(state)))
    }),
    RUNS,
  )
})

test('every effect can be written down in every format, within its limits', async () => {
  fc.assert(
    fc.property(scene, scene, (one, other) => {
      const { state, now } = told(one)
      const effect = compare(state, inForce(state), withObjects(state, other.objects), now)
      assert.ok(effectMarkdown(effect).length <= MAX_COMMENT)
      const svg = effectSvg(effect)
      assert.ok(svg.startsWith('<svg ') && svg.endsWith('</svg>\n') && !/NaN|undefined|Infinity/.test(svg))
      assert.doesNotMatch(effectText(effect, false), /NaN|undefined|\[object/)
      assert.ok(!effectText(effect, false).includes(ESCAPE) && effectText(effect, true).includes(ESCAPE))
      assert.equal(JSON.parse(effectJson(effect)).kind, 'Effect')
    }),
    RUNS,
  )
})

type Sided<T> = { readonly base?: T; readonly head?: T }

const swapped = <T>({ base, head }: Sided<T>) => ({
  ...(head !== undefined && { base: head }),
  ...(base !== undefined && { head: base }),
})

/** What can be told from both ends. Which names are shown of a list, and why, is told from one. */
function facts(effect: Effect) {
  const phase = ({ phase, devices, entering, leaving }: PhaseEffect) => [phase, devices, entering.total, leaving.total]
  return {
    differs: effect.differs,
    objects: effect.objects.map(({ kind, name }) => `${kind} ${name}`),
    rules: effect.rules
      .map(({ rule, matched, entering, leaving, nextEvaluation, phases }) => [
        rule,
        matched,
        entering.total,
        leaving.total,
        nextEvaluation,
        phases.map(phase).sort(),
      ])
      .sort(),
    collections: effect.collections.map(({ collection, devices, entering, leaving }) => [
      collection,
      devices,
      entering.total,
      leaving.total,
    ]),
    approvals: effect.atOnce.approvals,
    uninstalls: effect.atOnce.uninstalls,
    decided: [effect.atOnce.decisionsTotal, effect.atOnce.missingTotal],
    times: effect.times
      .map(({ rule, rollout, phase, zone, base, head }) => JSON.stringify([rule, rollout, phase, zone, base, head]))
      .sort(),
    windows: effect.windows.map(({ kind, name, zone, devices, base, head }) => [
      kind,
      name,
      zone,
      devices,
      { base, head },
    ]),
    misfits: effect.misfits
      .map(({ rule, rollout, phase, base, head }) => JSON.stringify([rule, rollout, phase, base, head]))
      .sort(),
    future: effect.future && [effect.future.base, effect.future.head],
  }
}

function mirrored(effect: Effect): ReturnType<typeof facts> {
  const { future } = effect
  return facts({
    ...effect,
    rules: effect.rules.map((rule) => ({
      ...rule,
      matched: swapped(rule.matched),
      nextEvaluation: swapped(rule.nextEvaluation),
      entering: rule.leaving,
      leaving: rule.entering,
      phases: rule.phases.map((phase) => ({
        ...phase,
        devices: swapped(phase.devices),
        entering: phase.leaving,
        leaving: phase.entering,
      })),
    })),
    collections: effect.collections.map((one) => ({
      ...one,
      devices: swapped(one.devices),
      entering: one.leaving,
      leaving: one.entering,
    })),
    atOnce: {
      ...effect.atOnce,
      decisions: effect.atOnce.missing,
      missing: effect.atOnce.decisions,
      decisionsTotal: effect.atOnce.missingTotal,
      missingTotal: effect.atOnce.decisionsTotal,
      approvals: { added: effect.atOnce.approvals.withdrawn, withdrawn: effect.atOnce.approvals.added },
      uninstalls: { added: effect.atOnce.uninstalls.withdrawn, withdrawn: effect.atOnce.uninstalls.added },
    },
    times: effect.times.map(({ base, head, ...rest }) => ({
      ...rest,
      ...swapped({ base, head } as Sided<typeof head>),
    })),
    windows: effect.windows.map(({ base, head, devices, ...rest }) => ({
      ...rest,
      devices: { base: devices.head, head: devices.base },
      ...swapped({ base, head } as Sided<typeof head>),
    })),
    misfits: effect.misfits.map(({ base, head, ...rest }) => ({
      ...rest,
      ...swapped({ base, head } as Sided<typeof head>),
    })),
    ...(future && { future: { ...future, base: future.head, head: future.base } }),
  })
}
