// The figures as people read them, and as a program does.
import { availableParallelism, cpus, totalmem } from 'node:os'
import { perSecond, type Row, ratioOf, type Size, spreadOf, type Timing } from './measure.ts'

export function machineLine(size: Size): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `Node ${process.version}, ${availableParallelism()} × ${model}, ${gigabytes} GB; ${size} sizes; median of the runs (least–most)`
}

export function tableOf(subject: string, rows: readonly Row[]): string {
  return `\n${subject}\n${rows.map((row) => lines(row).join('\n')).join('\n')}\n`
}

/** The row itself, and what follows from it. */
export function jsonOf(row: Row): string {
  const { baseline, ours } = row
  return JSON.stringify({
    ...row,
    perSecond: perSecond(ours),
    ...(baseline !== undefined && { baselinePerSecond: perSecond(baseline), ratio: ratioOf(row) }),
  })
}

function lines(row: Row): string[] {
  const { name, operation, ours, baseline, goal, notes = [] } = row
  const ratio = ratioOf(row)
  return [
    `  ${name}`,
    `    ours      ${figure(ours, operation)}${ratio === undefined ? '' : `   ${times(ratio)} of the baseline`}`,
    ...(baseline === undefined ? [] : [`    baseline  ${figure(baseline, operation)}   ${baseline.what}`]),
    ...(goal === undefined ? [] : [`    goal      ${goal}`]),
    ...notes.map((note) => `    ${note}`),
  ]
}

function figure(timing: Timing, operation: string): string {
  const { median, min, max } = spreadOf(timing.ms)
  const rate = `${rounded(perSecond(timing))}/s`.padStart(16)
  return `${rate}  ${operation}, ${duration(median)} (${duration(min)}–${duration(max)})`
}

function times(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio).toLocaleString('en') : ratio.toFixed(2)}×`
}

function rounded(value: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 2)
  return (Math.round(value / unit) * unit).toLocaleString('en', { maximumFractionDigits: 0 })
}

function duration(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`
  return ms >= 100 ? `${Math.round(ms)} ms` : `${Number(ms.toPrecision(3))} ms`
}
