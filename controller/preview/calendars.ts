// When the devices of each collection that phases are for may be changed: for drawing, so of the most devices alike.
import { membersOf } from '../fleet/collections.ts'
import { countBits } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { resolveRule } from '../rollout/rule-plan.ts'
import { applicableWindows, frozenIntervals, openIntervals } from '../schedule/windows.ts'
import type { State } from '../state/state.ts'
import type { Calendar } from './effect.ts'
import { type Place, placesAmong, placesOf } from './places.ts'

/** Stretches of each kind, for one collection. */
const MAX_STRETCHES = 200

/** By collection. */
export function calendarsOf(state: State, from: EpochMs, until: EpochMs): Calendar[] {
  const places = placesOf(state)
  return collectionsOfPhases(state).flatMap((collection) => {
    const members = membersOf(state.fleet, state.collections, collection)
    const largest = members && largestOf(placesAmong(places, members))
    return largest === undefined ? [] : [calendarOf(collection, largest, from, until)]
  })
}

function collectionsOfPhases(state: State): string[] {
  const names = new Set<string>()
  for (const { plan } of state.control.rollouts.values())
    for (const { collection } of plan.phases) names.add(collection)
  for (const rule of state.objects.AutomaticDeploymentRule.values())
    if (rule.kind === 'AutomaticDeploymentRule')
      for (const { collection } of resolveRule(state.objects, rule.spec)?.plan.phases ?? []) names.add(collection)
  return [...names].sort()
}

function largestOf(places: readonly Place[]): Place | undefined {
  let most = 0
  let largest: Place | undefined
  for (const place of places) {
    const devices = countBits(place.rows)
    if (devices <= most) continue
    most = devices
    largest = place
  }
  return largest
}

function calendarOf(collection: string, { zone, windows, freezes }: Place, from: EpochMs, until: EpochMs): Calendar {
  const open = openIntervals(applicableWindows(windows, false), zone, from, until).intervals
  return {
    collection,
    ...(zone !== undefined && { zone }),
    ...(windows.length > 0 && { open: open.slice(0, MAX_STRETCHES) }),
    frozen: frozenIntervals(freezes, zone, from, until).intervals.slice(0, MAX_STRETCHES),
  }
}
