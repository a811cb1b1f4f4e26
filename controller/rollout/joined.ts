// Who joined a phase after its start, and when: a list, because it is few of a fleet, and each of them joins once.
import { type BitPlane, planeRows } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'

/** `at[i]` is when the device of `rows[i]` joined. Ascending by row; replaced, never changed. */
export type Joined = { readonly rows: Int32Array; readonly at: Float64Array }

/** How snapshots of before hold it. */
export type JoinedBatches = readonly { readonly at: EpochMs; readonly targets: BitPlane }[]

/** With these devices, none of which had joined. */
export function withJoined(joined: Joined | undefined, devices: BitPlane, at: EpochMs): Joined {
  const added = planeRows(devices)
  const before = joined?.rows.length ?? 0
  const rows = new Int32Array(before + added.length)
  const instants = new Float64Array(rows.length)
  let old = 0
  let fresh = 0
  for (let i = 0; i < rows.length; i++) {
    const row = joined?.rows[old] ?? Infinity
    const other = added[fresh] ?? Infinity
    rows[i] = Math.min(row, other)
    instants[i] = row < other ? (joined?.at[old++] ?? at) : at
    if (other < row) fresh++
  }
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
  for (const { targets, at } of batches) joined = withJoined(joined, targets, at)
  return joined
}
