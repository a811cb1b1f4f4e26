// A policy as the text that goes out: what devicePolicy says, word for word, put together from parts. What the updates of
// one deployment have in common on a device is written once, and what an update is called once for all devices.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { Update } from '../model/update.ts'
import type { Approval, Offer } from '../rollout/offers.ts'
import type { World } from '../rollout/world.ts'
import type { Interval } from '../schedule/intervals.ts'
import { openWindows, type Sight } from './device-times.ts'
import { ahead, POLICY_MAX_AGE_SECONDS, policyUpdate, surveyed, timesOf, written } from './policy.ts'

export type PolicyText = {
  readonly text: string
  /** From `now` on and before then the text stays the same, as long as nothing changes that the device is told of. */
  readonly goodUntil: EpochMs
}

/** `JSON.stringify(devicePolicy(world, row, now))`, and for how long it holds. */
export function policyText(world: World, row: number, now: EpochMs): PolicyText {
  const { open, monitor, sight } = surveyed(world, row, now)
  const windows = ahead(openWindows(sight), now)
  const draft: Draft = { sight, shared: new Map(), goodUntil: Math.min(sight.from + DAY, endOfFirst(windows)) }
  const updates = open.map((offer) => updateText(draft, offer)).join()
  const device = JSON.stringify(world.fleet.ids[row] ?? '')
  const text = `{"device":${device},"maxAgeSeconds":${POLICY_MAX_AGE_SECONDS},"updates":[${updates}],"monitor":${JSON.stringify(monitor)},"windows":${JSON.stringify(written(windows))}}`
  return { text, goodUntil: draft.goodUntil }
}

type Draft = {
  readonly sight: Sight
  /** What follows the title, by the one approval that offers an update and by what else it depends on. */
  readonly shared: Map<Approval, Map<string, string>>
  goodUntil: EpochMs
}

function updateText(draft: Draft, offer: Offer): string {
  const { update, approvals } = offer
  const [approval, ...others] = approvals
  if (approval === undefined || others.length > 0) return wholeText(draft, offer)
  const names = namesOf(update)
  const key = `${update.maxRunTimeMinutes} ${update.restart}`
  const shared = draft.shared.get(approval) ?? new Map<string, string>()
  draft.shared.set(approval, shared)
  const rest = shared.get(key) ?? wholeText(draft, offer).slice(names.length)
  shared.set(key, rest)
  return names + rest
}

function wholeText(draft: Draft, offer: Offer): string {
  const times = timesOf(offer, draft.sight)
  draft.goodUntil = Math.min(draft.goodUntil, endOfFirst(times.start), endOfFirst(times.restart))
  return JSON.stringify(policyUpdate(offer, times))
}

// The beginning of an update's text. Records of the catalog are replaced with every change, never changed themselves.
const names = new WeakMap<Update, string>()

function namesOf(update: Update): string {
  const known = names.get(update)
  if (known !== undefined) return known
  const text = `{"id":${JSON.stringify(update.id)},"title":${JSON.stringify(update.title)}`
  names.set(update, text)
  return text
}

function endOfFirst(intervals: readonly Interval[]): EpochMs {
  return intervals[0]?.until ?? Infinity
}
