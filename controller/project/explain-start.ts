// The last half of an explanation: when the update may start on the device (semantics.md §5).
import { DAY, toRfc3339 } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import { type Offer, offersFor } from '../rollout/offers.ts'
import { contains, type Interval } from '../schedule/intervals.ts'
import { applicableWindows, frozenIntervals, openIntervals } from '../schedule/windows.ts'
import { type Sight, sightOf } from './device-times.ts'
import type { Case, Step } from './explanation.ts'
import { startTimes } from './policy.ts'

export type Start = {
  readonly steps: Step[]
  readonly offer: Offer | undefined
  /** When it may start, from now on. */
  readonly intervals: readonly Interval[]
  readonly neverFits: string | undefined
  /** When the device's windows are open and freezes hold, from now on. Open is undefined for a device without windows. */
  readonly open: readonly Interval[] | undefined
  readonly frozen: readonly Interval[]
}

/** Stretches of time that one step names. */
const NAMED = 3

export function explainStart(one: Case): Start {
  const { state, row, now, id } = one
  const sight = sightOf(state, row, now)
  const offer = offersFor(state, row).offers.find((candidate) => candidate.update.id === id)
  const found = offer === undefined ? { intervals: [], neverFits: undefined } : startTimes(offer, sight)
  const useAll = offer?.approvals.some((approval) => approval.useAllDeploymentsWindows) ?? false
  const windows = applicableWindows(sight.windows, useAll)
  // A window that opened yesterday is named with the time at which it did.
  const opened = openIntervals(windows, sight.zone, sight.from - DAY, sight.until)
  const held = frozenIntervals(sight.freezes, sight.zone, sight.from, sight.until)
  const open = windows.length === 0 ? undefined : ahead(opened.intervals, now)
  const frozen = ahead(held.intervals, now)
  const start = { offer, intervals: ahead(found.intervals, now), neverFits: found.neverFits, open, frozen }
  const steps = [
    ...(offer === undefined ? [] : [timesStep(offer)]),
    freezeStep(one, sight, start, held.doubtful),
    windowStep(sight, start, opened.closed),
    ...(offer?.action === 'Install' ? [startStep(offer, sight, start)] : []),
  ]
  return { ...start, steps }
}

/** "from–until", in UTC. */
export function describeInterval({ from, until }: Interval): string {
  return `${toRfc3339(from)}–${toRfc3339(until)}`
}

function timesStep({ action, available, deadline, approvals, because }: Offer): Step {
  const common = { step: 'Times', outcome: 'Info', reason: 'Times' } as const
  if (action === 'Uninstall')
    return { ...common, message: `to be removed at once, in any window: ${because.join(', ')}` }
  const terms = approvals.map(
    (approval) =>
      `${approval.rollout}, phase ${approval.phase}: available ${toRfc3339(approval.available)}, deadline ${toRfc3339(approval.deadline)}`,
  )
  const earliest =
    approvals.length > 1 ? `; the earliest count: ${toRfc3339(available)} and ${toRfc3339(deadline)}` : ''
  return { ...common, message: `${terms.join('; ')}${earliest} (the deadline has this device's share of the spread)` }
}

type Doubts = readonly { readonly name: string; readonly reason: string }[]

function freezeStep(one: Case, sight: Sight, { offer, frozen }: Omit<Start, 'steps'>, doubts: Doubts): Step {
  const doubt = doubts.map(({ name, reason }) => `; freeze ${name}: ${reason}`).join('')
  const names = sight.freezes.map(({ name }) => name).join(', ')
  if (frozen.length === 0)
    return { step: 'Freeze', outcome: 'Yes', reason: 'NotFrozen', message: `no freeze is ahead in 60 days${doubt}` }
  const when = describeSome(frozen, sight)
  if (offer?.approvals.some(({ urgent }) => urgent))
    return {
      step: 'Freeze',
      outcome: 'Yes',
      reason: 'Urgent',
      message: `${names}, ${when}: passed, because the deployment is urgent`,
    }
  const message = `${names}: ${describeReasons(one, sight)}, ${when}${doubt}`
  return contains(frozen, one.now)
    ? { step: 'Freeze', outcome: 'No', reason: 'Frozen', message }
    : { step: 'Freeze', outcome: 'Info', reason: 'FreezeAhead', message }
}

function describeReasons({ state }: Case, { freezes }: Sight): string {
  return freezes
    .flatMap(({ name }) => {
      const freeze = state.objects.Freeze.get(name)
      return freeze?.kind === 'Freeze' ? [freeze.spec.reason] : []
    })
    .join(', ')
}

function windowStep(sight: Sight, { open }: Omit<Start, 'steps'>, closed: Doubts): Step {
  if (open === undefined)
    return {
      step: 'Window',
      outcome: 'Yes',
      reason: 'NoWindows',
      message: 'the device has no maintenance window: it acts at the deadline',
    }
  const names = sight.windows.map(({ name }) => name).join(', ')
  const doubt = closed.map(({ name, reason }) => `; ${name} counts as closed: ${reason}`).join('')
  if (open.length === 0)
    return {
      step: 'Window',
      outcome: 'No',
      reason: 'NoWindowAhead',
      message: `${names}: none opens within 60 days${doubt}`,
    }
  return {
    step: 'Window',
    outcome: 'Yes',
    reason: 'WindowsAhead',
    message: `${names}: open ${describeSome(open, sight)}${doubt}`,
  }
}

function startStep({ update }: Offer, sight: Sight, { intervals, neverFits }: Omit<Start, 'steps'>): Step {
  const needs = `it needs up to ${update.maxRunTimeMinutes} minutes and 5 for a restart`
  if (neverFits !== undefined) return { step: 'Start', outcome: 'No', reason: 'NeverFits', message: neverFits }
  if (intervals.length === 0)
    return {
      step: 'Start',
      outcome: 'No',
      reason: 'NoStartAhead',
      message: `it may not start within 60 days; ${needs}`,
    }
  return {
    step: 'Start',
    outcome: 'Yes',
    reason: 'StartsAhead',
    message: `may start ${describeSome(intervals, sight)}; ${needs}`,
  }
}

// What goes on to the end of what is looked at has no end of its own.
function describeSome(intervals: readonly Interval[], { until: horizon }: Interval): string {
  const some = intervals
    .slice(0, NAMED)
    .map((one) => (one.until >= horizon ? `from ${toRfc3339(one.from)} on` : describeInterval(one)))
    .join(', ')
  return intervals.length > NAMED ? `${some}, and ${plural(intervals.length - NAMED, 'more time')} in 60 days` : some
}

function ahead(intervals: readonly Interval[], now: number): Interval[] {
  return intervals.filter(({ until }) => until > now)
}
