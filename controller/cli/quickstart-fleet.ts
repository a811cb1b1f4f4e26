// The thread of the quickstart's devices: what they are is examples/quickstart/fleet.yaml, what they have done so far is kept
// in the data folder, so that they go on where they were.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { type BitPlane, unite } from '../model/bit-plane.ts'
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import type { UpdateId } from '../model/update.ts'
import { readFeeds } from '../simulate/feeds.ts'
import { type DeviceMemory, type HttpFleet, newHttpFleet, runHttpFleet } from '../simulate/http-fleet.ts'
import { newPopulation } from '../simulate/population.ts'
import { minutesOf, readScenario } from '../simulate/scenario.ts'
import { newTruth, type Truth } from '../simulate/truth.ts'
import { loadDirectory } from '../sources/directory-source.ts'

export type FleetOptions = {
  readonly url: string
  readonly enrolmentKey: string
  /** Directory of the declarations, whose update sources say what there is to install. */
  readonly example: string
  readonly scenario: string
  /** Where the devices' memory is kept. */
  readonly memory: string
  /** When the story begins: what was released before is installed everywhere. */
  readonly start: EpochMs
  readonly rate: number
  /** The controller's clock stood at `clockAt` when the real one stood at `realAt`. */
  readonly clockAt: EpochMs
  readonly realAt: EpochMs
}

export type FleetMessage = { readonly text: string }

/** How far ahead the devices' outages and time zones are worked out. */
const STORY_LENGTH = 400 * DAY
const SAVE_EVERY_MS = 2000
const TROUBLE_EVERY_MS = 5000

/** Goes up when what an agent keeps has another form. */
const MEMORY_FORMAT = 4

type Planes = { readonly installed: BitPlane; readonly removed: BitPlane; readonly missing: BitPlane }

type Memory = {
  readonly format: typeof MEMORY_FORMAT
  readonly devices: readonly DeviceMemory[]
  readonly planes: ReadonlyMap<UpdateId, Planes>
}

async function main(options: FleetOptions): Promise<void> {
  const read = readScenario(options.scenario, readFileSync(options.scenario))
  if (read.type === 'Problems')
    throw new Error(read.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'))
  const { spec } = read.scenario
  const feeds = await readFeeds((await loadDirectory(options.example)).objects)
  const updates = [...feeds.values()].flatMap(({ records }) => records.map(({ update }) => update))
  const population = newPopulation(spec, spec.seed, options.start, options.start + STORY_LENGTH)
  const truth = newTruth(population, spec, updates)
  const fleet = newHttpFleet(truth, recall(options.memory, truth))
  const stop = new AbortController()
  parentPort?.on('message', () => stop.abort())
  const saving = setInterval(() => remember(options.memory, fleet), SAVE_EVERY_MS)
  await runHttpFleet(fleet, {
    url: options.url,
    enrolmentKey: options.enrolmentKey,
    rate: options.rate,
    now: () => options.clockAt + Math.floor((Date.now() - options.realAt) * options.rate),
    signal: stop.signal,
    messagesEvery: minutesOf(spec.reporting.messagesEvery) * MINUTE,
    onTrouble: rarely((text) => parentPort?.postMessage({ text } satisfies FleetMessage)),
  })
  clearInterval(saving)
  remember(options.memory, fleet)
  parentPort?.close()
}

function remember(file: string, { devices, truth }: HttpFleet): void {
  const memory: Memory = {
    format: MEMORY_FORMAT,
    devices: devices.map((device) => device.memory),
    planes: new Map(
      [...truth.updates].map(([id, { installed, removed, missing }]) => [id, { installed, removed, missing }]),
    ),
  }
  try {
    writeFileSync(`${file}.new`, serialize(memory))
    renameSync(`${file}.new`, file)
  } catch (error) {
    const reason = `${file} cannot be written: was the data folder deleted meanwhile? (${reasonOf(error)})`
    throw new Error(reason, { cause: error })
  }
}

/** The memories of all devices; none when there is nothing to go on from. */
function recall(file: string, truth: Truth): readonly DeviceMemory[] {
  if (!existsSync(file)) return []
  // What `remember` wrote, and nobody else.
  const { format, devices, planes }: Memory = deserialize(readFileSync(file))
  // An earlier version kept other things of an agent: the devices begin anew, and enrol again.
  if (format !== MEMORY_FORMAT) return []
  for (const [id, { installed, removed, missing }] of planes) {
    const update = truth.updates.get(id)
    if (update === undefined) continue
    unite(update.installed, installed)
    unite(update.removed, removed)
    unite(update.missing, missing)
  }
  return devices
}

/** Says it at most every few seconds: a controller that is gone is gone for all devices. */
function rarely(say: (text: string) => void): (text: string) => void {
  let last = -Infinity
  return (text) => {
    if (performance.now() - last < TROUBLE_EVERY_MS) return
    last = performance.now()
    say(`a device could not reach the controller: ${text}`)
  }
}

await main(workerData)
