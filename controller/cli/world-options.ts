// Against which world a change is looked at: the options that `diff` and `preview` share, and what they lead to.
import type { Declared, Problem } from '../model/declared.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import type { WorldInfo } from '../preview/effect.ts'
import { comparedSource, inForce } from '../preview/fork.ts'
import type { State } from '../state/state.ts'
import { type Client, clientFrom } from './client.ts'
import type { Command, Io } from './command.ts'
import type { LoadedSide } from './declared-side.ts'
import { feedsOf, loadScenario, type Play, withoutDevices, worldOf } from './declared-world.ts'
import { StartError } from './start-error.ts'
import { fetchSnapshot, readDataFolder, readSnapshotBytes, unpackSnapshot } from './world-file.ts'

export const WORLD_OPTIONS = {
  server: { type: 'string' },
  'token-file': { type: 'string' },
  snapshot: { type: 'string' },
  data: { type: 'string' },
  scenario: { type: 'string' },
  from: { type: 'string' },
  at: { type: 'string' },
} as const

export const WORLD_USAGE = `  --server URL       The world is that of a running controller
  --token-file FILE  The admin token (default $RINGMASTER_TOKEN, else ./data/admin.token where it is there)
  --snapshot FILE    The world is that of a file from \`ringmaster snapshot\`
  --data DIR         The world is that of a data folder
  --scenario FILE    The world has the devices of this scenario, and the updates of the feeds that are declared
  --from INSTANT     With --scenario: play it from then on up to --at (default: the same as --at)
  --at INSTANT       Now, for the comparison, RFC 3339. Default: when the state was taken, else now`

export type WorldValues = { readonly [K in keyof typeof WORLD_OPTIONS]?: string | undefined }

/** What was asked for; a text says what is wrong with it. */
export type WorldOrder = {
  readonly type: WorldInfo['type']
  readonly label: string
  readonly client: Client | undefined
  readonly at: EpochMs | undefined
  readonly from: EpochMs | undefined
}

export type LoadedWorld = {
  readonly state: State
  readonly about: Pick<WorldInfo, 'type' | 'label'>
  readonly now: EpochMs
  /** With which the future can be played; absent for a state that has its own devices. */
  readonly play?: Play
  readonly unknown: readonly string[]
}

/** The exit code when the token cannot be read or the address is none; a text for a wrong option. */
export function readWorldOrder(
  values: WorldValues,
  command: Pick<Command, 'usage'>,
  io: Io,
): WorldOrder | string | number {
  const given = (['server', 'snapshot', 'data', 'scenario'] as const).filter((name) => values[name] !== undefined)
  if (given.length > 1) return `give one of ${given.map((name) => `--${name}`).join(' and ')}: there is one world`
  const at = instantOf(values.at)
  const from = instantOf(values.from)
  if (at === 'Wrong') return `--at must be an RFC 3339 instant such as 2026-01-31T18:00:00Z, not ${values.at}`
  if (from === 'Wrong') return `--from must be an RFC 3339 instant such as 2026-01-31T18:00:00Z, not ${values.from}`
  if (from !== undefined && values.scenario === undefined) return '--from goes with --scenario'
  if (from !== undefined && at !== undefined && at < from) return '--at must not be before --from'
  const times = { at, from }
  if (values.snapshot !== undefined) return { type: 'Snapshot', label: values.snapshot, client: undefined, ...times }
  if (values.data !== undefined) return { type: 'Data', label: values.data, client: undefined, ...times }
  if (values.scenario !== undefined) return { type: 'Scenario', label: values.scenario, client: undefined, ...times }
  if (values.server === undefined) return { type: 'Declarations', label: '', client: undefined, ...times }
  const client = clientFrom({ server: values.server, 'token-file': values['token-file'], format: 'text' }, command, io)
  return typeof client === 'number' ? client : { type: 'Controller', label: client.url, client, ...times }
}

/** The state of a controller, a snapshot or a data folder; undefined for a world that is made from the declarations. Throws a StartError. */
export async function loadExported(order: WorldOrder): Promise<LoadedWorld | undefined> {
  const { type, label } = order
  if (type === 'Scenario' || type === 'Declarations') return undefined
  const { state, about } =
    order.client !== undefined
      ? await unpackSnapshot(await fetchSnapshot(order.client), label)
      : type === 'Data'
        ? await readDataFolder(label)
        : await unpackSnapshot(await readSnapshotBytes(label), label)
  const at = Math.max(order.at ?? about.takenAt, state.clock)
  const early = order.at !== undefined && order.at < at
  const unknown = early ? [`--at lies before the newest fact of this state: it is taken to be ${toRfc3339(at)}`] : []
  return { state, about: { type, label }, now: at, unknown }
}

/** What other sources have in force than the one that these objects stand for. */
export function declaredElsewhere({ state }: LoadedWorld, objects: readonly Declared[]): Declared[] {
  const source = comparedSource(state, objects)
  return inForce(state).filter(({ origin }) => origin.source !== source)
}

/** Problems of the scenario, or the world that the declarations make. Throws a StartError. `clock`: now, without --at. */
export async function makeWorld(
  order: WorldOrder,
  sides: { readonly base: LoadedSide; readonly head: LoadedSide },
  clock: EpochMs,
): Promise<LoadedWorld | { readonly problems: readonly Problem[] }> {
  return declaredWorld(order, sides, order.at ?? clock)
}

async function declaredWorld(
  { type, label, from }: WorldOrder,
  { base, head }: { readonly base: LoadedSide; readonly head: LoadedSide },
  now: EpochMs,
): Promise<LoadedWorld | { readonly problems: readonly Problem[] }> {
  const file = type === 'Scenario' ? await loadScenario(label) : { spec: withoutDevices() }
  if ('problems' in file) return file
  const { feeds, unknown } = await feedsOf([head, base])
  const play: Play = { scenario: file.spec, feeds, from: Math.min(from ?? now, now), now }
  const nobody =
    type === 'Declarations'
      ? [
          'no devices are known: name a controller (--server), a snapshot (--snapshot) or a scenario (--scenario) to see what happens on which devices',
        ]
      : []
  try {
    const state = worldOf(play, base)
    return {
      state,
      about: { type, label },
      now,
      unknown: [...nobody, ...unknown],
      ...(type === 'Scenario' && { play }),
    }
  } catch (error) {
    throw new StartError(`the world cannot be made: ${reasonOf(error)}`, error)
  }
}

function instantOf(text: string | undefined): EpochMs | undefined | 'Wrong' {
  if (text === undefined) return undefined
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch {
    return 'Wrong'
  }
}
