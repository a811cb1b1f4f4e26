// How things are timed: ours and the plain way in turns, so that a machine that slows down slows both; after a warm-up; each
// run kept, so that the spread can be shown.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How long each run of the same number of operations took. */
export type Timing = { readonly operations: number; readonly ms: readonly number[] }

/** What is measured of one subject. */
export type Row = {
  readonly subject: string
  readonly name: string
  /** What is counted, e.g. `rule × update`. */
  readonly operation: string
  readonly ours: Timing
  /** The plain way; absent where there is none that means anything. */
  readonly baseline?: Timing & { readonly what: string }
  /** What a later step is held to. */
  readonly goal?: string
  readonly notes?: readonly string[]
}

/** `full` is for the record, `short` for CI: small sizes, the same work. */
export type Size = 'full' | 'short'

/** What is timed: `prepare` is not. With `parts` both are done so many times for one run. */
export type Work = { readonly prepare?: () => void; readonly run: () => unknown; readonly parts?: number }

export type AsyncWork = { readonly prepare?: () => Promise<void> | void; readonly run: () => Promise<void> }

export type Spread = { readonly median: number; readonly min: number; readonly max: number }

export const RUNS = 5
const WARM_UPS = 1

/** Runs each kind of work `RUNS` times, in turns. */
export function timeInTurns(...works: readonly Work[]): number[][] {
  const times = works.map((): number[] => [])
  for (let turn = -WARM_UPS; turn < RUNS; turn++)
    for (const [i, { prepare, run, parts = 1 }] of works.entries()) {
      let ms = 0
      for (let part = 0; part < parts; part++) {
        prepare?.()
        ms += timed(run)
      }
      if (turn >= 0) times[i]?.push(ms)
    }
  return times
}

/** The same for work that waits. */
export async function timeInTurnsAsync(...works: readonly AsyncWork[]): Promise<number[][]> {
  const times = works.map((): number[] => [])
  for (let turn = -WARM_UPS; turn < RUNS; turn++)
    for (const [i, { prepare, run }] of works.entries()) {
      await prepare?.()
      const begun = performance.now()
      await run()
      if (turn >= 0) times[i]?.push(performance.now() - begun)
    }
  return times
}

export function timed(work: () => unknown): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}

/** All of it, at once. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

/** Of values in ascending order; the nearest one, no mean of two. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

export function perSecond({ operations, ms }: Timing): number {
  return (operations * 1000) / spreadOf(ms).median
}

/** How many times as fast as the plain way. */
export function ratioOf({ ours, baseline }: Row): number | undefined {
  return baseline === undefined ? undefined : perSecond(ours) / perSecond(baseline)
}

/** Ends the benchmark: figures of things that do different work say nothing. */
export function mustBe(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not the same as the plain way: ${what}`)
}
