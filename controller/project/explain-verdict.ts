// The answer of an explanation, in one sentence: the first of these that applies.
import { stateOf } from '../catalog/catalog.ts'
import { complianceOf, enforcementOf } from '../fleet/compliance.ts'
import { hasBit } from '../model/bit-plane.ts'
import { toRfc3339 } from '../model/instant.ts'
import { holdsOn, type Offer } from '../rollout/offers.ts'
import { ruleNamed } from '../rollout/rule-plan.ts'
import { contains } from '../schedule/intervals.ts'
import { notesOn, worstOf } from './conditions.ts'
import { describeEnforcement, enforcementReason } from './explain-device.ts'
import type { Stand } from './explain-rollouts.ts'
import { describeDifferences, describeHold, explainCatalog, meetsCriteria } from './explain-selection.ts'
import { describeInterval, type Start } from './explain-start.ts'
import type { Case, Verdict } from './explanation.ts'
import { instantText } from './seen.ts'

export function verdictOf(one: Case, stands: readonly Stand[], start: Start): Verdict {
  const verdict =
    removal(start.offer) ??
    settled(one) ??
    withdrawn(one) ??
    held(one) ??
    (start.offer === undefined ? notOffered(one, stands) : offered(one, start.offer, start))
  return silentToo(one, verdict)
}

function removal(offer: Offer | undefined): Verdict | undefined {
  if (offer?.action !== 'Uninstall') return undefined
  return { reason: 'WillBeRemoved', message: `Will be removed, because of: ${offer.because.join(', ')}` }
}

function settled({ state, row, id }: Case): Verdict | undefined {
  const status = complianceOf(state.compliance, id, row)
  if (status === 3) return { reason: 'Installed', message: 'Installed, as the device says' }
  if (status === 1) return { reason: 'NotRequired', message: 'Not needed, as the device says' }
  return undefined
}

function withdrawn(one: Case): Verdict | undefined {
  const found = stateOf(one.state.catalog, one.id)
  if (found === 'Normal' || found === 'Superseded') return undefined
  const step = explainCatalog(one)[0]
  return step && { reason: step.reason, message: `Not offered: ${step.message}` }
}

function held(one: Case): Verdict | undefined {
  const [name] = holdsOn(one.state, one.id, one.row)
  if (name === undefined) return undefined
  const until = one.state.control.holds.get(name)?.until
  return { reason: 'Held', message: `Not offered: ${describeHold(one, name)}`, until: instantText(until) }
}

// Of several rollouts the one speaks that is nearest to offering it: the device's own phase before a later one.
function notOffered(one: Case, stands: readonly Stand[]): Verdict {
  const rank = (stand: Stand) => (stand.rollout.ended === undefined ? 0 : 10) + ORDER.indexOf(stand.outcome)
  const [stand] = stands.toSorted((a, b) => rank(a) - rank(b))
  if (stand === undefined) return notSelected(one)
  const until = stand.until === undefined ? undefined : toRfc3339(stand.until)
  if (stand.outcome === 'NotTargeted') return { reason: stand.reason, message: `Not offered: ${stand.message}` }
  const phase = stand.outcome === 'LaterPhase' ? ` (the device is for phase ${stand.phase?.name})` : ''
  const lead = stand.rollout.ended === undefined ? 'Not approved yet' : 'Not offered'
  return { reason: stand.reason, message: `${lead}: ${stand.message}${phase}`, until }
}

const ORDER: readonly Stand['outcome'][] = ['NotApproved', 'LaterPhase', 'NotTargeted', 'Approved']

function notSelected(one: Case): Verdict {
  const names = [...one.state.control.rules.keys()].sort()
  const rules = names.flatMap((name) => ruleNamed(one.state.objects, name) ?? [])
  const matching = rules.find((rule) => meetsCriteria(one, rule).matched)
  if (matching !== undefined) {
    const note = worstOf(notesOn(one.notes, matching.kind, matching.name))
    const until = note.until === undefined ? undefined : toRfc3339(note.until)
    const message = `Not selected yet: rule ${matching.name} would select it at its next evaluation; now: ${note.message}`
    return { reason: 'NotSelected', message, until }
  }
  const why = rules.map((rule) => `rule ${rule.name}: ${describeDifferences(meetsCriteria(one, rule).trace)}`)
  const shown = why.slice(0, 3).join(' | ')
  const more = why.length > 3 ? ` | and ${why.length - 3} more rules` : ''
  return {
    reason: 'NotSelected',
    message: `Not offered: no rule selects it (${shown === '' ? 'there are no rules' : shown + more})`,
  }
}

function offered(one: Case, offer: Offer, start: Start): Verdict {
  const said = enforcementOf(one.state.compliance, one.id, one.row)
  const reason = said === undefined ? undefined : enforcementReason(said)
  if (said !== undefined && reason === 'RestartPending')
    return { reason, message: `Waits for a restart, as the device said at ${toRfc3339(said.at)}` }
  if (said?.state === 1)
    return { reason: 'InProgress', message: `Being installed since ${toRfc3339(said.at)}, as the device says` }
  const again = said !== undefined && reason === 'Failed' ? `Failed before: ${describeEnforcement(said)}. ` : ''
  const verdict = willStart(one, offer, start)
  return { ...verdict, message: `${again}${verdict.message}` }
}

function willStart({ now }: Case, offer: Offer, start: Start): Verdict {
  if (start.neverFits !== undefined)
    return { reason: 'NeverFits', message: `Approved, but never fits a maintenance window: ${start.neverFits}` }
  const [first] = start.intervals
  if (first === undefined) {
    const frozen = contains(start.frozen, now)
    const due = offer.deadline > now ? `; its deadline is ${toRfc3339(offer.deadline)}` : ''
    return frozen
      ? { reason: 'Frozen', message: `Approved, but a freeze holds and no time to start is within 60 days${due}` }
      : { reason: 'NoStartAhead', message: `Approved, but no time to start is within 60 days${due}` }
  }
  const window = start.open?.find(({ from, until }) => from <= first.from && first.from < until)
  if (first.from <= now) {
    const until = window === undefined ? '' : `, in the window ${describeInterval(window)}`
    return { reason: 'MayStartNow', message: `May be installed now${until}`, until: toRfc3339(first.until) }
  }
  const frozen = contains(start.frozen, now) ? ', after the freeze that holds now' : ''
  const message =
    window === undefined
      ? `Will be installed at its deadline, ${toRfc3339(first.from)}${frozen}`
      : `Will be installed in the window ${describeInterval(window)}${frozen}`
  return { reason: 'WillBeInstalled', message, until: toRfc3339(first.from) }
}

// A silent device may be asleep: what would happen to it happens when it is back.
function silentToo({ state, row }: Case, verdict: Verdict): Verdict {
  if (!hasBit(state.fleet.stale, row)) return verdict
  const since = toRfc3339(state.fleet.lastReport[row] ?? 0)
  return { ...verdict, message: `${verdict.message}. The device is silent since ${since}` }
}
