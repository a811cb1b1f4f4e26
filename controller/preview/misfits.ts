// Updates that fit no window of the devices that they are for (semantics.md §5): in rollouts under way, and in the next one
// of each rule.
import { byName } from '../model/by-name.ts'
import type { EpochMs } from '../model/instant.ts'
import { misfitsByPhase } from '../project/rollout-misfits.ts'
import { isUnfinished } from '../rollout/control.ts'
import { misfitsOf } from '../rollout/never-fits.ts'
import type { State } from '../state/state.ts'
import type { MisfitChange } from './effect.ts'
import { ruleSide } from './rule-effects.ts'

type Found = { readonly key: Omit<MisfitChange, 'base' | 'head'>; readonly updates: number; readonly devices: number }

/** Only where the two sides differ. */
export function misfitChanges(base: State, head: State, now: EpochMs): MisfitChange[] {
  const [before, after] = [misfits(base, now), misfits(head, now)]
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((id) => {
    const [was, is] = [before.get(id), after.get(id)]
    const key = (is ?? was)?.key
    if (key === undefined || (was?.updates === is?.updates && was?.devices === is?.devices)) return []
    const figures = (found: Found) => ({ updates: found.updates, devices: found.devices })
    return [{ ...key, ...(was && { base: figures(was) }), ...(is && { head: figures(is) }) }]
  })
}

function misfits(state: State, now: EpochMs): Map<string, Found> {
  const found = new Map<string, Found>()
  const put = (key: Found['key'], misfit: { updates: number; devices: number } | undefined) => {
    if (misfit !== undefined) found.set(JSON.stringify(key), { key, updates: misfit.updates, devices: misfit.devices })
  }
  const rollouts = [...state.control.rollouts.values()].sort(byName)
  for (const rollout of rollouts)
    if (isUnfinished(rollout))
      misfitsByPhase(state, rollout, now).forEach((misfit, i) => {
        put({ rollout: rollout.name, phase: rollout.plan.phases[i]?.name ?? '' }, misfit)
      })
  for (const name of [...state.objects.AutomaticDeploymentRule.keys()].sort()) {
    const side = ruleSide(state, name, now)
    for (const [i, planned] of (side?.resolved?.plan.phases ?? []).entries()) {
      const devices = side?.devices[i]
      if (side === undefined || devices === undefined) continue
      put({ rule: name, phase: planned.name }, misfitsOf(state, planned.deployment, devices, side.selected, now))
    }
  }
  return found
}
