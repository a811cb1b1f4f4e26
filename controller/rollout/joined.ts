// Who joined a phase after its start, and when: a list, because it is few of a fleet, and each of them joins once.
import { type BitPlane, planeRows } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'

/** `at[i]` is when the device of `rows[i]` joined. Ascending by row; replaced, never changed. */
export type Joined = { readonly rows: Int32Array; readonly at: Float64Array }

/** How snapshots of before hold it. */
export type JoinedBatches = readonly { readonly at: EpochMs; readonly targets: BitPlane }[]

/** With these devices, none of which had joined; ascending. */
export function withJoined(joined: Joined | undefined, added: readonly number[], at: EpochMs): Joined {
  const { rows: before, at: since } = joined ?? NOBODY
  const rows = new Int32Array(before.length + added.length)
  const instants = new Float64Array(rows.length)
  let old = 0
  let next = 0
  for (const row of added) {
    for (; old < before.length && (before[old] ?? 0) < row; old++) {
      rows[next] = before[old] ?? 0
      instants[next++] = since[old] ?? 0
    }
    rows[next] = row
    instants[next++] = at
  }
  rows.set(before.subarray(old), next)
  instants.set(since.subarray(old), next)
  return { rows, at: instants }
}

/** When the device joined; undefined for one that was there from the start. */
export function joinedAt({ rows, at }: Joined, row: number): EpochMs | undefined {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle] ?? 0) < row) low = middle + 1
    else high = middle
  }
  return rows[low] === row ? at[low] : undefined
}

export function joinedFrom(batches: JoinedBatches): Joined | undefined {
  let joined: Joined | undefined
  for (const { targets, at } of batches) joined = withJoined(joined, planeRows(targets), at)
  return joined
}

const NOBODY: Joined = { rows: new Int32Array(), at: new Float64Array() }
