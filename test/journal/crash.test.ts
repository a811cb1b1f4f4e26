// A process that appends is killed at many instants: what it was told is durable is there, once and in order.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { EmbeddedJournal } from '../../controller/journal/journal.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { decodeFact, type Fact, reported } from './facts.ts'

const ROUNDS = 15

test('what was acknowledged before a kill -9 is there afterwards, without gaps, and nothing twice', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  let acknowledged = 0
  for (let round = 0; round < ROUNDS; round++) {
    const child = startAppender(path, 'append')
    const output = collect(child)
    await output.opened
    await delay(stableHash(`round ${round}`) % 250)
    child.kill('SIGKILL')
    await once(child, 'close')
    const numbers = output.acknowledged()
    for (const [first, last] of numbers)
      t.ok(first > acknowledged && last >= first, 'numbers go on from the round before')
    const highest = Math.max(acknowledged, ...numbers.map(([, last]) => last))
    const journal = openSqliteJournal(path, decodeFact)
    t.ok(journal.lastSeq >= highest, `round ${round}: ${highest} acknowledged, ${journal.lastSeq} there`)
    checkWhole(t, journal)
    acknowledged = journal.lastSeq
    await journal.close()
  }
  t.ok(acknowledged > ROUNDS, 'facts were appended')
})

test('a second process on the same data is refused by name, and let in once the first was killed', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const child = startAppender(path, 'hold')
  await collect(child).opened
  t.throws(() => openSqliteJournal(path, decodeFact), {
    code: 'Locked',
    message: /Another Ringmaster runs on this data folder/,
  })
  child.kill('SIGKILL')
  await once(child, 'close')
  const journal = openSqliteJournal(path, decodeFact)
  t.same(await journal.append([reported(1)], 0), { first: 1, last: 1 })

  const refused = startAppender(path, 'hold')
  let stderr = ''
  refused.stderr?.on('data', (part) => {
    stderr += part
  })
  const [code] = await once(refused, 'close')
  t.not(code, 0)
  t.match(stderr, /Another Ringmaster runs on this data folder/)
  t.same(await journal.append([reported(2)], 0), { first: 2, last: 2 })
  await journal.close()
})

/** Every fact after the newest snapshot is there once, decisions before it too, and the snapshot is one that was saved whole. */
function checkWhole(t: Test, journal: EmbeddedJournal<Fact>): void {
  const snapshot = journal.latestSnapshot()
  if (snapshot !== undefined) t.equal(new Float64Array(snapshot.bytes.buffer)[0], snapshot.seq)
  t.same(journal.warnings, [])
  let next = journal.compactedThrough + 1
  for (const { seq, at, fact } of journal.read(journal.compactedThrough)) {
    if (seq !== next) t.equal(seq, next, 'no gap')
    if (fact.n < at) t.fail('the fact is the one that was appended')
    next = seq + 1
  }
  t.equal(next, journal.lastSeq + 1)
  const newest = journal.readKept({ types: ['Approved'], limit: 10_000, order: 'newest' }).map(({ seq }) => seq)
  t.equal(new Set(newest).size, newest.length, 'no decision twice')
  t.same(
    newest,
    newest.toSorted((a, b) => b - a),
  )
}

function startAppender(path: string, mode: 'append' | 'hold'): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'appender.ts'), path, mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function collect(child: ChildProcess) {
  let text = ''
  const opened = Promise.withResolvers<void>()
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (text.includes('open\n')) opened.resolve()
  })
  child.on('close', () => opened.reject(new Error('the process ended before it opened the journal')))
  const acknowledged = () =>
    [...text.matchAll(/^(\d+)-(\d+)\n/gm)].map(([, first, last]) => [Number(first), Number(last)] as const)
  return { opened: opened.promise, acknowledged }
}
