// A story told to the core on a virtual clock: inputs go in, what is due is decided and applied, and time moves from one
// wake-up to the next. Every step checks that deciding again gives nothing, and that the wake-up asked for still stands.
import type { Declared } from '../../controller/model/declared.ts'
import type { Decision, Fact, GateFigures, Input } from '../../controller/model/facts.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { isStarted, type RolloutRecord, type StartedPhase } from '../../controller/rollout/control.ts'
import type { Note } from '../../controller/rollout/draft.ts'
import { effectiveUpdates, gateFigures } from '../../controller/rollout/evidence.ts'
import { type DeviceOffers, type Offer, offersFor } from '../../controller/rollout/offers.ts'
import { computeFigures } from '../../controller/rollout/recount.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { declare, reported } from './declare.ts'

export type Entry<F extends Fact = Fact> = { readonly at: EpochMs; readonly fact: F }

export type Story = {
  readonly state: State
  now: EpochMs
  /** The journal. */
  readonly facts: Entry[]
  /** The decisions in it. */
  readonly log: Entry<Decision>[]
  notes: readonly Note[]
  next: EpochMs
  readonly sequences: Map<string, number>
  /** Hears every fact before it is applied. */
  readonly listen: (state: State, at: EpochMs, fact: Fact) => void
}

/** Begins in January 2026; the second Tuesday is the 13th. */
export function newStory(start = '2026-01-01T00:00:00Z', listen: Story['listen'] = () => {}): Story {
  const now = at(start)
  return { state: newState(), now, facts: [], log: [], notes: [], next: Infinity, sequences: new Map(), listen }
}

export function at(text: string): EpochMs {
  return Temporal.Instant.from(text).epochMilliseconds
}

/** Applies facts without deciding. */
export function tell(story: Story, ...inputs: readonly Fact[]): void {
  for (const fact of inputs) happen(story, fact)
}

/** Applies inputs and decides. Returns what was decided. */
export function given(story: Story, ...inputs: readonly Input[]): Decision[] {
  tell(story, ...inputs)
  return settle(story)
}

export function declaring(story: Story, ...objects: readonly Declared[]): Decision[] {
  return given(story, declare(...objects))
}

/** Decides, applies, and holds the core to its laws of fixed point and wake-up. */
export function settle(story: Story): Decision[] {
  const { decisions, next } = decide(story.state, instant(story.now))
  for (const fact of decisions) {
    happen(story, fact)
    story.log.push({ at: story.state.clock, fact })
  }
  const again = decide(story.state, instant(story.now))
  if (again.decisions.length > 0)
    throw new Error(`no fixed point: after ${named(decisions)} still ${named(again.decisions)}`)
  if (next?.epochMilliseconds !== again.next?.epochMilliseconds)
    throw new Error(`the wake-up was ${next} and is ${again.next} once decided`)
  story.notes = again.notes
  story.next = again.next?.epochMilliseconds ?? Infinity
  return [...decisions]
}

/** Lets time pass, deciding at every wake-up on the way. Returns what was decided. */
export function wait(story: Story, duration: string): Decision[] {
  const until = instant(story.now).toZonedDateTimeISO('UTC').add(duration).epochMilliseconds
  const decided: Decision[] = []
  for (let i = 0; story.next <= until; i++) {
    if (i > 10_000) throw new Error('wakes up without end')
    story.now = story.next
    decided.push(...settle(story))
  }
  story.now = until
  decided.push(...settle(story))
  return decided
}

export type Said = {
  readonly installed?: readonly string[]
  readonly required?: readonly string[]
  readonly notRequired?: readonly string[]
  readonly failed?: readonly string[]
  readonly enforcing?: { readonly update: string; readonly state: 1 | 2 | 3 | 4 | 5 | 7 | 8 | 10 }
  readonly attributes?: Readonly<Record<string, string>>
  /** By the device's clock; the present by default. */
  readonly at?: EpochMs
  /** One more than the last by default. */
  readonly sequence?: number
}

/** A report of a device, as a fact. */
export function says(story: Story, device: string, said: Said): Input {
  const sequence = said.sequence ?? (story.sequences.get(device) ?? 0) + 1
  story.sequences.set(device, Math.max(sequence, story.sequences.get(device) ?? 0))
  return reported(device, {
    sequence,
    at: instant(said.at ?? story.now).toString(),
    ...(said.attributes && { attributes: said.attributes }),
    scan: {
      installed: [...(said.installed ?? [])],
      required: [...(said.required ?? [])],
      notRequired: [...(said.notRequired ?? [])],
    },
    messages: [
      ...(said.failed ?? []).map((update) => ({ topic: 301 as const, update, state: 6 as const, code: '0x80070643' })),
      ...(said.enforcing ? [{ topic: 301 as const, ...said.enforcing }] : []),
    ],
  })
}

/** These devices say the same now, and what follows is decided. */
export function say(story: Story, devices: readonly string[], said: Said): Decision[] {
  return given(story, ...devices.map((device) => says(story, device, said)))
}

export function rolloutOf(story: Story, name: string): RolloutRecord {
  const rollout = story.state.control.rollouts.get(name)
  if (rollout === undefined) throw new Error(`there is no rollout ${name}: ${[...story.state.control.rollouts.keys()]}`)
  return rollout
}

/** The status of every phase. */
export function phasesOf(story: Story, name: string): string[] {
  return rolloutOf(story, name).phases.map((phase) => phase.status)
}

export function startedPhase(story: Story, name: string, index = 0): StartedPhase {
  const phase = rolloutOf(story, name).phases[index]
  if (phase === undefined || !isStarted(phase)) throw new Error(`phase ${index} of ${name} is ${phase?.status}`)
  return phase
}

/** The gate's figures by the counters, which must be those of the planes. */
export function figures(story: Story, name: string, index = 0): GateFigures {
  const rollout = rolloutOf(story, name)
  const counted = gateFigures(story.state, rollout, index)
  const computed = figuresFromPlanes(story.state, rollout, index)
  if (JSON.stringify(counted) !== JSON.stringify(computed))
    throw new Error(`counted ${JSON.stringify(counted)}, computed ${JSON.stringify(computed)}`)
  return counted
}

export function figuresFromPlanes(state: State, rollout: RolloutRecord, index: number): GateFigures | undefined {
  const phase = rollout.phases[index]
  if (phase === undefined || !isStarted(phase)) return undefined
  const effective = effectiveUpdates(state, rollout)
  return computeFigures(state, rollout, index, phase, effective, state.fleet.stale)
}

export function noteOf(story: Story, name: string): Note {
  const notes = story.notes.filter((note) => note.name === name)
  const [note] = notes
  if (note === undefined || notes.length > 1) throw new Error(`${notes.length} notes on ${name}`)
  return note
}

export function rowOf(story: Story, device: string): number {
  const row = story.state.fleet.rowOf.get(device)
  if (row === undefined) throw new Error(`there is no device ${device}`)
  return row
}

export function offersTo(story: Story, device: string): DeviceOffers {
  return offersFor(story.state, rowOf(story, device))
}

export function offerTo(story: Story, device: string, update: string): Offer | undefined {
  return offersTo(story, device).offers.find((offer) => offer.update.id === update)
}

/** The updates that the device is to install. */
export function installsFor(story: Story, device: string): UpdateId[] {
  return offersTo(story, device)
    .offers.filter((offer) => offer.action === 'Install')
    .map((offer) => offer.update.id)
}

export function types(decisions: readonly Decision[]): string[] {
  return decisions.map((decision) => decision.type)
}

/** The first decision of a type. */
export function the<T extends Decision['type']>(
  decisions: readonly Decision[],
  type: T,
): Extract<Decision, { type: T }> {
  for (const decision of decisions) if (isA(decision, type)) return decision
  throw new Error(`no ${type} among ${named(decisions)}`)
}

function happen(story: Story, fact: Fact): void {
  story.listen(story.state, Math.max(story.state.clock, story.now), fact)
  apply(story.state, story.now, fact)
  story.facts.push({ at: story.now, fact })
}

function isA<T extends Decision['type']>(decision: Decision, type: T): decision is Extract<Decision, { type: T }> {
  return decision.type === type
}

function named(decisions: readonly Decision[]): string {
  return decisions.map((decision) => `${decision.type}(${'rollout' in decision ? decision.rollout : ''})`).join(', ')
}

function instant(epochMs: EpochMs): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(epochMs)
}
