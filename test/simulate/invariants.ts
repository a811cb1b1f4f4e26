// What must be true at every step of every simulation, whatever the scenario. Windows are read anew here, in the plainest
// way, so that a fault of the schedule or of the policy does not hide itself.
import { updateOf } from '../../controller/catalog/catalog.ts'
import { collectionsOf } from '../../controller/fleet/collections.ts'
import { attributeOf } from '../../controller/fleet/fleet.ts'
import { countShared, hasBit } from '../../controller/model/bit-plane.ts'
import type { Decision } from '../../controller/model/facts.ts'
import { type EpochMs, MINUTE, toRfc3339 } from '../../controller/model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../../controller/rollout/control.ts'
import { countDevices } from '../../controller/rollout/recount.ts'
import type { AgentEvent } from '../../controller/simulate/agent.ts'
import { lastCall, type Population } from '../../controller/simulate/population.ts'
import type { Member } from '../../controller/simulate/simulated-fleet.ts'
import { decide } from '../../controller/state/decide.ts'
import type { State } from '../../controller/state/state.ts'

const MAX_BROKEN = 20

export function newInvariants(population: Population) {
  const broken: string[] = []
  const unapprovedAt = new Map<string, EpochMs>()
  const breaks = (at: EpochMs, what: string) => {
    if (broken.length < MAX_BROKEN) broken.push(`${toRfc3339(at)}: ${what}`)
  }
  return {
    broken,
    onDecision: (state: State, at: EpochMs, decision: Decision) => {
      if (decision.type === 'UpdatesUnapproved') unapprovedAt.set(decision.rollout, at)
      for (const problem of problemsOfDecision(state, at, decision)) breaks(at, problem)
    },
    onAgent: (state: State, member: Member, event: AgentEvent) => {
      if (event.type !== 'Started' || event.offer.action !== 'Install') return
      const device = state.fleet.ids[member.row] ?? ''
      const why = whyNotToStart(state, member, event.at, event.offer.id, unapprovedAt, population)
      if (why !== undefined) breaks(event.at, `${device} began ${event.offer.id}: ${why}`)
    },
    onStep: (state: State, at: EpochMs) => {
      for (const problem of problemsOfState(state, at)) breaks(at, problem)
    },
  }
}

function* problemsOfDecision(state: State, at: EpochMs, decision: Decision): Generator<string> {
  if (decision.type === 'RuleEvaluated')
    for (const { name, updates } of decision.rollouts)
      if (updates.length > 1000 || updates.length === 0) yield `${name} has ${updates.length} updates`
  if (decision.type !== 'PhaseStarted') return
  const rollout = state.control.rollouts.get(decision.rollout)
  const index = rollout?.plan.phases.findIndex(({ name }) => name === decision.phase) ?? -1
  if (rollout === undefined || index < 0) return yield `${decision.rollout} has no phase ${decision.phase}`
  if (decision.devices === 0) yield `${decision.rollout}: phase ${decision.phase} started without devices`
  const before = rollout.phases[index - 1]
  if (before === undefined || before.status === 'Skipped') return
  if (!isStarted(before) || before.status !== 'Succeeded' || before.thresholdMetAt === undefined)
    return yield `${decision.rollout}: phase ${decision.phase} started before its predecessor succeeded`
  const soak = Temporal.Duration.from(rollout.plan.phases[index - 1]?.soak ?? 'PT0S').total('milliseconds')
  if (at - before.thresholdMetAt < soak) yield `${decision.rollout}: phase ${decision.phase} started before the soak`
}

function* problemsOfState(state: State, at: EpochMs): Generator<string> {
  const { decisions, notes, next } = decide(state, Temporal.Instant.fromEpochMilliseconds(at))
  if (decisions.length > 0) yield `decides again: ${decisions.map(({ type }) => type).join()}`
  const later = next === undefined ? at + 30 * MINUTE : Math.floor((at + next.epochMilliseconds) / 2)
  if (next === undefined || later < next.epochMilliseconds) {
    const early = decide(state, Temporal.Instant.fromEpochMilliseconds(later)).decisions
    if (early.length > 0)
      yield `would decide ${early.map(({ type }) => type).join()} at ${toRfc3339(later)}, before ${next}`
  }
  for (const rollout of state.control.rollouts.values()) {
    const own = notes.filter(({ kind, name }) => kind === 'Rollout' && name === rollout.name)
    if (isUnfinished(rollout) && (own.length !== 1 || own[0]?.state === 'Ready' || own[0]?.message === ''))
      yield `${rollout.name} does not say what it waits for`
    yield* problemsOfPhases(rollout)
    yield* problemsOfCounters(state, rollout)
  }
}

// What the fold keeps is what the planes say.
function* problemsOfCounters(state: State, rollout: RolloutRecord): Generator<string> {
  const { effective, counts = [] } = state.evidence.get(rollout.name) ?? {}
  if (effective === undefined) return
  for (const [index, phase] of rollout.phases.entries()) {
    if (!isStarted(phase)) continue
    const counted = JSON.stringify(counts[index])
    const anew = JSON.stringify(countDevices(state, rollout, index, phase, effective, state.fleet.stale))
    if (counted !== anew) yield `${rollout.name}: phase ${index} counts ${counted}, and has ${anew}`
  }
}

function* problemsOfPhases(rollout: RolloutRecord): Generator<string> {
  const started = rollout.phases.filter(isStarted)
  for (const [i, phase] of started.entries())
    for (const other of started.slice(i + 1))
      if (countShared(phase.targets, other.targets) > 0) yield `${rollout.name}: a device is in two phases`
  const isOver = rollout.status === 'RolledBack' || rollout.status === 'Superseded' || rollout.paused
  if (isOver && started.some(({ approved }) => approved))
    yield `${rollout.name} is ${rollout.status} and still approved`
}

function whyNotToStart(
  state: State,
  { row, index }: Member,
  at: EpochMs,
  id: string,
  unapprovedAt: ReadonlyMap<string, EpochMs>,
  population: Population,
): string | undefined {
  const update = [...state.catalog.ids].find((one) => one === id)
  const known = update && updateOf(state.catalog, update)
  if (known === undefined || update === undefined) return 'the catalog does not have it'
  const offering = [...state.control.rollouts.values()].filter((rollout) => rollout.updates.includes(update))
  const covers = offering.flatMap((rollout) =>
    rollout.phases.flatMap((phase, index) => {
      const planned = rollout.plan.phases[index]
      return planned && isStarted(phase) && hasBit(phase.targets, row) ? [{ rollout, phase, planned }] : []
    }),
  )
  if (covers.length === 0) return 'it was never approved for this device'
  const approved = covers.filter(({ phase }) => phase.approved)
  if (approved.length === 0) {
    const taken = Math.max(...covers.map(({ rollout }) => unapprovedAt.get(rollout.name) ?? 0))
    if ((lastCall(population, index, at) ?? 0) > taken)
      return `it was unapproved at ${toRfc3339(taken)}, and the device called since`
  }
  if (covers.every(({ phase }) => at < phase.available)) return 'it is not available yet'
  const terms = covers.map(({ planned }) => planned.deployment)
  const urgent = terms.some((deployment) => deployment.urgent)
  if (!urgent && isFrozen(state, row, at)) return 'a freeze holds'
  const outside = terms.some(({ outsideWindow }) => outsideWindow.install)
  return outside || fitsWindow(state, row, at, known.maxRunTimeMinutes)
    ? undefined
    : 'no window is open for long enough'
}

function zoneOf(state: State, row: number, declared: string): string {
  if (declared !== 'DeviceLocal') return declared
  return attributeOf(state.fleet, row, 'timeZone') ?? 'UTC'
}

function isFrozen(state: State, row: number, at: EpochMs): boolean {
  const inside = collectionsOf(state.fleet, state.collections, row)
  return [...state.objects.Freeze.values()].some((freeze) => {
    if (freeze.kind !== 'Freeze') return false
    const { collections, from, until, timeZone = 'UTC' } = freeze.spec
    if (collections !== undefined && !collections.some((name) => inside.includes(name))) return false
    if (from === undefined || until === undefined) throw new Error('only freezes from and until are checked here')
    const instant = (text: string) =>
      /Z|[+-]\d\d:\d\d$/.test(text)
        ? Date.parse(text)
        : Temporal.PlainDateTime.from(text).toZonedDateTime(zoneOf(state, row, timeZone)).epochMilliseconds
    return instant(from) <= at && at < instant(until)
  })
}

const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

// One window alone must be long enough: the stories have none that touch.
function fitsWindow(state: State, row: number, at: EpochMs, runMinutes: number): boolean {
  const inside = collectionsOf(state.fleet, state.collections, row)
  const windows = [...state.objects.MaintenanceWindow.values()].flatMap((window) =>
    window.kind === 'MaintenanceWindow' && window.spec.collections.some((name) => inside.includes(name))
      ? [window.spec]
      : [],
  )
  return (
    windows.length === 0 ||
    windows.some(({ schedule, duration }) => {
      const [, days] = /^FREQ=(?:DAILY|WEEKLY;BYDAY=([A-Z,]+))$/.exec(schedule.rrule ?? '') ?? ['', undefined]
      const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zoneOf(state, row, schedule.timeZone))
      return [0, -1].some((shift) => {
        const day = local.toPlainDate().add({ days: shift })
        if (days !== undefined && !days.split(',').includes(DAYS[day.dayOfWeek - 1] ?? '')) return false
        // What daylight saving skips, and every reading of a time, is `compatible`'s, which is the rule of semantics.md §4
        // but for the gap: there the first instant after it counts.
        const from = day.toZonedDateTime({ timeZone: local.timeZoneId, plainTime: schedule.at })
        const start = from.toPlainTime().equals(Temporal.PlainTime.from(schedule.at))
          ? from.epochMilliseconds
          : (from.getTimeZoneTransition('previous')?.epochMilliseconds ?? 0)
        const end = start + Temporal.Duration.from(duration).total('milliseconds')
        return start <= at && end - at > (runMinutes + 5) * MINUTE
      })
    })
  )
}
