// A fleet with many deployments under way for the benchmarks: each of a group of its own, to every device. What the devices said
// is put into the planes word by word, apart from the failures.
import { setEnforcement } from '../../controller/fleet/compliance.ts'
import { enrolDevice } from '../../controller/fleet/fleet.ts'
import { countBits, countShared } from '../../controller/model/bit-plane.ts'
import { stableHash } from '../../controller/model/hash.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { isStarted, type RolloutRecord, type StartedPhase } from '../../controller/rollout/control.ts'
import { recountEvidence } from '../../controller/rollout/evidence.ts'
import { apply } from '../../controller/state/apply.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { declare, declared, synced } from '../support/declare.ts'
import { generateUpdates, NOW } from './catalog-data.ts'
import { deviceName, foldAndDecide } from './fleet-data.ts'
import { wordsOf } from './large-state.ts'

export type Deployment = { readonly rollout: RolloutRecord; readonly phase: StartedPhase }

/** Updates of a group, which no two of these share. */
export const GROUP = 4
/** One device in so many failed with an update. */
const FAILED_OF = 4000

export function newFleetState(devices: number, updates: number): { state: State; ids: readonly UpdateId[] } {
  const state = newState()
  for (let i = 0; i < devices; i++) enrolDevice(state.fleet, deviceName(i), {}, NOW)
  const records = generateUpdates(updates)
  apply(state, NOW, synced(...records))
  return { state, ids: records.map(({ id }) => id) }
}

/** Starts them, and returns them as they stand. */
export function deploy(state: State, ids: readonly UpdateId[], count: number): Deployment[] {
  const declarations = Array.from({ length: count }, (_, n) => [
    declared('SoftwareUpdateGroup', `group-${n}`, { updates: ids.slice(n * GROUP, (n + 1) * GROUP) }),
    declared('Rollout', `rollout-${n}`, {
      group: `group-${n}`,
      phases: [{ name: 'broad', collection: 'all', successPercent: 100, failurePercent: 0 }],
    }),
  ])
  foldAndDecide(state, NOW, [declare(...declarations.flat())])
  return [...state.evidence.keys()].flatMap((name) => {
    const rollout = state.control.rollouts.get(name)
    const phase = rollout?.phases[0]
    return rollout !== undefined && phase !== undefined && isStarted(phase) ? [{ rollout, phase }] : []
  })
}

/** Most devices have said something of most updates; a few failed. */
export function fillPlanes(state: State, deployments: readonly Deployment[]): void {
  const devices = state.fleet.ids.length
  for (const { rollout } of deployments) {
    const seen = state.evidence.get(rollout.name)?.seen
    for (const id of rollout.updates) {
      const [lo, hi] = [{ words: mostOf(devices, `lo ${id}`) }, { words: mostOf(devices, `hi ${id}`) }]
      const installed = countShared(lo, hi)
      const counts = { installed, required: countBits(hi) - installed, notRequired: countBits(lo) - installed }
      state.compliance.updates.set(id, { lo, hi, ...counts })
      const plane = seen?.get(id)
      if (plane !== undefined) plane.words = mostOf(devices, `seen ${rollout.name} ${id}`)
      for (let row = stableHash(id) % FAILED_OF; row < devices; row += FAILED_OF)
        setEnforcement(state.compliance, id, row, { state: 6, at: NOW + 1, code: '', message: '' })
    }
    recountEvidence(state, rollout.name)
  }
}

/** Seven devices of eight. */
function mostOf(devices: number, key: string): Uint32Array {
  const words = wordsOf(devices, key, 1)
  for (let i = 0; i < words.length - 1; i++) {
    const word = words[i] ?? 0
    words[i] = word | (word >>> 7) | (word << 25) | (word >>> 19) | (word << 13)
  }
  return words
}
