// Checks of rollouts and their phases, by the very views that `describe` and the status page show.
import type { UpdateId } from '../model/update.ts'
import { objectNamed } from '../project/objects.ts'
import { recordsNewestFirst } from '../project/view-rollouts.ts'
import type { PhaseView, RolloutViewStatus } from '../project/views.ts'
import { nearest } from '../sources/suggest.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { Expect, ExpectPhase, ExpectRollout } from './expect.ts'
import type { Check } from './results.ts'
import {
  check,
  checkCount,
  checkMessage,
  checkTime,
  checkUpdates,
  checkValue,
  listed,
  type StepSight,
} from './sight.ts'

export function checkRollouts(sight: StepSight, expected: NonNullable<Expect['rollouts']>, path: Path): Check[] {
  const checks = expected.flatMap((one, i) => checkRollout(sight, one, [...path, i]))
  if (!sight.exact) return checks
  const named = new Set(expected.map((one) => nameOf(sight, one)))
  const others = recordsNewestFirst(sight.state)
    .map(({ name }) => name)
    .filter((name) => !named.has(name))
  return [...checks, check(path, others.length === 0, 'no other rollout', listed(others))]
}

function nameOf({ state }: StepSight, { rollout, rule }: ExpectRollout): string | undefined {
  return rollout ?? recordsNewestFirst(state).find((record) => record.rule === rule)?.name
}

function checkRollout(sight: StepSight, expected: ExpectRollout, path: Path): Check[] {
  const { state, notes, now, zone } = sight
  const name = nameOf(sight, expected)
  const status = name === undefined ? undefined : objectNamed(state, notes, 'Rollout', name, now)?.status
  const wanted = expected.rollout ?? `a rollout of rule ${expected.rule}`
  if (name === undefined || status === undefined) {
    if (expected.exists === false) return [check(path, true, '', '')]
    return [check(path, false, wanted, `no ${wanted}`, () => othersThan(sight, wanted))]
  }
  if (expected.exists === false) return [check([...path, 'exists'], false, `no ${wanted}`, `rollout ${name}`)]
  const why = () => describe(name, status)
  const record = state.control.rollouts.get(name)
  const wait = status.waitsFor ?? status.ended
  const until = status.waitsFor?.until
  return [
    ...checkValue([...path, 'state'], expected.state, status.state, why),
    ...checkValue([...path, 'paused'], expected.paused, status.paused, why),
    ...checkUpdates(sight, [...path, 'updates'], expected.updates, new Set<UpdateId>(record?.updates), () => undefined),
    ...checkValue([...path, 'reason'], expected.reason, wait?.reason, why),
    ...checkMessage([...path, 'message'], expected.message, wait?.message ?? '', why),
    ...checkTime([...path, 'until'], expected.until, instantOf(until), zone, why),
    ...(expected.phases ?? []).flatMap((phase, i) => checkPhase(sight, status, phase, [...path, 'phases', i], why)),
  ]
}

function checkPhase(
  { zone }: StepSight,
  { phases }: RolloutViewStatus,
  expected: ExpectPhase,
  path: Path,
  why: () => string,
): Check[] {
  const phase = phases.find(({ name }) => name === expected.name)
  if (phase === undefined)
    return [
      check([...path, 'name'], false, expected.name, `its phases are ${phases.map(({ name }) => name).join(', ')}`),
    ]
  const explained = () => `${describePhase(phase)}; ${why()}`
  const count = (field: 'compliant' | 'failed' | 'unknown') =>
    checkCount([...path, field], expected[field], phase.gate?.[field] ?? 0, explained)
  return [
    ...checkValue([...path, 'state'], expected.state, phase.state, explained),
    ...checkCount([...path, 'devices'], expected.devices, phase.devices, explained),
    ...count('compliant'),
    ...count('failed'),
    ...count('unknown'),
    ...checkValue([...path, 'approved'], expected.approved, phase.approved, explained),
    ...checkTime([...path, 'available'], expected.available, instantOf(phase.available), zone, explained),
    ...checkTime([...path, 'deadline'], expected.deadline, instantOf(phase.deadline), zone, explained),
    ...checkTime([...path, 'soakUntil'], expected.soakUntil, instantOf(phase.soakUntil), zone, explained),
  ]
}

function describe(name: string, { state, waitsFor, ended }: RolloutViewStatus): string {
  if (waitsFor !== undefined) return `${name} waits (${waitsFor.reason}): ${waitsFor.message}${untilText(waitsFor)}`
  return ended === undefined ? `${name} is ${state}` : `${name} ended ${ended.at} (${ended.reason}): ${ended.message}`
}

function untilText({ message, until }: { readonly message: string; readonly until?: string | undefined }): string {
  return until === undefined || message.includes(until) ? '' : `, until ${until}`
}

function describePhase({ name, state, gate, halt, neverFits }: PhaseView): string {
  const figures =
    gate === undefined
      ? ''
      : `, of ${gate.targets} devices ${gate.compliant} compliant (${gate.needed} needed), ${gate.failed} failed (${gate.mayFail} may), ${gate.unknown} unknown`
  const halted = halt === undefined ? '' : `, halted (${halt.reason}): ${halt.message}`
  return `phase ${name} is ${state}${figures}${halted}${neverFits === undefined ? '' : `; ${neverFits.message}`}`
}

function othersThan({ state, notes }: StepSight, wanted: string): string {
  const known = recordsNewestFirst(state).map(({ name }) => name)
  const meant = nearest(wanted, known)
  if (meant !== undefined) return `did you mean ${meant}?`
  const rules = notes.filter(({ kind }) => kind === 'AutomaticDeploymentRule')
  const said = rules.slice(0, 5).map(({ name, reason, message }) => `rule ${name} (${reason}): ${message}`)
  return [known.length === 0 ? 'there is no rollout' : `there are ${known.slice(0, 10).join(', ')}`, ...said].join('; ')
}

function instantOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text)
}
