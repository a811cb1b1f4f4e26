// What a step looks at: the world as it stands at the step's instant, and how checks are written down.
import type { BitPlane } from '../model/bit-plane.ts'
import { eachBit } from '../model/bit-plane.ts'
import { parseComparison } from '../model/criterion.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { Note } from '../rollout/draft.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { State } from '../state/state.ts'
import type { Count } from './expect.ts'
import { timeFits, timeText } from './moments.ts'
import { updateMeant } from './names.ts'
import type { Check } from './results.ts'

export type Told = { readonly at: EpochMs; readonly decision: Decision }

export type StepSight = {
  readonly state: State
  readonly notes: readonly Note[]
  readonly now: EpochMs
  /** Of wall-clock times, but for those of a device. */
  readonly zone: string
  readonly updates: readonly Update[]
  readonly devices: readonly string[]
  /** Since the step before. */
  readonly decisions: readonly Told[]
  readonly exact: boolean
}

/** A check of one value. `because` is asked for only when it failed. */
export function check(
  path: Path,
  passed: boolean,
  expected: string | readonly string[],
  actual: string | readonly string[],
  because: () => string | undefined = () => undefined,
): Check {
  const lines = (text: string | readonly string[]) => (typeof text === 'string' ? [text] : text)
  if (passed) return { path, passed, expected: [], actual: [] }
  return { path, passed, expected: lines(expected), actual: lines(actual), because: because() }
}

/** Compares by text. Nothing is expected: no check. */
export function checkValue(
  path: Path,
  expected: string | boolean | undefined,
  actual: string | boolean | undefined,
  because?: () => string | undefined,
): Check[] {
  if (expected === undefined) return []
  return [check(path, expected === actual, String(expected), String(actual ?? 'nothing'), because)]
}

export function checkCount(
  path: Path,
  expected: Count | undefined,
  actual: number,
  because?: () => string | undefined,
): Check[] {
  if (expected === undefined) return []
  return [check(path, countFits(expected, actual), String(expected), String(actual), because)]
}

export function countFits(expected: Count, actual: number): boolean {
  if (typeof expected === 'number') return expected === actual
  const range = parseComparison(expected)
  return range !== undefined && range.min <= actual && actual <= range.max
}

export function checkTime(
  path: Path,
  expected: string | undefined,
  actual: EpochMs | undefined,
  zone: string,
  because?: () => string | undefined,
): Check[] {
  if (expected === undefined) return []
  return [check(path, timeFits(expected, actual, zone), expected, timeText(expected, actual, zone), because)]
}

export function checkMessage(
  path: Path,
  expected: string | undefined,
  actual: string,
  because?: () => string | undefined,
): Check[] {
  if (expected === undefined) return []
  return [check(path, actual.includes(expected), `… ${expected} …`, actual, because)]
}

/** Each named update has to be in the set; with `exact`, nothing else may be. */
export function checkUpdates(
  sight: StepSight,
  path: Path,
  expected: readonly string[] | undefined,
  actual: ReadonlySet<UpdateId>,
  why: (id: UpdateId) => string | undefined,
): Check[] {
  if (expected === undefined) return []
  const meant = new Set<UpdateId>()
  const checks = expected.map((name, i) => {
    const found = updateMeant(name, sight.updates)
    if ('problem' in found) return check([...path, i], false, name, found.problem)
    meant.add(found.id)
    return check([...path, i], actual.has(found.id), found.id, `no ${found.id}`, () => why(found.id))
  })
  if (!sight.exact) return checks
  const others = [...actual].filter((id) => !meant.has(id)).sort()
  return [...checks, check(path, others.length === 0, 'nothing else', listed(others))]
}

const LISTED = 20

/** One line each; what is beyond the limit is counted. */
export function listed(lines: readonly string[]): string[] {
  const more = lines.length - LISTED
  return more > 0 ? [...lines.slice(0, LISTED), `… and ${more} more`] : [...lines]
}

export function rowsOf(plane: BitPlane): number[] {
  const rows: number[] = []
  eachBit(plane, (row) => rows.push(row))
  return rows
}
