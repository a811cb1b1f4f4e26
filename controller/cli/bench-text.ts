// What a load came to, as people read it.
import type { LoadPlan } from '../load/plan.ts'
import type { KindTally, LoadResult, RequestKind } from '../load/tally.ts'
import { plural } from '../model/plural.ts'

const NAMES: Readonly<Record<RequestKind, string>> = { enrol: 'enrolments', policy: 'policy polls', reports: 'reports' }

export function loadText(plan: LoadPlan, result: LoadResult): string {
  const { seconds, devices, kinds, messages, messagesPerSecond, sentAway, errors, interrupted } = result
  const pace = plan.rate === undefined ? 'as fast as answered' : `${whole(plan.rate)} requests/s asked for`
  const head = `${devices} devices, ${plural(plan.connections, 'connection')}, ${seconds.toFixed(1)} s, ${pace}${interrupted ? ' (interrupted)' : ''}`
  const columns = ['', 'answers', 'per second', 'p50', 'p90', 'p99', 'max', 'statuses']
  const rows = [columns, ...kinds.filter(({ answered }) => answered > 0).map(rowOf)]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 || i === row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return [
    head,
    '',
    ...lines,
    '',
    `state messages acknowledged: ${whole(messages)}, ${whole(messagesPerSecond)} per second`,
    `answered 503 and sent again after Retry-After: ${whole(sentAway)}`,
    `errors: ${errorText(errors)}`,
    '',
  ].join('\n')
}

function rowOf({ kind, answered, perSecond, latency, statuses }: KindTally): string[] {
  const { p50, p90, p99, max } = latency
  const byStatus = Object.entries(statuses).map(([status, count]) => `${status}: ${whole(count)}`)
  return [NAMES[kind], whole(answered), whole(perSecond), ...[p50, p90, p99, max].map(ms), byStatus.join(', ')]
}

function errorText(errors: Readonly<Record<string, number>>): string {
  const all = Object.entries(errors).map(([what, count]) => `${what}: ${whole(count)}`)
  return all.length === 0 ? 'none' : all.join(', ')
}

function ms(value: number): string {
  return `${value >= 100 ? Math.round(value) : value.toFixed(value >= 10 ? 1 : 2)} ms`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
