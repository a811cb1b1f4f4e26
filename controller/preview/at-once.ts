// What is decided the moment a change comes into force: the decisions of the fork with the head, less those that the fork
// with the base makes as well; the approvals that come and go by them; and what nobody can undo.
import { updateOf } from '../catalog/catalog.ts'
import { type BitPlane, clonePlane, countBits, intersect, subtract } from '../model/bit-plane.ts'
import type { Decision, Provenance } from '../model/facts.ts'
import type { UpdateId } from '../model/update.ts'
import type { State } from '../state/state.ts'
import { type Approvals, approvalsByPhase, approvalsOf, countNew } from './approvals.ts'
import { type AtOnce, type DecisionLine, type Irreversible, MAX_SHOWN } from './effect.ts'
import type { Fork } from './fork.ts'

/** Decisions named one by one; more are counted. */
const MAX_DECISIONS = 200

export function atOnce(base: Fork, head: Fork): AtOnce {
  const [before, after] = [approvalsOf(base.state), approvalsOf(head.state)]
  const decisions = less(head.decisions, base.decisions)
  const missing = less(base.decisions, head.decisions)
  return {
    decisions: decisions.slice(0, MAX_DECISIONS).map(lineOf),
    decisionsTotal: decisions.length,
    missing: missing.slice(0, MAX_DECISIONS).map(lineOf),
    missingTotal: missing.length,
    approvals: { added: countNew(before.install, after.install), withdrawn: countNew(after.install, before.install) },
    uninstalls: {
      added: countNew(before.uninstall, after.uninstall),
      withdrawn: countNew(after.uninstall, before.uninstall),
    },
    byPhase: approvalsByPhase(base.state, head.state),
  }
}

/** What no later revert takes back: what the change withdraws where it is installed for good, and what it newly lets in. */
export function irreversible(base: Fork, head: Fork, entering: ReadonlySet<UpdateId>): Irreversible {
  const [before, after] = [approvalsOf(base.state), approvalsOf(head.state)]
  const installed = [...before.install.keys()]
    .filter((id) => lostOf(before, after, id) > 0)
    .flatMap((id) => installedForGood(head.state, before, after, id))
    .sort((a, b) => b.devices - a.devices || (a.id < b.id ? -1 : 1))
  const gained = [...after.install.keys()].filter((id) => lostOf(after, before, id) > 0)
  const forGood = [...new Set([...entering, ...gained])].filter(
    (id) => updateOf(head.state.catalog, id)?.uninstallable === false,
  )
  return { installed: installed.slice(0, MAX_SHOWN), installedTotal: installed.length, entering: forGood.length }
}

/** On how many devices an update is approved on one side and not on the other. */
function lostOf(from: Approvals, to: Approvals, id: UpdateId): number {
  return countNew(only(to, id), only(from, id))
}

function only({ install }: Approvals, id: UpdateId): ReadonlyMap<UpdateId, BitPlane> {
  const devices = install.get(id)
  return devices === undefined ? new Map() : new Map([[id, devices]])
}

function installedForGood(
  state: State,
  before: Approvals,
  after: Approvals,
  id: UpdateId,
): Irreversible['installed'][number][] {
  const update = updateOf(state.catalog, id)
  const planes = state.compliance.updates.get(id)
  const was = before.install.get(id)
  if (update === undefined || update.uninstallable || planes === undefined || was === undefined) return []
  const lost = subtract(clonePlane(was), after.install.get(id) ?? { words: new Uint32Array() })
  const devices = countBits(intersect(intersect(lost, planes.lo), planes.hi))
  return devices === 0 ? [] : [{ id, title: update.title, devices }]
}

// Where a decision stands in the declarations is no difference; what it does is.
function less(decisions: readonly Decision[], others: readonly Decision[]): Decision[] {
  const known = new Set(others.map(keyOf))
  return decisions.filter((decision) => !known.has(keyOf(decision)))
}

function keyOf(decision: Decision): string {
  const { provenance: _, ...rest }: Decision & { provenance?: Provenance } = decision
  return JSON.stringify(NAMES_REVISION.has(decision.type) ? { ...rest, message: '' } : rest)
}

/** Their message says the revision, which is another in the head by necessity. */
const NAMES_REVISION: ReadonlySet<string> = new Set(['UpdatesApproved', 'RolloutPlanned'])

function lineOf(decision: Decision): DecisionLine {
  return {
    type: decision.type,
    ...('rule' in decision && decision.rule !== undefined && { rule: decision.rule }),
    ...('hold' in decision && { hold: decision.hold }),
    ...('rollout' in decision && { rollout: decision.rollout }),
    ...('phase' in decision && { phase: decision.phase }),
    reason: decision.reason,
    message: decision.message,
  }
}
