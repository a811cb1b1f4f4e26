// When the deletion of a rule or of a declared rollout may go on: when what it approved is taken back, or was to be left (`prune`).
import type { KubeObject } from '../kube/kube-object.ts'
import type { Kind } from '../model/kinds.ts'
import type { World } from '../rollout/world.ts'
import { KUBERNETES_SOURCE, UNAPPROVE_FINALIZER } from './names.ts'

export type FinalizerMove = 'Add' | 'Remove' | 'Keep'

/** `dependents`: objects that are to stay and still name it as their owner, so that they would go with it. */
export function finalizerMove(
  world: World,
  kind: Kind,
  { meta }: KubeObject,
  dependents: () => boolean,
): FinalizerMove {
  if (kind !== 'AutomaticDeploymentRule' && kind !== 'Rollout') return 'Keep'
  const has = meta.finalizers.includes(UNAPPROVE_FINALIZER)
  const inForce = world.objects[kind].get(meta.name)?.origin.source === KUBERNETES_SOURCE
  if (!meta.deleting) return inForce && !has ? 'Add' : 'Keep'
  if (!has || inForce || isTakingBack(world, kind, meta.name) || dependents()) return 'Keep'
  return 'Remove'
}

function isTakingBack({ control }: World, kind: Kind, name: string): boolean {
  for (const { rule, name: rollout, rollbackAsked, status } of control.rollouts.values()) {
    const belongs = kind === 'Rollout' ? rule === undefined && rollout === name : rule === name
    if (belongs && rollbackAsked !== undefined && status !== 'RolledBack') return true
  }
  return false
}
