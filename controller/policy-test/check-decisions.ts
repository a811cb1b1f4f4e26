// Checks of what was decided since the step before.
import { toRfc3339 } from '../model/instant.ts'
import { decisionLine, tellDecision } from '../simulate/story.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { Expect, ExpectDecision } from './expect.ts'
import { timeFits } from './moments.ts'
import type { Check } from './results.ts'
import { check, countFits, listed, type StepSight, type Told } from './sight.ts'

export function checkNothing({ decisions }: StepSight, path: Path): Check {
  return check(path, decisions.length === 0, 'nothing was decided', listed(decisions.map(tell)))
}

/** In order; others may stand between, unless the test is exact. */
export function checkDecisions(sight: StepSight, expected: NonNullable<Expect['decisions']>, path: Path): Check[] {
  const { decisions, exact } = sight
  const checks: Check[] = []
  let from = 0
  for (const [i, one] of expected.entries()) {
    const found = decisions.findIndex((told, at) => at >= from && fits(sight, told, one))
    const skipped = exact && found > from
    const left = listed(decisions.slice(from).map(tell))
    const actual = left.length === 0 ? ['nothing more was decided'] : left
    checks.push(check([...path, i], found >= 0 && !skipped, describe(one), actual))
    if (found < 0 || skipped) return checks
    from = found + 1
  }
  const others = exact ? decisions.slice(from) : []
  return [...checks, check(path, others.length === 0, 'nothing else was decided', listed(others.map(tell)))]
}

function fits({ state, zone }: StepSight, { at, decision }: Told, expected: ExpectDecision): boolean {
  const line = decisionLine(state, at, decision)
  const { type, rule, rollout, phase, hold, reason, message, updates, devices, at: time } = expected
  const same = (wanted: string | undefined, actual: string | null) => wanted === undefined || wanted === actual
  return (
    type === line.type &&
    same(rule, line.rule) &&
    same(rollout, line.rollout) &&
    same(phase, line.phase) &&
    same(hold, line.hold) &&
    same(reason, line.reason) &&
    (message === undefined || line.message.includes(message)) &&
    (updates === undefined || (line.updates !== null && countFits(updates, line.updates))) &&
    (devices === undefined || (line.devices !== null && countFits(devices, line.devices))) &&
    (time === undefined || timeFits(time, at, zone))
  )
}

function describe(expected: ExpectDecision): string {
  return Object.entries(expected)
    .flatMap(([field, value]) => (value === undefined ? [] : [field === 'type' ? String(value) : `${field} ${value}`]))
    .join(', ')
}

function tell({ at, decision }: Told): string {
  return `${toRfc3339(at)} ${decision.type} (${decision.reason}): ${tellDecision(decision)}`
}
