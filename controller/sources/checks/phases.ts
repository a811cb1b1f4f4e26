// Phases that come to nothing: no devices are left for them, their gate cannot be met, or they are over before they are due
// (semantics.md §3, §6).
import type { Declared } from '../../model/declared.ts'
import { DAY, HOUR } from '../../model/instant.ts'
import type { Phase } from '../../model/plan.ts'
import { plural } from '../../model/plural.ts'
import type { ResolvedPhase } from '../../model/resolved-plan.ts'
import { nextOccurrence } from '../../schedule/recurrence.ts'
import type { Finding } from '../cross-checks.ts'
import type { Membership } from './membership.ts'
import { bySchedule, lengthMs, type Planned, type Site } from './site.ts'

/** RM1501, RM1504, RM1505, RM1506. Phases of a template are looked at once, where they stand. */
export function* checkPhases(site: Site, membership: Membership): Iterable<Finding> {
  const seen = new Set<Declared>()
  for (const planned of site.planned) {
    const { phasesOf, plan } = planned
    if (phasesOf === undefined) continue
    // The deployment settings around a template's phases differ from rule to rule.
    for (const [i, phase] of plan.phases.entries()) yield* timeout(planned, phase, i)
    if (seen.has(phasesOf)) continue
    seen.add(phasesOf)
    yield* unreachable(phasesOf, plan.phases, membership)
    yield* gates(phasesOf, plan.phases, membership)
  }
}

function* unreachable(object: Declared, phases: readonly ResolvedPhase[], { isWithin }: Membership): Iterable<Finding> {
  for (const [i, phase] of phases.entries()) {
    const earlier = phases.slice(0, i).find((before) => takesAll(before, phase, isWithin))
    if (earlier === undefined) continue
    const what = phase.whenEmpty === 'Skip' ? 'it is always skipped' : 'the rollout halts here (EmptyPhase)'
    const message = `no device is left for phase ${phase.name}: all that collection ${phase.collection} can have are in phase ${earlier.name} already, and ${what}`
    yield { object, path: ['spec', 'phases', i, 'collection'], code: 'RM1501', message }
  }
}

// The hash by which a percentage is taken is of the device alone, so that equal percentages are the same devices.
function takesAll(earlier: ResolvedPhase, later: ResolvedPhase, isWithin: Membership['isWithin']): boolean {
  return earlier.percent >= later.percent && isWithin(later.collection, earlier.collection)
}

function* gates(object: Declared, phases: readonly ResolvedPhase[], { most }: Membership): Iterable<Finding> {
  const written = 'phases' in object.spec ? (object.spec.phases ?? []) : []
  for (const [i, phase] of phases.entries()) {
    const devices = most(phase.collection)
    if (phase.success.type === 'Count' && phase.success.value > devices) {
      const message = `phase ${phase.name} waits for ${plural(phase.success.value, 'compliant device')}, and ${phase.collection} has at most ${devices}: write ${devices} or fewer, or successPercent`
      yield { object, path: ['spec', 'phases', i, 'successCount'], code: 'RM1504', message }
    }
    const gap = gapOf(written[i])
    if (gap !== undefined) yield { object, path: ['spec', 'phases', i, 'failurePercent'], code: 'RM1505', message: gap }
  }
}

/** With both percentages written, the object itself is refused (RM1208). */
function gapOf(phase: Phase | undefined): string | undefined {
  if (phase === undefined) return undefined
  const { failurePercent, failureCount, successPercent, successCount, timeout } = phase
  if (failurePercent === undefined || successPercent !== undefined || successCount !== undefined) return undefined
  if (failureCount !== undefined || timeout !== undefined || failurePercent <= 5) return undefined
  return `with more than 5 % and up to ${failurePercent} % failed, phase ${phase.name} can neither succeed (95 % by default) nor halt: lower it to 5, ${failurePercent > 50 ? '' : `add successPercent: ${100 - failurePercent}, `}or add a timeout`
}

function* timeout({ phasesOf, object }: Planned, phase: ResolvedPhase, i: number): Iterable<Finding> {
  if (phase.timeout === undefined || phasesOf === undefined) return
  const { availableAfter, deadlineAfter, timeBasis } = phase.deployment
  const due = lengthMs(availableAfter) + lengthMs(deadlineAfter)
  // The same wall-clock comes up to 26 hours earlier on other devices.
  if (lengthMs(phase.timeout) > due - (timeBasis === 'DeviceLocal' ? 26 * HOUR : 0)) return
  const by = phasesOf === object ? '' : ` of ${object.kind} ${object.name}`
  const message = `phase ${phase.name}${by} times out after ${phase.timeout}, before its deadline (${spanText(due)} after its start), from which on devices install: write a longer timeout or a shorter deadlineAfter`
  yield { object: phasesOf, path: ['spec', 'phases', i, 'timeout'], code: 'RM1506', message }
}

/** Evaluations that are looked at. */
const EVALUATIONS = 24

/** RM1515: the last phase is replaced by the next rollout before it is due. */
export function* checkReplaced(site: Site): Iterable<Finding> {
  const between = bySchedule((schedule) => ({ ms: longestBetween(site, schedule) }))
  for (const { object, plan, schedule, mode } of site.planned) {
    const last = plan.phases.at(-1)
    if (object.kind !== 'AutomaticDeploymentRule' || schedule === undefined || last === undefined) continue
    if (plan.onNewer !== 'Replace' || mode !== 'New' || plan.phases.length < 2 || object.spec.suspend) continue
    const before = plan.phases.slice(0, -1)
    const start = before.reduce((sum, phase) => sum + dueAfter(phase) + lengthMs(phase.soak), 0)
    const due = start + dueAfter(last)
    const { ms } = between(schedule)
    if (ms === undefined || due < ms) continue
    const message = `phase ${last.name} is due ${spanText(due)} after the evaluation at the earliest, and the next one replaces the rollout after ${spanText(ms)} at the latest: shorten soaks or deadlines, or set onNewer: Queue or Parallel`
    const path = object.spec.phases === undefined ? ['spec'] : ['spec', 'phases', plan.phases.length - 1]
    yield { object, path, code: 'RM1515', message }
  }
}

/** From a phase's start to the instant from which on devices install, for all of its devices. */
function dueAfter({ deployment }: ResolvedPhase): number {
  const wall = deployment.timeBasis === 'DeviceLocal' ? 26 * HOUR : 0
  return Math.max(0, lengthMs(deployment.availableAfter) + lengthMs(deployment.deadlineAfter) - wall)
}

/** The longest time between two of the coming evaluations; undefined when there are not two. */
function longestBetween(site: Site, schedule: NonNullable<Planned['schedule']>): number | undefined {
  let longest: number | undefined
  let at = nextOccurrence(schedule, site.at, schedule.timeZone)
  for (let i = 0; i < EVALUATIONS && at !== undefined; i++) {
    const next = nextOccurrence(schedule, at, schedule.timeZone)
    if (next !== undefined) longest = Math.max(longest ?? 0, next - at)
    at = next
  }
  return longest
}

/** In days where it is a day or more, rounded down. */
function spanText(ms: number): string {
  return ms >= DAY ? plural(Math.floor(ms / DAY), 'day') : plural(Math.floor(ms / HOUR), 'hour')
}
