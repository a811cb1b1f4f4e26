// The policy of a device in numbers, straight from the world: what devicePolicy says, less what the device has no use for.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import { POLICY_HORIZON_MS, type Sight, sightOf } from '../project/device-times.ts'
import { POLICY_INTERVALS, POLICY_MAX_AGE_SECONDS, restartTimes, startTimes } from '../project/policy.ts'
import { isUnfinished } from '../rollout/control.ts'
import { type Offer, offersFor } from '../rollout/offers.ts'
import { evidenceFrom, phaseIndexOf } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'
import type { Interval } from '../schedule/intervals.ts'
import type { AgentOffer, AgentPolicy, Watched } from './agent-policy.ts'

export type WorldPolicy = {
  readonly policy: AgentPolicy
  /** Until then the policy names all times that matter to the device, as long as nothing is decided anew. */
  readonly goodUntil: EpochMs
}

/** `needed`: what a scan finds missing. What the device has no use for is left out. */
export function worldPolicy(world: World, row: number, now: EpochMs, needed: ReadonlySet<UpdateId>): WorldPolicy {
  const useful = offersFor(world, row, needed).offers.filter(
    ({ action, status }) => action === 'Uninstall' || (status & 1) === 0,
  )
  const maxAgeMs = POLICY_MAX_AGE_SECONDS * 1000
  const watched = watchedBy(world, row)
  if (useful.length === 0) return { policy: { maxAgeMs, offers: [], watched }, goodUntil: Infinity }
  const sight = sightOf(world, row, now)
  const offers = useful
    .map((offer) => agentOffer(offer, sight))
    .sort((a, b) => a.maxRunTimeMinutes - b.maxRunTimeMinutes || (a.id < b.id ? -1 : 1))
  const lists = offers.flatMap(({ start, restart }) => (restart.allowed ? [start, restart.times] : [start]))
  return { policy: { maxAgeMs, offers, watched }, goodUntil: Math.min(...lists.map((list) => endOf(list, sight))) }
}

/** The updates of rollouts under way that gates wait to hear of from the device. */
export function watchedBy(world: World, row: number): Watched[] {
  const watched: Watched[] = []
  for (const rollout of world.control.rollouts.values()) {
    if (!isUnfinished(rollout)) continue
    const index = phaseIndexOf(rollout, row)
    if (index < 0) continue
    const from = evidenceFrom(world, rollout, index, row)
    for (const id of rollout.updates) watched.push({ id, from })
  }
  return watched
}

// A list that is cut short is good until its end, any other one until a window can come into sight.
function endOf(list: readonly Interval[], sight: Sight): EpochMs {
  const last = list[POLICY_INTERVALS - 1]
  return last === undefined ? sight.from + POLICY_HORIZON_MS - DAY : last.until
}

function agentOffer(offer: Offer, sight: Sight): AgentOffer {
  const { update, action, available } = offer
  const restart = restartTimes(offer, sight)
  return {
    id: update.id,
    action,
    available,
    start: startTimes(offer, sight, POLICY_INTERVALS).intervals,
    restart: { behaviour: update.restart, allowed: restart.allowed, times: restart.intervals },
    maxRunTimeMinutes: update.maxRunTimeMinutes,
  }
}
