// Ratios that were recorded, and whether those measured now come near them: what CI holds the benchmark to. Never a time: machines
// differ and are shared. Of each side the best run counts, which is the one that others disturbed least.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row, Timing } from './measure.ts'

export type Recorded = {
  /** Where and when; for people. */
  readonly machine: string
  readonly date: string
  /** By subject, then by the name of the figure: how many times as fast as its baseline, in the short form. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Figures that are not held to anything, with what they came to in the runs of the record. */
  readonly leftOut: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** One that came to less than this part of what was recorded. `measured` is undefined for a figure that is not there any more. */
export type Miss = { readonly name: string; readonly recorded: number; readonly measured: number | undefined }

export const LEAST_PART = 0.6
/** Runs of a record. A figure of which one run alone would fail by the middle one is left out: it would fail by chance. */
export const RECORD_RUNS = 3

const DISK = 'says as much of the disk as of us: a quick fdatasync makes the baseline quicker, and little else'
/** Not held to anything, however steady here: another machine may have quite another ratio. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  'durable, 250 reports of 10 in flight, beside the disk alone': DISK,
  'durable, beside a database': DISK,
  'the same with a rollout of 100 updates under way': DISK,
  'over HTTP, durable, beside the disk alone': DISK,
  'over HTTP, durable, beside a database': DISK,
  'durable, beside a row at a time': DISK,
}

const FILE = join(import.meta.dirname, 'recorded-ratios.json')

export function readRecorded(): Recorded {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Recorded
}

export function writeRecorded(recorded: Recorded): void {
  writeFileSync(FILE, `${JSON.stringify(recorded, null, 2)}\n`)
}

/** Best run against best run; undefined without a baseline. */
export function bestRatio({ ours, baseline }: Row): number | undefined {
  return baseline === undefined ? undefined : bestRate(ours) / bestRate(baseline)
}

/** Of several runs of one subject the best ratio of each figure. */
export function missesOf(recorded: Readonly<Record<string, number>>, ...runs: readonly (readonly Row[])[]): Miss[] {
  return Object.entries(recorded).flatMap(([name, ratio]) => {
    const measured = runs.flatMap((rows) => rows.flatMap((row) => (keyOf(row) === name ? (bestRatio(row) ?? []) : [])))
    const best = measured.length === 0 ? undefined : Math.max(...measured)
    return best !== undefined && best >= ratio * LEAST_PART ? [] : [{ name, recorded: ratio, measured: best }]
  })
}

/** What the runs of one subject say is to be recorded: the middle one of each figure that is steady. */
export function recordOf(runs: readonly (readonly Row[])[]): {
  readonly ratios: Record<string, number>
  readonly leftOut: Record<string, string>
} {
  const ratios: Record<string, number> = {}
  const leftOut: Record<string, string> = {}
  for (const name of (runs[0] ?? []).map(keyOf)) {
    const all = runs.flatMap((rows) => rows.flatMap((row) => (keyOf(row) === name ? (bestRatio(row) ?? []) : [])))
    const sorted = all.sort((a, b) => a - b)
    const [least = 0, most = 0] = [sorted[0], sorted.at(-1)]
    const middle = sorted[Math.floor(sorted.length / 2)]
    if (middle === undefined) continue
    const why = OF_THE_MACHINE[name]
    if (why !== undefined) leftOut[name] = why
    else if (least >= middle * LEAST_PART) ratios[name] = rounded(middle)
    else leftOut[name] = `${rounded(least)} to ${rounded(most)} in ${all.length} runs`
  }
  return { ratios, leftOut }
}

export function missText(subject: string, { name, recorded, measured }: Miss): string {
  const least = rounded(recorded * LEAST_PART)
  return measured === undefined
    ? `${subject}: "${name}" was recorded and is not measured any more: record anew (npm run bench -- --short --record)`
    : `${subject}: "${name}" is ${rounded(measured)} times its baseline, less than ${least} (60 % of ${recorded})`
}

/** The name without the size of an answer, which changes with the calendar. */
function keyOf({ name }: Row): string {
  return name.replace(/\d+ (?=bytes|characters)/, '')
}

function bestRate({ operations, ms }: Timing): number {
  return operations / Math.min(...ms)
}

function rounded(value: number): number {
  return Number(value.toPrecision(2))
}
