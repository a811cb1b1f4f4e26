// `ringmaster run PATH --data DIR`, with a snapshot and a compaction every few dozen facts, and beside the journal a copy that
// is never compacted: what a restart reaches is compared with the fold of it. To be killed at any instant.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Started, startController } from '../../controller/cli/start-controller.ts'
import type { Entry, Journal } from '../../controller/journal/journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { entriesOf } from './harness.ts'

export const SNAPSHOT_EVERY = 60
const COPY = 'copy.ndjson'

/** The entries copied so far. A line that was cut off by a kill is taken away. */
export function readCopy(data: string): Entry<Fact>[] {
  const file = join(data, COPY)
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole !== text) writeFileSync(file, whole)
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** Copies what the journal has beyond entry `after`. Returns how far the copy goes then. */
export function copyOn(data: string, journal: Journal<Fact>, after: number): number {
  const entries = [...entriesOf(journal, after)]
  appendFileSync(join(data, COPY), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  return after + entries.length
}

if (import.meta.main) await main()

async function main(): Promise<void> {
  const [, path = '', , data = ''] = process.argv.slice(2)
  let copied = readCopy(data).length
  const started: Started = await startController({
    path,
    data,
    listen: { host: '127.0.0.1', port: 0 },
    snapshotEvery: SNAPSHOT_EVERY,
  })
  const { controller, url } = started
  const copy = () => {
    copied = copyOn(data, controller.journal, copied)
  }
  copy()
  // At the end of each turn, before the snapshot that may follow it.
  controller.subscribe(copy)
  process.stdout.write(`${JSON.stringify({ url })}\n`)
}
