// Collections over a large fleet: all of them over the columns, one device after another, and, for comparison, the plain
// way with an object for each device. The input depends on the two numbers only.
import { compileCollections, evaluateAll, reevaluateDevice } from '../../controller/fleet/collections.ts'
import { enrolDevice, newFleet, setAttributes } from '../../controller/fleet/fleet.ts'
import { expressionsOf, matcherOf } from '../../controller/fleet/term.ts'
import { type BitPlane, hasBit, newPlane } from '../../controller/model/bit-plane.ts'
import type { CollectionSpec, Query } from '../../controller/model/collection.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { mustBe, type Timing, timeInTurns } from './measure.ts'

export type CollectionsBench = {
  /** All collections over all devices, lookup tables filled before. */
  readonly full: Timing
  /** Devices whose attributes were replaced, one of them changed, and whose collections were brought up to date. */
  readonly incremental: Timing
  /** All collections over at most 20,000 devices, one object a device. */
  readonly naive: Timing
  /** The same, counted by device. */
  readonly naiveIncremental: Timing
}

const SITES = 200
const NAIVE_DEVICES = 20_000
const CHANGES = 200_000
const WARM_UPS = 10

/** Throws when the plain way finds other members. */
export function benchCollections(devices: number, collections: number): CollectionsBench {
  const fleet = newFleet()
  for (let i = 0; i < devices; i++) enrolDevice(fleet, `device-${i}`, attributes(i, 0), i)
  const specs = new Map(Array.from({ length: collections }, (_, i) => [`c${i}`, spec(i)]))
  const compiled = compileCollections(specs)
  const plain = naiveWay(Math.min(devices, NAIVE_DEVICES), specs)
  // Often enough for the compiler.
  for (let i = 0; i < WARM_UPS; i++) evaluateAll(fleet, compiled)
  compareMembers(plain.devices, plain.run(), compiled.members)
  const [full = [], naive = []] = timeInTurns({ run: () => evaluateAll(fleet, compiled) }, plain)
  const changes = Math.min(devices, CHANGES)
  // Made before the clock starts: what is measured is the fleet's work, not the making of the input.
  let changed: Record<string, string>[] = []
  let turn = 0
  const [incremental = []] = timeInTurns({
    prepare: () => {
      turn++
      changed = Array.from({ length: changes }, (_, i) => attributes(i, turn % 2))
    },
    run: () => {
      for (const [row, next] of changed.entries())
        reevaluateDevice(fleet, compiled, row, setAttributes(fleet, row, next))
    },
  })
  return {
    full: { operations: devices * collections, ms: full },
    incremental: { operations: changes, ms: incremental },
    naive: { operations: plain.devices * collections, ms: naive },
    naiveIncremental: { operations: plain.devices, ms: naive },
  }
}

function attributes(device: number, turn: number): Record<string, string> {
  const hash = stableHash(`device-${device}`)
  return {
    os: hash % 3 === 0 ? 'server' : 'client',
    build: `10.0.${26100 + ((hash >>> 3) % 40) + turn}.${(hash >>> 5) % 20}`,
    site: `site-${(hash >>> 7) % SITES}`,
    ring: String((hash >>> 9) % 100),
    model: `model-${(hash >>> 11) % 50}`,
    ram: String(2 ** (1 + ((hash >>> 13) % 8))),
  }
}

function spec(number: number): CollectionSpec {
  const site = {
    key: 'site',
    operator: 'In' as const,
    values: [0, 1, 2].map((i) => `site-${(number * 3 + i) % SITES}`),
  }
  switch (number % 5) {
    case 0:
      return { queries: [{ matchLabels: { os: number % 2 === 0 ? 'server' : 'client' } }] }
    case 1:
      return { queries: [{ matchExpressions: [site] }] }
    case 2:
      return {
        queries: [
          { matchExpressions: [{ key: 'build', operator: 'VersionGte', value: `10.0.${26100 + (number % 40)}` }] },
          { matchExpressions: [site, { key: 'ram', operator: 'Gt', value: 8 }] },
        ],
        limitedTo: `c${number - 2}`,
      }
    case 3:
      return {
        queries: [{ matchExpressions: [{ key: 'ring', operator: 'Lt', value: number % 100 }] }],
        exclude: [`c${number - 2}`],
      }
    default:
      return { include: [`c${number - 1}`, `c${number - 3}`], exclude: [`c${number - 2}`] }
  }
}

type Members = Map<string, Set<number>>

/** A fair plain way: conditions compiled once, and each device's collections found in one pass, references last. */
function naiveWay(devices: number, specs: ReadonlyMap<string, CollectionSpec>) {
  const objects = Array.from({ length: devices }, (_, i) => attributes(i, 0))
  const programs = [...specs].map(([name, spec]) => ({ name, spec, queries: (spec.queries ?? []).map(compileQuery) }))
  const run = (): Members => {
    const found: Members = new Map([...specs.keys()].map((name) => [name, new Set<number>()]))
    for (const [row, device] of objects.entries()) {
      const within = (name: string) => found.get(name)?.has(row) === true
      for (const { name, spec, queries } of programs) {
        const chosen = queries.some((holds) => holds(device)) || spec.include?.some(within) === true
        if (!chosen || (spec.limitedTo !== undefined && !within(spec.limitedTo)) || spec.exclude?.some(within)) continue
        found.get(name)?.add(row)
      }
    }
    return found
  }
  return { devices, run }
}

function compareMembers(devices: number, found: Members, members: ReadonlyMap<string, BitPlane>): void {
  for (const [name, rows] of found) {
    const plane = members.get(name) ?? newPlane()
    for (let row = 0; row < devices; row++) mustBe(hasBit(plane, row) === rows.has(row), `${name}, row ${row}`)
  }
}

function compileQuery(query: Query): (device: Record<string, string>) => boolean {
  const conditions = expressionsOf(query).map((expression) => ({ key: expression.key, matches: matcherOf(expression) }))
  return (device) => conditions.every(({ key, matches }) => matches(device[key]))
}
