// What of the declarations the tests brought about: rules that selected, phases that were entered and passed, and windows,
// freezes and holds that made a difference to a device.
import type { Declared } from '../model/declared.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { resolvePlan } from '../model/resolved-plan.ts'
import { freezesOf, type Offer, offersFor, windowsOf } from '../rollout/offers.ts'
import { resolveRule, templateNamed } from '../rollout/rule-plan.ts'
import { deviceZone } from '../rollout/targets.ts'
import type { Objects } from '../rollout/world.ts'
import { applicableWindows, frozenIntervals, openIntervals } from '../schedule/windows.ts'
import type { State } from '../state/state.ts'
import type { CoverageReport, Covered } from './results.ts'

/** Gathered over all tests; keys say file, kind and name, so that the same name in another folder is another thing. */
export type Coverage = {
  readonly declared: Map<string, Item>
  readonly reached: Set<string>
}
type Item = { readonly label: string; readonly needs: readonly string[]; readonly also: readonly string[] }

export function newCoverage(): Coverage {
  return { declared: new Map(), reached: new Set() }
}

/** Notes what there is to cover. */
export function noteDeclared({ declared }: Coverage, state: State): void {
  for (const objects of Object.values(state.objects))
    for (const object of objects.values())
      for (const [key, item] of itemsOf(state.objects, object)) declared.set(key, item)
}

export function noteDecision(coverage: Coverage, state: State, decision: Decision): void {
  const reach = (object: Declared | undefined, what: string) => {
    if (object !== undefined) coverage.reached.add(`${keyOf(object)} ${what}`)
  }
  if (decision.type === 'UpdatesHeld') {
    if (decision.updates > 0) reach(state.objects.UpdateHold.get(decision.hold), 'mattered')
  } else if (decision.type === 'RuleEvaluated') {
    const rule = state.objects.AutomaticDeploymentRule.get(decision.rule)
    reach(rule, decision.rollouts.length > 0 ? 'selected' : 'evaluated')
  } else if (decision.type === 'EvaluationFailed') {
    reach(state.objects.AutomaticDeploymentRule.get(decision.rule), 'failed')
  } else if ('phase' in decision) {
    const owner =
      decision.rule === undefined
        ? state.objects.Rollout.get(decision.rollout)
        : state.objects.AutomaticDeploymentRule.get(decision.rule)
    const what = PHASE_EVENTS[decision.type]
    if (what !== undefined) reach(owner, `${decision.phase} ${what}`)
  }
}

const PHASE_EVENTS: Readonly<Partial<Record<Decision['type'], string>>> = {
  PhaseStarted: 'entered',
  PhaseSucceeded: 'passed',
  PhaseHalted: 'halted',
}

/** An installation begins: the windows that let it, and the freezes that it waited for, made a difference. */
export function noteStart(coverage: Coverage, state: State, row: number, update: string, at: EpochMs): void {
  const offer = offersFor(state, row).offers.find(({ update: { id } }) => id === update)
  if (offer !== undefined) noteTimes(coverage, state, row, offer, at)
}

/** What is due on a device and waits does so for windows that are shut, or for freezes. */
export function noteWaiting(coverage: Coverage, state: State, row: number, at: EpochMs): void {
  for (const offer of offersFor(state, row).offers)
    if (offer.deadline <= at && (offer.status & 1) === 0) noteTimes(coverage, state, row, offer, at)
}

function noteTimes({ reached }: Coverage, state: State, row: number, offer: Offer, at: EpochMs): void {
  if (offer.action !== 'Install') return
  const zone = deviceZone(state.fleet, row)
  const useAll = offer.approvals.some(({ useAllDeploymentsWindows }) => useAllDeploymentsWindows)
  const mark = (object: Declared | undefined) => object && reached.add(`${keyOf(object)} mattered`)
  const windows = applicableWindows(windowsOf(state, row), useAll)
  const open = windows.filter((window) => openIntervals([window], zone, at, at + 1).intervals.length > 0)
  if (offer.approvals.some(({ outsideWindow }) => !outsideWindow.install))
    for (const { name } of open.length > 0 ? open : windows) mark(state.objects.MaintenanceWindow.get(name))
  if (offer.approvals.every(({ urgent }) => urgent)) return
  for (const freeze of freezesOf(state, row)) {
    const frozen = frozenIntervals([freeze], zone, Math.min(offer.deadline, at), at + 1)
    if (frozen.intervals.length > 0) mark(state.objects.Freeze.get(freeze.name))
  }
}

export function coverageReport({ declared, reached }: Coverage): CoverageReport {
  const items = [...declared]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, { label, needs, also }]) => {
      const detail = [...needs, ...also]
        .filter((what) => reached.has(`${key} ${what}`))
        .map(last)
        .join(', ')
      return needs.map(
        (what): Covered => ({
          item: `${label}: ${last(what)}`,
          covered: reached.has(`${key} ${what}`),
          detail,
        }),
      )
    })
  const covered = items.filter((item) => item.covered).length
  const percent = items.length === 0 ? 100 : Math.floor((covered * 100) / items.length)
  return { items, covered, total: items.length, percent }
}

function last(what: string): string {
  return what.split(' ').at(-1) ?? what
}

function keyOf({ kind, name, origin }: Declared): string {
  return `${origin.file} ${kind} ${name}`
}

function itemsOf(objects: Objects, object: Declared): [string, Item][] {
  const key = keyOf(object)
  switch (object.kind) {
    case 'AutomaticDeploymentRule': {
      const plan = resolveRule(objects, object.spec)?.plan
      const rule: Item = { label: `rule ${object.name}`, needs: ['selected'], also: ['evaluated', 'failed'] }
      return [[key, rule], ...phases(key, `rule ${object.name}`, plan?.phases ?? [])]
    }
    case 'Rollout': {
      const template = object.spec.template === undefined ? undefined : templateNamed(objects, object.spec.template)
      return phases(key, `rollout ${object.name}`, resolvePlan(object.spec, template).phases)
    }
    case 'MaintenanceWindow':
    case 'Freeze':
    case 'UpdateHold':
      return [[key, { label: `${LABELS[object.kind]} ${object.name}`, needs: ['mattered'], also: [] }]]
    default:
      return []
  }
}

const LABELS = { MaintenanceWindow: 'window', Freeze: 'freeze', UpdateHold: 'hold' } as const

function phases(key: string, label: string, list: readonly { readonly name: string }[]): [string, Item][] {
  return list.map(({ name }) => [
    `${key} ${name}`,
    { label: `${label}, phase ${name}`, needs: ['entered', 'passed'], also: ['halted'] },
  ])
}
