// A world without a controller: the catalog from the feeds that the declarations name, and devices from a scenario.
import { dirname, resolve } from 'node:path'
import type { FeedResult } from '../catalog/feeds/feed-result.ts'
import type { Problem } from '../model/declared.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import type { PlayedElsewhere } from '../preview/compare.ts'
import { type Recorded, timelineOf } from '../preview/timeline.ts'
import { type Feeds, feedKey, readFeeds } from '../simulate/feeds.ts'
import { readScenario, ScenarioSpec } from '../simulate/scenario.ts'
import { type Edit, type SimulationInput, simulate } from '../simulate/simulation.ts'
import { readOne } from '../sources/folder.ts'
import type { State } from '../state/state.ts'
import type { LoadedSide } from './declared-side.ts'
import { StartError } from './start-error.ts'

export type ScenarioFile = { readonly spec: ScenarioSpec } | { readonly problems: readonly Problem[] }

/** Throws a StartError when there is no such file. */
export async function loadScenario(path: string): Promise<ScenarioFile> {
  const file = await readOne(path, path, dirname(resolve(path)))
  if ('code' in file && file.code === 'RM1014') throw new StartError(`${path}: ${file.message}`)
  if ('code' in file) return { problems: [{ ...file, line: 1, column: 1, path: '' }] }
  const read = readScenario(path, file.bytes)
  return read.type === 'Problems' ? { problems: read.problems } : { spec: read.scenario.spec }
}

/** Nobody at home: rules and catalogs can be compared all the same. */
export function withoutDevices(): ScenarioSpec {
  return { ...ScenarioSpec.parse({ devices: [{ prefix: 'none-', count: 1 }] }), devices: [] }
}

/** The feeds of both sides by where their declarations say they are; where they differ, those of the side that comes first. */
export async function feedsOf(sides: readonly LoadedSide[]): Promise<{ feeds: Feeds; unknown: string[] }> {
  const feeds = new Map<string, FeedResult>()
  const readFrom = new Map<string, string>()
  const unknown = new Set<string>()
  for (const { objects, placed, label } of sides)
    for (const [i, object] of objects.entries()) {
      const source = placed[i]
      if (object.kind !== 'UpdateSource' || source?.kind !== 'UpdateSource') continue
      const key = feedKey(object)
      if (readFrom.get(key) === feedKey(source)) continue
      try {
        const feed = [...(await readFeeds([source])).values()][0]
        const known = feeds.get(key)
        if (feed !== undefined && known === undefined) feeds.set(key, feed)
        else if (JSON.stringify(feed) !== JSON.stringify(known))
          unknown.add(
            `the feed of UpdateSource ${object.name} is another one in ${label}: both sides are compared with that of the head`,
          )
        if (known === undefined) readFrom.set(key, feedKey(source))
      } catch (error) {
        unknown.add(`the catalog is without the updates of ${reasonOf(error)}`)
      }
    }
  return { feeds, unknown: [...unknown] }
}

export type Play = {
  readonly scenario: ScenarioSpec
  readonly feeds: Feeds
  /** From when on the base is played, at the latest `now`. */
  readonly from: EpochMs
  readonly now: EpochMs
}

/** The world at `now`: the base, played from `from` on. */
export function worldOf(play: Play, base: LoadedSide): State {
  return simulate(inputOf(play, [{ at: play.from, ...editOf(base) }], play.now)).state
}

const WEEK = 7 * DAY

/** Both futures from `now` on, played by the devices of the scenario. The head comes into force at `now`. */
export function futuresOf(play: Play, base: LoadedSide, head: LoadedSide, weeks: number): PlayedElsewhere {
  const until = play.now + weeks * WEEK
  const first = { at: play.from, ...editOf(base) }
  const run = (edits: readonly Edit[]) => {
    const recorded: Recorded[] = []
    const end = simulate(inputOf(play, edits, until), {
      withoutProgress: true,
      onDecision: (_state, at, decision) => {
        if (at >= play.now) recorded.push({ at, decision })
      },
    })
    return timelineOf(end.state, end.notes, recorded, play.now)
  }
  return {
    base: run([first]),
    head: run([first, { at: play.now, ...editOf(head) }]),
    assumptions: ['the devices behave as the scenario says, and updates are released as the feeds say'],
  }
}

function inputOf({ scenario, feeds, from }: Play, declarations: readonly Edit[], until: EpochMs): SimulationInput {
  return { scenario, seed: scenario.seed, from, until, declarations, feeds }
}

function editOf({ revision, objects }: LoadedSide): Omit<Edit, 'at'> {
  return { revision, objects }
}
