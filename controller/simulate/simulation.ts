// The very same fold and `decide` as in the running controller, on a virtual clock, against simulated devices
// (architecture.md). The same input and seed give the same happenings.
import { changesCatalog } from '../catalog/sync.ts'
import type { Declared } from '../model/declared.ts'
import type { Decision, Input } from '../model/facts.ts'
import { durationMs, type EpochMs, MINUTE } from '../model/instant.ts'
import type { DeviceReport } from '../model/report.ts'
import type { Note } from '../rollout/draft.ts'
import { diffDeclared } from '../sources/diff-declared.ts'
import { apply, applyReportOf } from '../state/apply.ts'
import { decide } from '../state/decide.ts'
import { decodeState, encodeState, newState, type State } from '../state/state.ts'
import type { AgentEvent } from './agent.ts'
import type { Telling } from './agent-state.ts'
import { commandOf } from './commands.ts'
import { concerned } from './concerned.ts'
import { happens, whole } from './draws.ts'
import { type EventHeap, newEventHeap, nextEventAt, pushEvent, takeEvents } from './event-heap.ts'
import { type Faults, NO_FAULTS } from './faults.ts'
import { type Feeds, type Source, syncFact } from './feeds.ts'
import { chosen, newPopulation } from './population.ts'
import type { Roster } from './roster.ts'
import { minutesOf, type ScenarioSpec } from './scenario.ts'
import {
  addMember,
  callSoon,
  catchUp,
  type Member,
  newSimulatedFleet,
  notedCalls,
  outdate,
  playMember,
  type SimulatedFleet,
  type Surroundings,
} from './simulated-fleet.ts'
import { newTruth } from './truth.ts'

export type SimulationInput = {
  readonly scenario: ScenarioSpec
  readonly seed: number
  readonly from: EpochMs
  /** Included. */
  readonly until: EpochMs
  /** In order of time; the first is in force from the start. */
  readonly declarations: readonly Edit[]
  readonly feeds: Feeds
  /** Devices by name with what is on each, in place of the scenario's groups and products. */
  readonly roster?: Roster
}

export type Edit = { readonly at: EpochMs; readonly revision: string; readonly objects: readonly Declared[] }

/** Who looks on. */
export type Watcher = {
  readonly onInput?: (state: State, at: EpochMs, input: Input) => void
  /** After the decision is in force. */
  readonly onDecision?: (state: State, at: EpochMs, decision: Decision) => void
  readonly onAgent?: (state: State, member: Member, event: AgentEvent) => void
  /** After each instant at which something happened and was decided upon. */
  readonly onStep?: (state: State, at: EpochMs) => void
  /**
   * Nobody looks at how far devices have come with what never failed on them. They do not tell it then, where nothing else
   * follows from it: decisions, compliance and failures are the same.
   */
  readonly withoutProgress?: boolean
}

export type SimulationEnd = {
  readonly state: State
  readonly notes: readonly Note[]
  readonly fleet: SimulatedFleet
}

/** Plays the scenario through. Throws a RangeError when the end is before the start. */
export function simulate(input: SimulationInput, watcher: Watcher = {}, faults: Faults = NO_FAULTS): SimulationEnd {
  return newSimulation(input, watcher, faults)(input.until)
}

/**
 * The same in steps: what it returns plays on to the end of an instant, which is not after the input's `until`, and gives
 * how things stand there. Throws a RangeError when the end is before the start.
 */
export function newSimulation(
  input: SimulationInput,
  watcher: Watcher = {},
  faults: Faults = NO_FAULTS,
): (until: EpochMs) => SimulationEnd {
  if (input.until < input.from) throw new RangeError('a simulation cannot end before it starts')
  const run = newRun(input, watcher, faults)
  schedule(run)
  return (until) => {
    for (let now = nextEventAt(run.heap); now <= until; now = nextEventAt(run.heap)) {
      run.now = now
      while (nextEventAt(run.heap) === now) happenAll(run, now, takeEvents(run.heap))
      settle(run, now)
    }
    return { state: run.state, notes: run.notes, fleet: run.fleet }
  }
}

type Run = {
  readonly input: SimulationInput
  readonly watcher: Watcher
  readonly faults: Faults
  readonly heap: EventHeap
  readonly fleet: SimulatedFleet
  readonly around: Surroundings
  readonly edits: readonly Edit[]
  readonly sources: string[]
  readonly syncAt: Map<string, EpochMs>
  readonly deliveries: Map<number, { readonly member: Member; readonly report: DeviceReport }>
  delivered: number
  now: EpochMs
  state: State
  notes: readonly Note[]
  decided: number
  next: EpochMs
  steps: number
}

/** What an event is, in the lowest digit of its code; the rest says which one. */
const EVENTS = ['Decide', 'Device', 'Join', 'Sync', 'Command', 'Change', 'Declare', 'Delivery', 'Call'] as const
type EventType = (typeof EVENTS)[number]

function newRun(input: SimulationInput, watcher: Watcher, faults: Faults): Run {
  const { scenario, seed, from, until } = input
  const population = newPopulation(scenario, seed, from, until, input.roster)
  const updates = [...input.feeds.values()].flatMap(({ records }) => records.map(({ update }) => update))
  const truth = newTruth(population, scenario, updates, input.roster)
  const messagesEvery = minutesOf(scenario.reporting.messagesEvery) * MINUTE
  const run: Run = {
    input,
    watcher,
    faults,
    heap: newEventHeap(),
    fleet: newSimulatedFleet(truth, messagesEvery, faults !== NO_FAULTS, telling(watcher)),
    around: {
      world: () => run.state,
      wake: (member, at) => push(run, at, 'Device', member.index),
      send: (member, report) => send(run, member, report),
      onEvent: watcher.onAgent && ((member, event) => watcher.onAgent?.(run.state, member, event)),
    },
    edits: input.declarations,
    sources: [],
    syncAt: new Map(),
    deliveries: new Map(),
    delivered: 0,
    now: from,
    state: newState(),
    notes: [],
    decided: -1,
    next: Infinity,
    steps: 0,
  }
  return run
}

function telling({ onAgent, withoutProgress }: Watcher): Telling {
  return withoutProgress && onAgent === undefined ? 'WhatCounts' : 'All'
}

function push(run: Run, at: EpochMs, type: EventType, which: number): void {
  pushEvent(run.heap, at, which * EVENTS.length + EVENTS.indexOf(type))
}

function schedule(run: Run): void {
  const { scenario, from } = run.input
  const all = (type: EventType, instants: Iterable<EpochMs>) => {
    let which = 0
    for (const at of instants) push(run, Math.max(from, at), type, which++)
  }
  const instants = (list: readonly { readonly at: EpochMs }[]) => list.map(({ at }) => at)
  all('Declare', instants(run.edits))
  all('Join', run.fleet.population.joins)
  all('Command', instants(scenario.commands))
  all('Change', instants(scenario.changes))
}

const DEVICE = EVENTS.indexOf('Device')
/** So few devices are looked at as they come. */
const FEW = 32

// Devices that are looked at one right after the other do not bear on each other. In the order of their numbers, what is looked
// at lies side by side in memory.
function happenAll(run: Run, now: EpochMs, codes: readonly number[]): void {
  if (codes.length < FEW || !areDevices(codes)) {
    for (const code of codes) happen(run, now, code)
    return
  }
  const devices = new Uint32Array(codes.length)
  for (let i = 0; i < codes.length; i++) devices[i] = (codes[i] ?? 0) / EVENTS.length
  for (const index of devices.sort()) lookAt(run, index, now)
}

function areDevices(codes: readonly number[]): boolean {
  for (const code of codes) if (code % EVENTS.length !== DEVICE) return false
  return true
}

function lookAt(run: Run, index: number, now: EpochMs): void {
  const member = run.fleet.agents[index]
  // Asked for anew since: this one is void.
  if (member?.wakeAt === now) playMember(run.fleet, member, now, run.around)
}

function happen(run: Run, now: EpochMs, code: number): void {
  const which = Math.floor(code / EVENTS.length)
  const member = run.fleet.agents[which]
  switch (EVENTS[code % EVENTS.length]) {
    case 'Device':
      lookAt(run, which, now)
      return
    case 'Call':
      if (member !== undefined) send(run, member, { sequence: ++member.agent.sequence, at: now })
      return
    case 'Join':
      join(run, which)
      return
    case 'Sync':
      sync(run, which)
      return
    case 'Command':
      command(run, which)
      return
    case 'Change':
      change(run, which)
      return
    case 'Declare':
      declare(run, which)
      return
    case 'Delivery':
      deliver(run, which)
      return
    default:
      return
  }
}

// As in the controller: nothing is decided while nothing has changed and nothing is due (architecture.md, law 8).
function settle(run: Run, now: EpochMs): void {
  run.steps++
  if (run.faults.crashEvery > 0 && run.steps % run.faults.crashEvery === 0)
    run.state = decodeState(encodeState(run.state))
  catchUp(run.fleet, now, run.state.settings.staleAfterMs, run.around)
  if (run.state.version !== run.decided || now >= run.next) {
    const { decisions, notes, next } = decide(run.state, Temporal.Instant.fromEpochMilliseconds(now))
    for (const [i, decision] of decisions.entries()) {
      apply(run.state, now, decision)
      run.watcher.onDecision?.(run.state, now, decision)
      const before = decisions[i - 1]
      const concern = concerned(run.state, decision, before)
      if (concern !== undefined) outdate(run.fleet, concern.rows, concern.about, now, run.around)
    }
    run.notes = notes
    run.decided = run.state.version
    const wake = next?.epochMilliseconds ?? Infinity
    if (wake !== run.next && wake < Infinity) push(run, wake, 'Decide', 0)
    run.next = wake
  }
  run.watcher.onStep?.(run.state, now)
}

function put(run: Run, input: Input): void {
  apply(run.state, run.now, input)
  run.watcher.onInput?.(run.state, run.now, input)
}

function join(run: Run, index: number): void {
  const { population } = run.fleet
  const device = population.ids[index] ?? ''
  const attributes = population.attributes[index] ?? {}
  put(run, { type: 'DeviceEnrolled', device, tokenHash: 'simulated', keyHash: 'simulated', attributes })
  const row = run.state.fleet.rowOf.get(device)
  if (row === undefined) return
  const member = addMember(run.fleet, index, row, run.state.settings.staleAfterMs)
  callSoon(run.fleet, member, run.now, run.around)
  for (const at of notedCalls(run.fleet, index, run.now, run.state.settings.staleAfterMs)) push(run, at, 'Call', index)
}

function declare(run: Run, which: number): void {
  const edit = run.edits[which]
  if (edit === undefined) return
  const inForce = Object.values(run.state.objects).flatMap((objects) => [...objects.values()])
  const { put: changed, removed } = diffDeclared(inForce, edit.objects)
  put(run, { type: 'ObjectsDeclared', source: 'directory', revision: edit.revision, put: changed, removed })
  outdate(run.fleet, 'All', 'Anything', run.now, run.around)
  for (const object of changed) if (object.kind === 'UpdateSource') syncSoon(run, object, run.now)
}

function syncSoon(run: Run, source: Source, at: EpochMs): void {
  if (source.spec.suspend || run.syncAt.get(source.name) === at) return
  let which = run.sources.indexOf(source.name)
  if (which < 0) which = run.sources.push(source.name) - 1
  run.syncAt.set(source.name, at)
  push(run, at, 'Sync', which)
}

// A feed that gives nothing new changes nothing: only what is released, or may be declined by now, is looked for.
function sync(run: Run, which: number): void {
  const name = run.sources[which] ?? ''
  const source = run.state.objects.UpdateSource.get(name)
  if (source?.kind !== 'UpdateSource' || run.syncAt.get(name) !== run.now) return
  const fact = syncFact(run.state, source, run.input.feeds, run.now)
  if (fact === undefined) return
  const { upserts, declined, reinstated } = fact.change
  const afresh =
    upserts.every(({ id }) => !run.state.catalog.rowOf.has(id)) && declined.length + reinstated.length === 0
  put(run, fact)
  for (const { id } of upserts) run.fleet.released.push(id)
  if (changesCatalog(fact.change)) outdate(run.fleet, 'All', afresh ? [] : 'Anything', run.now, run.around)
  const regular = source.spec.decline === undefined ? Infinity : run.now + intervalOf(source)
  const at = Math.min(regular, fact.nextRelease ?? Infinity)
  if (at < Infinity) syncSoon(run, source, at)
}

function intervalOf({ spec }: Source): number {
  return Math.max(MINUTE, durationMs(Temporal.Duration.from(spec.interval)))
}

function command(run: Run, which: number): void {
  const given = run.input.scenario.commands[which]
  if (given !== undefined) put(run, { type: 'CommandGiven', command: commandOf(given), by: given.by })
}

function change(run: Run, which: number): void {
  const changed = run.input.scenario.changes[which]
  if (changed === undefined) return
  const { population, agents } = run.fleet
  const devices = chosen(population, changed, `change/${which}`)
  agents.forEach((member, index) => {
    if (member === undefined || ((devices.words[index >>> 5] ?? 0) & (1 << (index & 31))) === 0) return
    if (changed.remove) {
      put(run, { type: 'DeviceRemoved', device: population.ids[index] ?? '', by: 'scenario' })
      agents[index] = undefined
      return
    }
    member.attributes = { ...population.attributes[index], ...member.attributes, ...changed.attributes }
    callSoon(run.fleet, member, run.now, run.around)
  })
}

function send(run: Run, member: Member, report: DeviceReport): void {
  const { skewMinutes, latePercent, lateMinutes, twicePercent } = run.faults
  if (run.faults === NO_FAULTS) {
    arrive(run, member, report)
    return
  }
  const { seed, ids } = run.fleet.population
  const id = ids[member.index] ?? ''
  const skewed = { ...report, at: report.at + whole(-skewMinutes, skewMinutes, seed, id, 'skew') * MINUTE }
  const late = happens(latePercent, seed, id, 'late', report.sequence)
  if (!late) arrive(run, member, skewed)
  if (!late && !happens(twicePercent, seed, id, 'twice', report.sequence)) return
  const which = run.delivered++
  run.deliveries.set(which, { member, report: skewed })
  push(run, run.now + whole(1, lateMinutes, seed, id, 'delay', report.sequence) * MINUTE, 'Delivery', which)
}

function deliver(run: Run, which: number): void {
  const delivery = run.deliveries.get(which)
  run.deliveries.delete(which)
  if (delivery !== undefined) arrive(run, delivery.member, delivery.report)
}

function arrive(run: Run, member: Member, report: DeviceReport): void {
  const before = run.state.membershipVersion
  applyReportOf(run.state, run.now, member.row, report)
  if (run.state.membershipVersion === before) return
  member.outdated = 'Offers'
  callSoon(run.fleet, member, run.now, run.around)
}
