// What happens in a stretch of time, read off the state at its end: evaluations, rollouts and their phases. And where two
// such timelines differ.
import { countShared } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { isStarted, isUnfinished, type PhaseRecord, type RolloutRecord } from '../rollout/control.ts'
import type { Note } from '../rollout/draft.ts'
import { gateFigures } from '../rollout/evidence.ts'
import type { State } from '../state/state.ts'
import type { Evaluation, PhaseLine, RolloutLine, Timeline, TimelineChange } from './effect.ts'

export type Recorded = { readonly at: EpochMs; readonly decision: Decision }

/** Rollouts that were under way at `from` or began later, by instant and name. */
export function timelineOf(
  state: State,
  notes: readonly Note[],
  recorded: readonly Recorded[],
  from: EpochMs,
): Timeline {
  const rollouts = [...state.control.rollouts.values()]
    .filter(({ ended }) => ended === undefined || ended.at >= from)
    .sort((a, b) => a.plannedAt - b.plannedAt || byName(a, b))
    .map((rollout) => rolloutLine(state, rollout, notes, from))
  return { evaluations: recorded.flatMap(evaluationOf), rollouts }
}

function evaluationOf({ at, decision }: Recorded): Evaluation[] {
  if (decision.type !== 'RuleEvaluated' && decision.type !== 'EvaluationFailed') return []
  const { rule, matched, message } = decision
  return [{ rule, at, failed: decision.type === 'EvaluationFailed', matched, message }]
}

function rolloutLine(state: State, rollout: RolloutRecord, notes: readonly Note[], from: EpochMs): RolloutLine {
  const note = notes.find(({ kind, name }) => kind === 'Rollout' && name === rollout.name)
  const waits = isUnfinished(rollout) ? note?.message : undefined
  return {
    rollout: rollout.name,
    ...(rollout.rule !== undefined && { rule: rollout.rule }),
    planned: rollout.plannedAt,
    kept: rollout.plannedAt < from && (rollout.ended === undefined || rollout.ended.at > from),
    updates: rollout.updates.length,
    status: rollout.paused && isUnfinished(rollout) ? 'Paused' : rollout.status,
    ...(rollout.ended && { ended: rollout.ended.at }),
    ...(waits !== undefined && { waits }),
    phases: rollout.phases.map((phase, index) => phaseLine(state, rollout, phase, index)),
  }
}

function phaseLine(state: State, rollout: RolloutRecord, phase: PhaseRecord, index: number): PhaseLine {
  const planned = rollout.plan.phases[index]
  const common = { phase: planned?.name ?? '', collection: planned?.collection ?? '' }
  if (!isStarted(phase)) return { ...common, status: phase.status, devices: 0, failed: 0 }
  const figures = isUnfinished(rollout) ? gateFigures(state, rollout, index) : phase.figures
  const stopped = phase.status === 'Active' && !isUnfinished(rollout)
  return {
    ...common,
    status: stopped ? 'Stopped' : phase.status,
    devices: countShared(phase.targets, state.fleet.present),
    failed: figures?.failed ?? 0,
    started: phase.startedAt,
    available: phase.available,
    deadline: phase.deadline,
    ...(phase.succeededAt !== undefined && { succeeded: phase.succeededAt }),
    ...(phase.halt && { halted: phase.halt.at }),
  }
}

type What = TimelineChange['what']

/** By rollout in order of time, the evaluations first. */
export function timelineChanges(base: Timeline, head: Timeline): TimelineChange[] {
  const inTime = [...base.rollouts, ...head.rollouts].sort((a, b) => a.planned - b.planned)
  const rollouts = namesOf(inTime, [], ({ rollout }) => rollout)
  const find = ({ rollouts: list }: Timeline, name: string) => list.find(({ rollout }) => rollout === name)
  return [
    ...evaluationChanges(base.evaluations, head.evaluations),
    ...rollouts.flatMap((name) => rolloutChanges(name, find(base, name), find(head, name))),
  ]
}

function evaluationChanges(base: readonly Evaluation[], head: readonly Evaluation[]): TimelineChange[] {
  const rules = namesOf(base, head, ({ rule }) => rule).sort()
  return rules.flatMap((rule) => {
    const [was, is] = [base, head].map((list) => list.filter((one) => one.rule === rule))
    const changes: TimelineChange[] = []
    for (let i = 0; i < Math.max(was?.length ?? 0, is?.length ?? 0); i++) {
      const [a, b] = [was?.[i], is?.[i]]
      if (a?.at !== b?.at) changes.push(change({ rule }, 'Evaluation', true, a?.at, b?.at))
      else if (a?.matched !== b?.matched) changes.push(change({ rule }, 'Updates', false, a?.matched, b?.matched))
    }
    return changes
  })
}

function rolloutChanges(
  rollout: string,
  base: RolloutLine | undefined,
  head: RolloutLine | undefined,
): TimelineChange[] {
  const key = { rollout, ...((head ?? base)?.rule !== undefined && { rule: (head ?? base)?.rule ?? '' }) }
  if (base === undefined || head === undefined) return [change(key, 'Rollout', true, base?.planned, head?.planned)]
  const phases = namesOf(head.phases, base.phases, ({ phase }) => phase)
  return [
    ...compared(key, [['Updates', false, base.updates, head.updates]]),
    ...phases.flatMap((phase) => {
      const [a, b] = [base, head].map((side) => side.phases.find((one) => one.phase === phase))
      return compared({ ...key, phase }, [
        ['Start', true, a?.started, b?.started],
        ['Deadline', true, a?.deadline, b?.deadline],
        ['Success', true, a?.succeeded, b?.succeeded],
        ['Halt', true, a?.halted, b?.halted],
        ['Devices', false, a?.devices, b?.devices],
        ['Failed', false, a?.failed, b?.failed],
      ])
    }),
    ...compared(key, [['End', true, base.ended, head.ended]]),
  ]
}

type Key = Pick<TimelineChange, 'rollout' | 'rule' | 'phase'>

function compared(
  key: Key,
  values: readonly (readonly [What, boolean, number | undefined, number | undefined])[],
): TimelineChange[] {
  return values.flatMap(([what, isInstant, base, head]) =>
    base === head ? [] : [change(key, what, isInstant, base, head)],
  )
}

function change(
  key: Key,
  what: What,
  isInstant: boolean,
  base: number | undefined,
  head: number | undefined,
): TimelineChange {
  return { ...key, what, isInstant, ...(base !== undefined && { base }), ...(head !== undefined && { head }) }
}

/** In the order of the first, and then what only the second has. */
function namesOf<T>(first: readonly T[], second: readonly T[], nameOf: (one: T) => string): string[] {
  return [...new Set([...first, ...second].map(nameOf))]
}
