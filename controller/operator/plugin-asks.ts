// What `kubectl ringmaster` writes for a person: PhaseApprovals and annotations, from what the object shows.
import { createHash } from 'node:crypto'
import { isRecord, type KubeObject } from '../kube/kube-object.ts'
import { API_VERSION } from '../model/kinds.ts'
import {
  ASKED_BY_ANNOTATION,
  REQUESTED_AT_ANNOTATION,
  RESUME_ANNOTATION,
  ROLLBACK_ANNOTATION,
  SUSPEND_ANNOTATION,
} from './names.ts'

/** Annotations to be set, or taken away with null; or why there is nothing to be done. */
export type Asked =
  | { readonly type: 'Annotate'; readonly annotations: Readonly<Record<string, string | null>>; readonly told: string }
  | { readonly type: 'Refused'; readonly message: string }

export function askPause(rollout: KubeObject, user: string): Asked {
  const { name } = rollout.meta
  const { state } = statusOf(rollout)
  if (state === 'RolledBack' || state === 'Superseded') return refused(`rollout ${name} has ended (${state})`)
  return annotate(`rollout ${name}: nothing more starts until it is resumed`, user, { [SUSPEND_ANNOTATION]: 'true' })
}

export function askResume(rollout: KubeObject, user: string): Asked {
  const { name, annotations } = rollout.meta
  const status = statusOf(rollout)
  const halt = phasesIn(status).find(({ state }) => state === 'Halted')?.halt
  const at = isRecord(halt) && typeof halt.at === 'string' ? halt.at : undefined
  const spec = isRecord(rollout.raw.spec) ? rollout.raw.spec : {}
  if (spec.suspend === true)
    return refused(`rollout ${name} has suspend: true in its spec: change it where it is declared`)
  if (at === undefined && annotations[SUSPEND_ANNOTATION] === undefined)
    return refused(`rollout ${name} is neither paused with this command nor halted (${String(status.state)})`)
  const changes = { [SUSPEND_ANNOTATION]: null, ...(at !== undefined && { [RESUME_ANNOTATION]: at }) }
  return annotate(`rollout ${name}: it goes on${at === undefined ? '' : ` after its halt at ${at}`}`, user, changes)
}

export function askRollback(rollout: KubeObject, user: string): Asked {
  const { name } = rollout.meta
  const { planned, state } = statusOf(rollout)
  if (state === 'RolledBack') return refused(`rollout ${name} was rolled back already`)
  if (typeof planned !== 'string') return refused(`rollout ${name} has not been planned: there is nothing to take back`)
  return annotate(`rollout ${name}: everything it approved is taken back`, user, { [ROLLBACK_ANNOTATION]: planned })
}

/** `now`: RFC 3339. */
export function askEvaluation(rule: KubeObject, user: string, now: string): Asked {
  const { name } = rule.meta
  const spec = isRecord(rule.raw.spec) ? rule.raw.spec : {}
  if (spec.suspend === true) return refused(`rule ${name} has suspend: true in its spec, and is not evaluated`)
  return annotate(`rule ${name}: it is evaluated now`, user, { [REQUESTED_AT_ANNOTATION]: now })
}

/** The PhaseApproval for a phase of a rollout, or why there is none to be given. */
export function approvalOf(
  rollout: KubeObject,
  phase: string,
  approvedBy: string,
  comment: string | undefined,
): { readonly type: 'Approval'; readonly name: string; readonly body: object } | Extract<Asked, { type: 'Refused' }> {
  const { name } = rollout.meta
  const phases = phasesIn(statusOf(rollout))
  if (!phases.some((one) => one.name === phase)) {
    const known = phases.map((one) => String(one.name)).join(', ')
    return refused(
      `rollout ${name} has no phase ${phase}; ${known === '' ? 'it was not planned yet' : `its phases are ${known}`}`,
    )
  }
  const approval = approvalName(name, phase)
  const spec = { rollout: name, phase, approvedBy, ...(comment !== undefined && { comment }) }
  const body = { apiVersion: API_VERSION, kind: 'PhaseApproval', metadata: { name: approval }, spec }
  return { type: 'Approval', name: approval, body }
}

/** At most 63 characters: what is longer is cut and told apart by a digest. */
export function approvalName(rollout: string, phase: string): string {
  const name = `${rollout}-${phase}`
  if (name.length <= 63) return name
  return `${name.slice(0, 52)}-${createHash('sha256').update(`${rollout}/${phase}`).digest('hex').slice(0, 10)}`
}

function annotate(told: string, user: string, changes: Readonly<Record<string, string | null>>): Asked {
  return { type: 'Annotate', annotations: { ...changes, [ASKED_BY_ANNOTATION]: user }, told }
}

function refused(message: string): { readonly type: 'Refused'; readonly message: string } {
  return { type: 'Refused', message }
}

function statusOf({ raw }: KubeObject): Record<string, unknown> {
  return isRecord(raw.status) ? raw.status : {}
}

function phasesIn(status: Record<string, unknown>): Record<string, unknown>[] {
  return Array.isArray(status.phases) ? status.phases.filter(isRecord) : []
}
