// Plays scenarios in tests: declarations, catalog and scenario from text, the story back, and every law of invariants.ts
// held at each step.
import { isDeepStrictEqual } from 'node:util'
import { parseFeed } from '../../controller/catalog/feeds/parse-feed.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import type { Decision } from '../../controller/model/facts.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import { type Faults, NO_FAULTS } from '../../controller/simulate/faults.ts'
import { feedKey } from '../../controller/simulate/feeds.ts'
import { newPopulation } from '../../controller/simulate/population.ts'
import { readScenario, type ScenarioSpec } from '../../controller/simulate/scenario.ts'
import {
  type Edit,
  type SimulationEnd,
  type SimulationInput,
  simulate,
  type Watcher,
} from '../../controller/simulate/simulation.ts'
import { decisionLine, storyLine, tellDecision, tellInput } from '../../controller/simulate/story.ts'
import { tellEnd } from '../../controller/simulate/summary.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'
import { newInvariants } from './invariants.ts'

export type Play = {
  readonly scenario: string
  readonly declarations: string
  /** Later declarations, by instant. */
  readonly edits?: Readonly<Record<string, string>>
  /** NDJSON. */
  readonly catalog: string
  readonly from: string
  readonly until: string
  readonly seed?: number
  readonly faults?: Faults
  /** Looked on besides the invariants. */
  readonly watcher?: Watcher
}

export type Played = {
  readonly story: string
  readonly ndjson: string
  readonly decisions: readonly { readonly at: EpochMs; readonly decision: Decision }[]
  readonly end: SimulationEnd
  /** Laws that were broken. */
  readonly broken: readonly string[]
}

export function play(order: Play): Played {
  const scenario = scenarioOf(order.scenario)
  const edits = [
    editOf(Date.parse(order.from), order.declarations, 'r1'),
    ...Object.entries(order.edits ?? {}).map(([at, text], i) => editOf(Date.parse(at), text, `r${i + 2}`)),
  ]
  const feed = parseFeed('Ringmaster', [{ name: 'catalog.ndjson', text: order.catalog }])
  const sources = edits.flatMap(({ objects }) =>
    objects.flatMap((object) => (object.kind === 'UpdateSource' ? [object] : [])),
  )
  const feeds = new Map(sources.map((source) => [feedKey(source), feed]))
  const decisions: { at: EpochMs; decision: Decision }[] = []
  const lines: string[] = []
  const story: string[] = []
  const { watcher = {} } = order
  const input = {
    scenario,
    seed: order.seed ?? scenario.seed,
    from: Date.parse(order.from),
    until: Date.parse(order.until),
    declarations: edits,
    feeds,
  }
  const heard = newHearing()
  const invariants = newInvariants(newPopulation(scenario, input.seed, input.from, input.until))
  const end = simulate(
    input,
    {
      onInput: (state, at, said) => {
        const text = tellInput(state, said)
        if (text !== undefined) story.push(storyLine(at, text))
      },
      onDecision: (state, at, decision) => {
        decisions.push({ at, decision })
        lines.push(`${JSON.stringify(decisionLine(state, at, decision))}\n`)
        story.push(storyLine(at, tellDecision(decision)))
        invariants.onDecision(state, at, decision)
        watcher.onDecision?.(state, at, decision)
      },
      onAgent: (state, member, event) => {
        invariants.onAgent(state, member, event)
        watcher.onAgent?.(state, member, event)
      },
      onStep: (state, at) => {
        invariants.onStep(state, at)
        heard.onStep(state, at)
        watcher.onStep?.(state, at)
      },
    },
    order.faults ?? NO_FAULTS,
  )
  story.push(tellEnd(end.state, end.notes, input.until))
  const watched = { lines: lines.join(''), end: outcome(input, end), heard: heard.changes }
  if (!isDeepStrictEqual(unwatched(input, {}, order.faults), watched))
    invariants.broken.push('devices that nobody looks at bring about something else')
  if (!isDeepStrictEqual(unwatched(input, { withoutProgress: true }, order.faults), watched))
    invariants.broken.push('devices that do not tell of their progress bring about something else')
  return { story: story.join(''), ndjson: lines.join(''), decisions, end, broken: invariants.broken }
}

/** Devices are looked at less often where nobody sees what they do between their calls and reports. */
function unwatched(input: SimulationInput, watcher: Watcher, faults: Faults = NO_FAULTS) {
  const lines: string[] = []
  const onDecision: Watcher['onDecision'] = (state, at, decision) =>
    lines.push(`${JSON.stringify(decisionLine(state, at, decision))}\n`)
  const heard = newHearing()
  const end = simulate(input, { ...watcher, onDecision, onStep: heard.onStep }, faults)
  return { lines: lines.join(''), end: outcome(input, end), heard: heard.changes }
}

/** When the controller hears what of each update, and of its failures: the same at the same minute, whoever looks on. */
function newHearing() {
  const changes: string[] = []
  let last = ''
  const onStep = ({ compliance: { updates, failed } }: SimulationEnd['state'], at: EpochMs) => {
    const counts = [...updates].map(([id, { required, installed }]) => `${id} ${required} ${installed}`)
    const failures = [...failed].map(([id, { count }]) => `${id} failed ${count}`)
    const now = [...counts.sort(), ...failures.sort()].join()
    if (now !== last) changes.push(`${at} ${now}`)
    last = now
  }
  return { changes, onStep }
}

/** What is told of the end, and who has said what of each update or has failed with it. */
function outcome({ until }: SimulationInput, { state, notes }: SimulationEnd) {
  const { updates, failed } = state.compliance
  return {
    told: tellEnd(state, notes, until),
    compliance: [...updates].map(([id, { lo, hi }]) => [id, planeRows(lo), planeRows(hi)]).sort(),
    failed: [...failed].map(([id, { devices }]) => [id, planeRows(devices)]).sort(),
  }
}

export function scenarioOf(text: string): ScenarioSpec {
  const read = readScenario('scenario.yaml', text)
  if (read.type === 'Problems')
    throw new Error(read.problems.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return read.scenario.spec
}

export function objectsOf(text: string, revision = 'r1'): Declared[] {
  const { objects, problems } = parseManifests('declarations.yaml', text, { source: 'directory', revision })
  if (problems.length > 0) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return [...objects]
}

function editOf(at: EpochMs, text: string, revision: string): Edit {
  return { at, revision, objects: objectsOf(text, revision) }
}
