// Whether a command makes sense now. What does not is refused before it comes into the journal, with what would be right;
// what is so already is answered kindly and changes nothing.
import { hasBit } from '../model/bit-plane.ts'
import type { Command } from '../model/facts.ts'
import { toRfc3339 } from '../model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import { resolveRule, ruleNamed } from '../rollout/rule-plan.ts'
import type { World } from '../rollout/world.ts'
import { compareText } from './seen.ts'
import { phaseNotFound, recordsNewestFirst } from './view-rollouts.ts'

export type Verdict =
  | { readonly type: 'Sensible' }
  /** It is so already. */
  | { readonly type: 'AlreadySo'; readonly message: string }
  | { readonly type: 'NotFound' | 'Refused'; readonly message: string }

/** `early`: a go-ahead that its phase does not wait for yet is meant so. */
export function checkCommand(world: World, command: Command, early = false): Verdict {
  if (command.type === 'Evaluate') return checkEvaluate(world, command.rule)
  const rollout = world.control.rollouts.get(command.rollout)
  if (rollout === undefined) return { type: 'NotFound', message: rolloutNotFound(world, command.rollout) }
  switch (command.type) {
    case 'Approve':
      return checkPromotion(rollout, command.phase, 'Manual', early)
    case 'Signal':
      return checkPromotion(rollout, command.phase, 'Signal', true)
    case 'Pause':
      return checkPause(rollout)
    case 'Resume':
      return checkResume(world, rollout)
    case 'Rollback':
      return rollout.status === 'RolledBack' ? { type: 'AlreadySo', message: ended(rollout) } : SENSIBLE
  }
}

/** Whether a device can be removed. */
export function checkRemoval(world: World, device: string): Verdict {
  const row = world.fleet.rowOf.get(device)
  if (row === undefined) return { type: 'NotFound', message: `no device ${device} was ever enrolled` }
  return hasBit(world.fleet.present, row)
    ? SENSIBLE
    : { type: 'AlreadySo', message: `device ${device} was removed already` }
}

const SENSIBLE: Verdict = { type: 'Sensible' }
const NAMES_LISTED = 5

function checkEvaluate(world: World, name: string): Verdict {
  const rule = ruleNamed(world.objects, name)
  if (rule === undefined) {
    const known = listed([...world.objects.AutomaticDeploymentRule.keys()].sort(compareText))
    const others = known === '' ? 'there are none' : `there are ${known}`
    return { type: 'NotFound', message: `there is no AutomaticDeploymentRule ${name}; ${others}` }
  }
  if (rule.spec.suspend)
    return refused(`rule ${name} has suspend: true in ${rule.origin.file}; take that away to evaluate it`)
  if (resolveRule(world.objects, rule.spec) === undefined)
    return refused(`rule ${name} names DeploymentTemplate ${rule.spec.template}, which does not exist`)
  return SENSIBLE
}

function checkPromotion(
  rollout: RolloutRecord,
  phase: string,
  promotion: 'Manual' | 'Signal',
  early: boolean,
): Verdict {
  const index = rollout.plan.phases.findIndex(({ name }) => name === phase)
  if (index < 0) return { type: 'NotFound', message: phaseNotFound(rollout, phase) }
  if (!isUnfinished(rollout)) return refused(ended(rollout))
  const stands = rollout.phases[index]
  if (stands !== undefined && isStarted(stands))
    return { type: 'AlreadySo', message: `phase ${phase} went ahead at ${toRfc3339(stands.startedAt)}` }
  if (stands?.status === 'Skipped') return refused(`phase ${phase} was skipped: it has no devices`)
  const before = rollout.plan.phases[index - 1]
  if (before === undefined) return refused(`phase ${phase} is the first: it starts with the rollout`)
  if (before.promotion !== promotion) return refused(otherPromotion(rollout, index))
  if (promotion === 'Manual' && rollout.approvals.has(phase))
    return { type: 'AlreadySo', message: `phase ${phase} was approved by ${rollout.approvals.get(phase)}` }
  const awaited = stands?.status === 'Waiting' && stands.approvalAwaited
  if (awaited || early) return SENSIBLE
  return refused(`${comesFirst(rollout, index)}; to approve it ahead of its time all the same, say so (--early)`)
}

function otherPromotion({ plan }: RolloutRecord, index: number): string {
  const [before, phase] = [plan.phases[index - 1], plan.phases[index]]
  const how =
    before?.promotion === 'Automatic'
      ? 'by itself'
      : before?.promotion === 'Manual'
        ? 'when a person approves it'
        : 'at a signal'
  return `phase ${phase?.name} starts ${how} after phase ${before?.name} (promotion: ${before?.promotion})`
}

function comesFirst({ plan, phases }: RolloutRecord, index: number): string {
  const at = phases.findIndex(
    (phase) => phase.status === 'Active' || phase.status === 'Halted' || phase.status === 'Waiting',
  )
  const current = plan.phases[Math.min(at, index - 1)]
  return `phase ${plan.phases[index]?.name} does not wait for a go-ahead yet: phase ${current?.name} comes first`
}

function checkPause(rollout: RolloutRecord): Verdict {
  if (rollout.pauseAsked !== undefined)
    return { type: 'AlreadySo', message: `rollout ${rollout.name} was paused by ${rollout.pauseAsked.by}` }
  return rollout.status === 'RolledBack' || rollout.status === 'Superseded' ? refused(ended(rollout)) : SENSIBLE
}

function checkResume(world: World, rollout: RolloutRecord): Verdict {
  if (rollout.status === 'RolledBack' || rollout.status === 'Superseded') return refused(ended(rollout))
  if (rollout.pauseAsked !== undefined || rollout.status === 'Halted') return SENSIBLE
  const { rule } = rollout
  const object = rule === undefined ? world.objects.Rollout.get(rollout.name) : ruleNamed(world.objects, rule)
  if (object?.kind !== 'Rollout' && object?.kind !== 'AutomaticDeploymentRule') return going(rollout)
  const field = object.spec.suspend ? 'suspend: true' : object.spec.enabled === false ? 'enabled: false' : undefined
  if (field === undefined) return going(rollout)
  const where = `${object.origin.file}:${object.origin.line}`
  return refused(`${object.kind} ${object.name} has ${field} (${where}); change it there, and the rollout goes on`)
}

function going(rollout: RolloutRecord): Verdict {
  return { type: 'AlreadySo', message: `rollout ${rollout.name} is neither paused nor halted (${rollout.status})` }
}

function ended({ name, status, ended: end }: RolloutRecord): string {
  const how = status === 'RolledBack' ? 'was rolled back' : status === 'Superseded' ? 'was superseded' : 'has succeeded'
  return `rollout ${name} ${how}${end === undefined ? '' : ` at ${toRfc3339(end.at)}: ${end.message}`}`
}

function rolloutNotFound(world: World, name: string): string {
  const known = listed(recordsNewestFirst(world).map((rollout) => rollout.name))
  return `there is no rollout ${name}; ${known === '' ? 'there are none yet' : `the newest are ${known}`}`
}

function listed(names: readonly string[]): string {
  return names.slice(0, NAMES_LISTED).join(', ')
}

function refused(message: string): Verdict {
  return { type: 'Refused', message }
}
