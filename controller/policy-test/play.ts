// Plays one arranged test: moves the clock from step to step, and looks at what is so there. The decisions are the
// controller's own: the same fold, `decide`, policies and explanations, on a virtual clock.
import { toRfc3339 } from '../model/instant.ts'
import { checkCommand } from '../project/command-check.ts'
import { commandOf } from '../simulate/commands.ts'
import { newSimulation } from '../simulate/simulation.ts'
import { pathText } from '../sources/problems.ts'
import type { Path } from '../sources/yaml-values.ts'
import { decide } from '../state/decide.ts'
import type { State } from '../state/state.ts'
import { type Arranged, type ArrangedStep, commandFields, isCommand } from './arrange.ts'
import { checkDecisions, checkNothing } from './check-decisions.ts'
import { checkCollection, checkCompliance, checkDevices } from './check-devices.ts'
import { checkRollouts } from './check-rollouts.ts'
import { checkRule } from './check-rules.ts'
import { type Coverage, noteDecision, noteDeclared, noteStart, noteWaiting } from './coverage.ts'
import type { Expect } from './expect.ts'
import type { Place } from './read-tests.ts'
import { type Check, type Failure, MAX_FAILURES_KEPT, type TestResult } from './results.ts'
import { check, type StepSight, type Told } from './sight.ts'

export type Played = Pick<TestResult, 'status' | 'steps' | 'checks' | 'failures' | 'failed'>

export function play(arranged: Arranged, place: (path: Path) => Place, coverage: Coverage): Played {
  const { input, steps, zone, updates, devices } = arranged
  let decisions: Told[] = []
  const proceed = newSimulation(input, {
    onInput: (state, _at, fact) => fact.type === 'ObjectsDeclared' && noteDeclared(coverage, state),
    onDecision: (state, at, decision) => {
      decisions.push({ at, decision })
      noteDecision(coverage, state, decision)
    },
    onAgent: (state, { row }, { type, at, offer }) =>
      type === 'Started' && noteStart(coverage, state, row, offer.id, at),
  })
  const failures: Failure[] = []
  let checks = 0
  let failed = 0
  for (const [i, step] of steps.entries()) {
    // An order is looked at just before it is given, as the controller does.
    const orders = checkOrders(proceed(step.at - 1).state, step)
    const { state } = proceed(step.at)
    const { notes } = decide(state, Temporal.Instant.fromEpochMilliseconds(step.at))
    for (const row of state.fleet.ids.keys()) noteWaiting(coverage, state, row, step.at)
    const { expect = {} } = step.step
    const sight = { state, notes, now: step.at, zone, updates, devices, decisions, exact: expect.exact ?? false }
    const found = [...orders, ...checkStep(sight, expect, [...step.path, 'expect'])]
    checks += found.length
    for (const one of found) {
      if (one.passed || ++failed > MAX_FAILURES_KEPT) continue
      const { path, expected, actual, because } = one
      const name = step.step.name ?? `step ${i + 1}`
      failures.push({
        ...place(path),
        path: pathText(path),
        step: name,
        at: toRfc3339(step.at),
        expected,
        actual,
        because,
      })
    }
    decisions = []
  }
  return { status: failed === 0 ? 'Passed' : 'Failed', steps: steps.length, checks, failures, failed }
}

// What was declared in the same step may be what the order is about; then it is not looked at.
function checkOrders(state: State, { path, step }: ArrangedStep): Check[] {
  const actions = step.do ?? []
  if (actions.some(({ declare, objects }) => declare !== undefined || objects !== undefined)) return []
  return actions.flatMap((action, a) => {
    if (!isCommand(action)) return []
    const command = commandOf(commandFields(action))
    const verdict = checkCommand(state, command, true)
    const refused = verdict.type === 'NotFound' || verdict.type === 'Refused'
    const what = `${command.type} is carried out`
    return [check([...path, 'do', a], !refused, what, refused ? `it is refused: ${verdict.message}` : what)]
  })
}

function checkStep(sight: StepSight, expect: Expect, path: Path): Check[] {
  const { nothing, decisions, rules, rollouts, devices, compliance, collections } = expect
  return [
    ...(nothing ? [checkNothing(sight, [...path, 'nothing'])] : []),
    ...(decisions === undefined ? [] : checkDecisions(sight, decisions, [...path, 'decisions'])),
    ...(rules ?? []).flatMap((one, i) => checkRule(sight, one, [...path, 'rules', i])),
    ...(rollouts === undefined ? [] : checkRollouts(sight, rollouts, [...path, 'rollouts'])),
    ...(devices ?? []).flatMap((one, i) => checkDevices(sight, one, [...path, 'devices', i])),
    ...(compliance ?? []).flatMap((one, i) => checkCompliance(sight, one, [...path, 'compliance', i])),
    ...(collections ?? []).flatMap((one, i) => checkCollection(sight, one, [...path, 'collections', i])),
  ]
}
