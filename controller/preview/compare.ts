// What a change of the declarations does in a world: both sets of declarations in copies of it, decided upon by the code of
// the controller, and compared. Pure; the same input gives the same effect.
import { countBits } from '../model/bit-plane.ts'
import type { Declared } from '../model/declared.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import type { State } from '../state/state.ts'
import { atOnce, irreversible } from './at-once.ts'
import { calendarsOf } from './calendars.ts'
import { byKey, changedObjects, saysTheSame } from './changed-objects.ts'
import { collectionEffects, devicesInOtherCollections } from './device-lists.ts'
import { EFFECT_VERSION, type Effect, type Future, MAX_SHOWN, type Timeline, type WorldInfo } from './effect.ts'
import { alignedWith, comparedSource, declaredBy, type Fork, forkWorld } from './fork.ts'
import { IDEAL_ASSUMPTIONS, playOn } from './future.ts'
import { misfitChanges } from './misfits.ts'
import { MAX_PLACES, placesOf } from './places.ts'
import { devicesInOtherPhases, ruleEffects, ruleSide } from './rule-effects.ts'
import { timelineChanges } from './timeline.ts'
import { timeMoves, windowMoves } from './times.ts'

export type Side = { readonly label: string; readonly revision: string; readonly objects: readonly Declared[] }

export type Comparison = {
  /** As it stands, whatever it has in force; it is not changed. */
  readonly world: State
  readonly about: Pick<WorldInfo, 'type' | 'label'>
  readonly base: Side
  readonly head: Side
  readonly now: EpochMs
  /** How far the future is played. */
  readonly weeks: number
  /** A future that was played elsewhere, as by the devices of a scenario. */
  readonly future?: PlayedElsewhere
  /** What is already known not to be compared. */
  readonly unknown: readonly string[]
}

export type PlayedElsewhere = Pick<Future, 'base' | 'head' | 'assumptions'>

const WEEK = 7 * DAY

/** Declarations must have been checked before: what does not validate has no effect to be told. */
export function effectOf(comparison: Comparison): Effect {
  const { world, base, head, now } = comparison
  const source = comparedSource(world, base.objects)
  const before = forkWorld(world, base.objects, base.revision, now, source)
  const after = forkWorld(world, head.objects, head.revision, now, source)
  const objects = changedObjects(base.objects, head.objects)
  const rules = ruleEffects(before.state, after.state, now)
  const collections = collectionEffects(before.state, after.state)
  const once = atOnce(before, after)
  const lost = irreversible(before, after, enteringUpdates(before, after, now))
  const { moves: times, total: timesTotal, devices: timed } = timeMoves(before.state, after.state, now)
  const windows = windowMoves(before.state, after.state, now)
  const misfits = misfitChanges(before.state, after.state, now)
  const touched = {
    collections: devicesInOtherCollections(before.state, after.state),
    phases: devicesInOtherPhases(before.state, after.state, now),
    times: timed,
  }
  const unknown = [...comparison.unknown, ...unknowns(comparison, before, after)]
  // Last of all: it plays the forks on.
  const future = futureOf(comparison, before, after)
  return {
    version: EFFECT_VERSION,
    at: now,
    base: infoOf(base),
    head: infoOf(head),
    world: worldInfo(comparison),
    differs:
      objects.some(({ cosmetic }) => !cosmetic) ||
      rules.some(({ change }) => change === 'Affected') ||
      once.decisionsTotal + once.missingTotal + (future?.changesTotal ?? 0) > 0,
    objects,
    rules,
    collections,
    atOnce: once,
    times,
    timesTotal,
    touched,
    windows,
    misfits,
    irreversible: lost,
    ...(future && { future }),
    unknown,
  }
}

function infoOf({ label, revision, objects }: Side): Effect['base'] {
  return { label, revision, objects: objects.length }
}

function worldInfo({ world, about, base }: Comparison): WorldInfo {
  const devices = countBits(world.fleet.present)
  const source = comparedSource(world, base.objects)
  const aligned = alignedWith(world, base.objects, base.revision, source)
  const declared = byKey(aligned)
  const running = byKey(declaredBy(world, source, aligned))
  const drift =
    about.type === 'Scenario' || about.type === 'Declarations'
      ? []
      : [...new Set([...running.keys(), ...declared.keys()])].sort().filter((key) => {
          const [is, wanted] = [running.get(key), declared.get(key)]
          return is === undefined || wanted === undefined || !saysTheSame(is, wanted)
        })
  return {
    ...about,
    devices,
    updates: world.catalog.ids.length,
    drift: drift.slice(0, MAX_SHOWN),
    driftTotal: drift.length,
  }
}

/** Updates that some rule of the head selects and no rule of the base does. */
function enteringUpdates(base: Fork, head: Fork, now: EpochMs): Set<UpdateId> {
  const selected = ({ state }: Fork) =>
    new Set(
      [...state.objects.AutomaticDeploymentRule.keys()].flatMap((name) => ruleSide(state, name, now)?.selected ?? []),
    )
  return selected(head).difference(selected(base))
}

function unknowns({ base, head }: Comparison, before: Fork, after: Fork): string[] {
  const sources = changedObjects(base.objects, head.objects).filter(({ kind }) => kind === 'UpdateSource')
  const partial = [before, after].some(({ state }) => placesOf(state).partial)
  return [
    ...sources.map(
      ({ name, change }) =>
        `UpdateSource ${name} is ${change.toLowerCase()}: the catalog is compared as it stands, without what its next synchronisation changes`,
    ),
    ...(partial
      ? [`devices in more than ${MAX_PLACES} different zones, windows and freezes: times of the rest are left out`]
      : []),
  ]
}

function futureOf(comparison: Comparison, before: Fork, after: Fork): Future | undefined {
  const { now, weeks, world } = comparison
  const until = now + weeks * WEEK
  const calendars = calendarsOf(after.state, now, until)
  if (comparison.future !== undefined) {
    const { base, head, assumptions } = comparison.future
    return { until, base, head, ...changesOf(base, head), calendars, assumptions }
  }
  if (weeks === 0 || countBits(world.fleet.present) === 0) return undefined
  const [base, head] = [playOn(before, now, until), playOn(after, now, until)]
  const cut = base.cutShort || head.cutShort ? ['the play was cut short: too much happens in that time'] : []
  return {
    until,
    base: base.timeline,
    head: head.timeline,
    ...changesOf(base.timeline, head.timeline),
    calendars,
    assumptions: [...IDEAL_ASSUMPTIONS, ...cut],
  }
}

const MAX_CHANGES = 500

function changesOf(base: Timeline, head: Timeline): Pick<Future, 'changes' | 'changesTotal'> {
  const changes = timelineChanges(base, head)
  return { changes: changes.slice(0, MAX_CHANGES), changesTotal: changes.length }
}
