// The objects that Ringmaster writes itself: groups, rollouts and deployments that rules made, and the deployments of declared
// rollouts, as long as they are to be seen in the cluster.
import { byName } from '../model/by-name.ts'
import type { Kind } from '../model/kinds.ts'
import { deploymentNamed } from '../project/view-rollouts.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import type { World } from '../rollout/world.ts'
import { type ObjectKey, objectKey } from './names.ts'

/** Of each rule (and of each declared rollout), ended rollouts beyond the newest so many are no longer shown in the cluster. */
export const ENDED_SHOWN = 5

export type MadeObject = {
  readonly kind: Extract<Kind, 'SoftwareUpdateGroup' | 'Rollout' | 'UpdateDeployment'>
  readonly name: string
  /** What it belongs to; `undefined` when that is gone and it goes on by itself. */
  readonly owner: { readonly kind: 'AutomaticDeploymentRule' | 'Rollout'; readonly name: string } | undefined
  /** The rule or rollout for the label, whether it is still there or not. */
  readonly ownedBy: string
}

/** What is to be in the cluster, by key. */
export function madeObjects(world: World): Map<ObjectKey, MadeObject> {
  const made = new Map<ObjectKey, MadeObject>()
  const put = (object: MadeObject) => {
    // What an admin has declared under the same name is the admin's.
    if (!world.objects[object.kind].has(object.name)) made.set(objectKey(object.kind, object.name), object)
  }
  for (const record of shownRollouts(world)) {
    const { rule } = record
    if (rule !== undefined) {
      const owner = world.objects.AutomaticDeploymentRule.has(rule)
        ? ({ kind: 'AutomaticDeploymentRule', name: rule } as const)
        : undefined
      put({ kind: 'SoftwareUpdateGroup', name: record.group, owner, ownedBy: rule })
      put({ kind: 'Rollout', name: record.name, owner, ownedBy: rule })
    }
    for (const [index, { name }] of record.plan.phases.entries()) {
      const phase = record.phases[index]
      if (phase === undefined || !isStarted(phase) || phase.devices === 0) continue
      const owner = { kind: 'Rollout', name: record.name } as const
      put({ kind: 'UpdateDeployment', name: deploymentNamed(record.name, name), owner, ownedBy: record.name })
    }
  }
  return made
}

/** Rollouts under way, and the newest ended ones of each rule and each declared rollout that is still there. */
function shownRollouts({ control, objects }: World): RolloutRecord[] {
  const byOwner = Map.groupBy(control.rollouts.values(), ({ rule, name }) => (rule === undefined ? `/${name}` : rule))
  return [...byOwner.values()].flatMap((records) => {
    const ended = records
      .filter((record) => !isUnfinished(record) && isDeclaredStill(objects, record))
      .sort((a, b) => b.plannedAt - a.plannedAt || byName(a, b))
    return [...records.filter(isUnfinished), ...ended.slice(0, ENDED_SHOWN)]
  })
}

function isDeclaredStill(objects: World['objects'], { rule, name }: RolloutRecord): boolean {
  return rule === undefined ? objects.Rollout.has(name) : objects.AutomaticDeploymentRule.has(rule)
}
