// Run as a process of its own by the tests: opens the journal named on the command line, says 'open', and appends facts for
// ever, several appends at a time, printing each sequence number once it was acknowledged. Made to be killed.
import { writeSync } from 'node:fs'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { decodeFact, mixed } from './facts.ts'

const [path = '', mode = 'append'] = process.argv.slice(2)
const journal = openSqliteJournal(path, decodeFact)
writeSync(1, 'open\n')
if (mode === 'hold') setInterval(() => {}, 1000)
else await Promise.all([keepAppending(1), keepAppending(7), keepAppending(300), keepSaving()])

async function keepAppending(size: number): Promise<never> {
  for (;;) {
    const expected = journal.lastSeq
    const { first, last } = await journal.append(mixed(expected, size), expected)
    writeSync(1, `${first}-${last}\n`)
  }
}

/** Snapshots and compactions go on in between, and are killed too. A snapshot holds its own number. */
async function keepSaving(): Promise<never> {
  for (;;) {
    const seq = journal.lastSeq
    await journal.saveSnapshot(seq, [new Uint8Array(new Float64Array(20_000).fill(seq).buffer)])
    await journal.compact(Math.max(0, seq - 5000), (type) => type === 'Approved')
  }
}
