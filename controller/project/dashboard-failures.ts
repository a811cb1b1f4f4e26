// What failed, on how many devices, with which error: grouped by update and error code.
import { updateOf } from '../catalog/catalog.ts'
import { enforcementOf } from '../fleet/compliance.ts'
import type { BitPlane } from '../model/bit-plane.ts'
import { countShared, newPlane, unite } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import type { World } from '../rollout/world.ts'

export type FailureGroup = {
  readonly update: UpdateId
  readonly title: string
  readonly articles: readonly string[]
  /** Empty when the devices gave none. */
  readonly code: string
  readonly download: boolean
  readonly devices: number
  /** Of the newest report in the group: when it was made, the device, and its own words. */
  readonly last: { readonly at: EpochMs; readonly device: string; readonly message: string }
}

/** Updates whose devices are looked at, those with the most failures first, and devices of each. */
const MAX_UPDATES = 200
const MAX_DEVICES_PER_UPDATE = 5000
const MAX_ARTICLES = 3

/** The largest groups first. `total` counts groups and `devices` devices with any failure; both are exact up to the limits above. */
export function failureGroups(world: World, limit: number): { shown: FailureGroup[]; total: number; devices: number } {
  const updates = [...world.compliance.failed]
    .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
    .slice(0, MAX_UPDATES)
  const anywhere = newPlane()
  const groups = updates.flatMap(([update, { devices }]) => {
    unite(anywhere, devices)
    return groupsOf(world, update, devices)
  })
  groups.sort(
    (a, b) => b.devices - a.devices || (a.update < b.update ? -1 : a.update > b.update ? 1 : a.code < b.code ? -1 : 1),
  )
  return {
    shown: groups.slice(0, limit),
    total: groups.length,
    devices: countShared(anywhere, world.fleet.present),
  }
}

function groupsOf(world: World, update: UpdateId, devices: BitPlane): FailureGroup[] {
  const known = updateOf(world.catalog, update)
  const groups = new Map<string, FailureGroup>()
  for (const row of firstRows(devices, MAX_DEVICES_PER_UPDATE)) {
    const said = enforcementOf(world.compliance, update, row)
    if (said === undefined) continue
    const key = `${said.state} ${said.code.toLowerCase()}`
    const before = groups.get(key)
    const newest = before === undefined || said.at > before.last.at
    groups.set(key, {
      update,
      title: known?.title ?? update,
      articles: known?.articleIds.slice(0, MAX_ARTICLES) ?? [],
      code: before?.code ?? said.code,
      download: said.state === FAILED_TO_DOWNLOAD,
      devices: (before?.devices ?? 0) + 1,
      last: newest ? { at: said.at, device: world.fleet.ids[row] ?? '', message: said.message } : before.last,
    })
  }
  return [...groups.values()]
}

const FAILED_TO_DOWNLOAD = 9

function firstRows({ words }: BitPlane, limit: number): number[] {
  const rows: number[] = []
  for (let i = 0; i < words.length && rows.length < limit; i++) {
    let word = words[i] ?? 0
    while (word !== 0 && rows.length < limit) {
      const low = word & -word
      rows.push((i << 5) + (31 - Math.clz32(low)))
      word ^= low
    }
  }
  return rows
}
