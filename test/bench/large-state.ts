// The state of a large fleet for the benchmarks of restarts and growth: devices enrolled by the fold, a catalog of which a
// part is deployed to all of them, and what each device said of each deployed update. That last part is put into the planes
// word by word: folding a thousand million messages would take longer than everything that is measured.
import { countBits, hasBit } from '../../controller/model/bit-plane.ts'
import type { Input } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { recountEvidence } from '../../controller/rollout/evidence.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { declare, synced } from '../support/declare.ts'
import { generateUpdates, NOW } from './catalog-data.ts'
import { collections, deviceEnrolled, deviceName, foldAndDecide, rolloutOf, windows } from './fleet-data.ts'

export type StateSize = {
  readonly devices: number
  readonly updates: number
  /** At most 1000: what one group holds. */
  readonly deployed: number
  readonly collections: number
}

/** How many updates one fact brings. */
const AT_ONCE = 10_000

export function largeState(size: StateSize): { readonly state: State; readonly deployed: readonly UpdateId[] } {
  const state = newState()
  const updates = generateUpdates(size.updates)
  const chosen = updates.slice(0, size.deployed).map(({ id }) => id)
  foldAndDecide(state, NOW, facts(size, updates))
  for (const id of chosen) fillPlanes(state, id)
  foldAndDecide(state, NOW, [rolloutOf(chosen)])
  const deployed = deployedIn(state)
  if (deployed.length !== size.deployed) throw new Error(`${deployed.length} updates are deployed`)
  for (const [name, { seen }] of state.evidence) {
    for (const plane of seen.values()) plane.words = wordsOf(size.devices, 'seen', 2)
    recountEvidence(state, name)
  }
  return { state, deployed }
}

/** In the order of their rollout. */
export function deployedIn(state: State): UpdateId[] {
  return [...state.control.rollouts.values()].flatMap(({ updates }) => updates)
}

/** 100,000 reports, say, that came after a snapshot: each of another device, about some of the deployed updates. */
export function laterReports(
  count: number,
  messages: number,
  devices: number,
  deployed: readonly UpdateId[],
): Extract<Input, { readonly type: 'DeviceReported' }>[] {
  return Array.from({ length: count }, (_, i) => ({
    type: 'DeviceReported',
    device: deviceName((i * 7) % devices),
    report: {
      sequence: 1000 + i,
      at: NOW + i,
      messages: Array.from({ length: messages }, (_, k) => ({
        topic: 500,
        update: deployed[(i + k) % deployed.length] ?? NEVER,
        state: (i + k) % 3 === 0 ? 3 : 2,
      })),
    },
  }))
}

/** A character for every three updates says what is known of them on a device. */
export function statesOf(state: State, ids: readonly UpdateId[], row: number): string {
  let text = ''
  for (let i = 0; i < ids.length; i += 3) {
    let code = 0
    for (let k = i; k < i + 3; k++) {
      const planes = state.compliance.updates.get(ids[k] ?? NEVER)
      if (planes !== undefined)
        code += ((hasBit(planes.hi, row) ? 2 : 0) + (hasBit(planes.lo, row) ? 1 : 0)) << (2 * (k - i))
    }
    text += String.fromCharCode(48 + code)
  }
  return text
}

const NEVER = UpdateId.parse('never')

function* facts(size: StateSize, updates: Parameters<typeof synced>): Generator<Input> {
  for (let from = 0; from < updates.length; from += AT_ONCE) yield synced(...updates.slice(from, from + AT_ONCE))
  yield declare(...collections(size.collections))
  yield declare(...windows())
  for (let i = 0; i < size.devices; i++) yield deviceEnrolled(i)
}

/** Required on some, installed on others: so that on every device something is left to do. */
function fillPlanes(state: State, id: UpdateId): void {
  const devices = state.fleet.ids.length
  const lo = { words: wordsOf(devices, `lo ${id}`, 1) }
  const hi = { words: wordsOf(devices, 'hi', 2) }
  const installed = countBits(lo)
  const required = countBits(hi) - installed
  state.compliance.updates.set(id, { lo, hi, notRequired: 0, required, installed })
}

/** One bit a device: 2 for all of them, 1 for about half. */
export function wordsOf(devices: number, key: string, most: 1 | 2): Uint32Array {
  const words = new Uint32Array((devices + 31) >>> 5)
  const start = stableHash(key)
  for (let i = 0; i < words.length; i++) {
    const mixed = Math.imul(start ^ Math.imul(i + 1, 0x9e3779b1), 0x85ebca6b)
    words[i] = most === 2 ? 0xffffffff : mixed ^ (mixed >>> 13)
  }
  const rest = devices & 31
  if (rest !== 0) words[words.length - 1] = (words.at(-1) ?? 0) & ((1 << rest) - 1)
  return words
}
