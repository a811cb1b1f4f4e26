// Collections over a large fleet: all of them over the columns, one device after another, and, for comparison, the plain
// way with an object for each device. The input depends on the two numbers only.
import { compileCollections, evaluateAll, reevaluateDevice } from '../../controller/fleet/collections.ts'
import { enrolDevice, type Fleet, newFleet, setAttributes } from '../../controller/fleet/fleet.ts'
import { expressionsOf, matcherOf } from '../../controller/fleet/term.ts'
import { hasBit, newPlane } from '../../controller/model/bit-plane.ts'
import type { CollectionSpec, Query } from '../../controller/model/collection.ts'
import { stableHash } from '../../controller/model/hash.ts'

export type CollectionsBench = {
  /** All collections over all devices, lookup tables filled before; the median of five. */
  readonly fullMs: number
  /** Devices whose attributes were replaced, one of them changed, and whose collections were brought up to date. */
  readonly incrementalPerSecond: number
  /** All collections over all devices, one object a device, measured on at most 20,000 devices and scaled up. */
  readonly naiveFullMs: number
}

const SITES = 200
const NAIVE_DEVICES = 20_000

export function benchCollections(devices: number, collections: number): CollectionsBench {
  const fleet = newFleet()
  for (let i = 0; i < devices; i++) enrolDevice(fleet, `device-${i}`, attributes(i, 0), i)
  const specs = new Map(Array.from({ length: collections }, (_, i) => [`c${i}`, spec(i)]))
  const compiled = compileCollections(specs)
  evaluateAll(fleet, compiled)
  const runs = Array.from({ length: 5 }, () => timed(() => evaluateAll(fleet, compiled))).sort((a, b) => a - b)
  const naiveFullMs = naive(fleet, specs, compiled.members)
  const changes = Math.min(devices, 200_000)
  // Made before the clock starts: what is measured is the fleet's work, not the making of the input.
  const changed = Array.from({ length: changes }, (_, i) => attributes(i, 1))
  const ms = timed(() => {
    for (const [row, next] of changed.entries()) reevaluateDevice(fleet, compiled, row, setAttributes(fleet, row, next))
  })
  return { fullMs: runs[2] ?? 0, incrementalPerSecond: Math.round(changes / (ms / 1000)), naiveFullMs }
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

/** A fair plain way: conditions compiled once, and each device's collections found in one pass, references last. */
function naive(
  fleet: Fleet,
  specs: ReadonlyMap<string, CollectionSpec>,
  members: ReadonlyMap<string, { words: Uint32Array }>,
): number {
  const devices = Math.min(fleet.ids.length, NAIVE_DEVICES)
  const objects = Array.from({ length: devices }, (_, i) => attributes(i, 0))
  const programs = [...specs].map(([name, spec]) => ({ name, spec, queries: (spec.queries ?? []).map(compileQuery) }))
  const found = new Map([...specs.keys()].map((name) => [name, new Set<number>()]))
  const ms = timed(() => {
    for (const [row, device] of objects.entries()) {
      const within = (name: string) => found.get(name)?.has(row) === true
      for (const { name, spec, queries } of programs) {
        const chosen = queries.some((holds) => holds(device)) || spec.include?.some(within) === true
        if (!chosen || (spec.limitedTo !== undefined && !within(spec.limitedTo)) || spec.exclude?.some(within)) continue
        found.get(name)?.add(row)
      }
    }
  })
  for (const [name, rows] of found) {
    const missed = [...rows].filter((row) => !hasBit(members.get(name) ?? newPlane(), row)).length
    if (missed > 0) throw new Error(`${name}: ${missed} members of the plain way are none of the fast one`)
  }
  return (ms * fleet.ids.length) / Math.max(devices, 1)
}

function compileQuery(query: Query): (device: Record<string, string>) => boolean {
  const conditions = expressionsOf(query).map((expression) => ({ key: expression.key, matches: matcherOf(expression) }))
  return (device) => conditions.every(({ key, matches }) => matches(device[key]))
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}
