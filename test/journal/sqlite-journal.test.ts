// What is special to the journal in a file: a full disk, and files that are damaged, foreign or newer.
import fs, { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { decodeFact, type Fact, mixed, range, reported } from './facts.ts'

const noise = (n: number): Fact => ({ type: 'Reported', n, text: 'x'.repeat(10_000) })

test('a full disk refuses the whole batch, keeps what was there, and is over when there is room', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(mixed(1, 100), 0)
  journal.limitPages(12)
  const batch = [journal.append([reported(101)], 0), journal.append(range(102, 201).map(noise), 0)]
  for (const append of batch) await t.rejects(append, { code: 'DiskFull', message: /disk is full/ })
  t.equal(journal.lastSeq, 100)
  t.same([...journal.read(99)], [{ seq: 100, at: 0, fact: { type: 'Approved', n: 100 } }])
  t.same(await journal.append([reported(101)], 0), { first: 101, last: 101 }, 'a small fact still fits')
  journal.limitPages(100_000)
  t.same(await journal.append(range(102, 201).map(noise), 0), { first: 102, last: 201 })
  await journal.close()
  const again = openSqliteJournal(path, decodeFact)
  t.same(
    [...again.read(0)].map(({ fact }) => fact.n),
    range(1, 201),
  )
  await again.close()
})

test('an append is acknowledged when the log has been synced, not when it was written, and nobody waits meanwhile', async (t) => {
  const journal = openSqliteJournal(join(t.testdir({}), 'journal.db'), decodeFact)
  const syncs = holdSyncs(t)
  let acknowledged = 0
  const appends = [1, 2].map((n) => journal.append([reported(n)], 0).then(() => acknowledged++))
  await nextTurn()
  t.equal(syncs.length, 1, 'what is appended in one turn is synced at once')
  appends.push(journal.append([reported(3)], 0).then(() => acknowledged++))
  for (let i = 0; i < 5; i++) await nextTurn()
  t.same([syncs.length, acknowledged, journal.lastSeq], [1, 0, 0], 'the next one waits for its turn')
  t.same([...journal.read(0)], [], 'what may be lost yet is not read')
  syncs.shift()?.(null)
  await Promise.all(appends.slice(0, 2))
  t.same([acknowledged, journal.lastSeq], [2, 2])
  while (syncs.length === 0) await nextTurn()
  syncs.shift()?.(null)
  await Promise.all(appends)
  t.equal(journal.lastSeq, 3)
  await journal.close()
})

test('where the log cannot be synced nothing more is taken, and opening anew shows what was kept', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append([reported(1)], 0)
  const syncs = holdSyncs(t)
  const failing = t.rejects(journal.append([reported(2)], 0), { code: 'Broken', message: /no medium/ })
  await nextTurn()
  const waiting = t.rejects(journal.append([reported(3)], 0), { code: 'Broken' })
  await nextTurn()
  syncs.shift()?.(new Error('no medium'))
  await failing
  await waiting
  await t.rejects(journal.append([reported(4)], 0), { code: 'Broken' })
  t.equal(journal.lastSeq, 1)
  await journal.close()
  const again = openSqliteJournal(path, decodeFact)
  t.same(
    [...again.read(0)].map(({ fact }) => fact.n),
    [1, 2],
  )
  await again.close()
})

test('compaction works on a full disk, and makes room', async (t) => {
  const journal = openSqliteJournal(join(t.testdir({}), 'journal.db'), decodeFact)
  await journal.append(range(1, 100).map(noise), 0)
  journal.limitPages(1)
  await t.rejects(journal.append(range(101, 120).map(noise), 0), { code: 'DiskFull' })
  await journal.saveSnapshot(100, [new Uint8Array([1])])
  t.same(await journal.compact(100, () => false), { through: 100, deleted: 100, kept: 0 })
  t.same(await journal.append(range(101, 120).map(noise), 0), { first: 101, last: 120 })
  await journal.close()
})

test('a file that is no database is refused and left as it is', async (t) => {
  const path = join(t.testdir({ 'journal.db': 'no database\n'.repeat(1000) }), 'journal.db')
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'Corrupt', message: /nothing was changed/ })
  t.equal(readFileSync(path, 'utf8'), 'no database\n'.repeat(1000))
})

test('a database of another program is refused and left as it is', async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'journal.db')
  const other = new DatabaseSync(path)
  other.exec('CREATE TABLE chunk (first)')
  other.close()
  const before = readFileSync(path)
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'NotAJournal' })
  t.same(readFileSync(path), before)
  t.same(readdirSync(folder), ['journal.db'])
})

test('a journal of a newer Ringmaster is refused', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  await openSqliteJournal(path, decodeFact).close()
  const newer = new DatabaseSync(path)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'NewerVersion', message: /format 99, this one reads 1/ })
})

test('a folder that does not exist is named', async (t) => {
  const path = join(t.testdir({}), 'absent', 'journal.db')
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'Invalid', message: /absent/ })
})

test('a journal that was emptied is not begun anew while what belongs to it is there', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(mixed(1, 100), 0)
  await journal.saveSnapshot(100, [new Uint8Array([1])])
  await journal.close()
  truncateSync(path)
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'Corrupt', message: /empty or gone/ })
  rmSync(path)
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'Corrupt', message: /empty or gone/ })
  t.notOk(existsSync(path))
})

test('damage inside the file is found when the facts are read', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(range(1, 50).map(noise), 0)
  await journal.close()
  const bytes = readFileSync(path)
  const at = bytes.indexOf('xxxxxxxx', bytes.length >> 1)
  bytes[at] = 'y'.charCodeAt(0)
  writeFileSync(path, bytes)
  const damaged = openSqliteJournal(path, decodeFact)
  t.throws(() => [...damaged.read(0)], { code: 'Corrupt', message: /checksum is wrong/ })
  await damaged.close()
  truncateSync(path, bytes.length >> 1)
  t.throws(() => [...openSqliteJournal(path, decodeFact).read(0)], { code: 'Corrupt' })
})

test('a fact that cannot be understood is named by its number', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(mixed(1, 3), 0)
  await journal.close()
  const stricter = openSqliteJournal(path, (json) => {
    const fact = decodeFact(json)
    if (fact.n === 2) throw new Error('two is not known here')
    return fact
  })
  t.throws(() => [...stricter.read(0)], { code: 'Corrupt', message: /Fact 2 \(Reported\).*two is not known/ })
  await stricter.close()
})

test('an older journal put back from a backup does not take a newer snapshot for its own', async (t) => {
  const path = join(t.testdir({}), 'journal.db')
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(mixed(1, 10), 0)
  await journal.saveSnapshot(5, [new Uint8Array([5])])
  await journal.close()
  copyFileSync(path, `${path}.backup`)
  const later = openSqliteJournal(path, decodeFact)
  await later.append(mixed(11, 10), 0)
  await later.saveSnapshot(15, [new Uint8Array([15])])
  await later.close()
  copyFileSync(`${path}.backup`, path)
  const restored = openSqliteJournal(path, decodeFact)
  await restored.append(mixed(11, 10), 0)
  t.equal(restored.latestSnapshot()?.seq, 5)
  await restored.close()
})

test('only the files of the newest two snapshots stay, and unfinished ones are cleared away', async (t) => {
  const folder = t.testdir({ 'journal.db.snapshot-3-00000000.tmp': 'half' })
  const path = join(folder, 'journal.db')
  t.throws(() => openSqliteJournal(path, decodeFact), { code: 'Corrupt' }, 'not even these are taken for nothing')
  rmSync(join(folder, 'journal.db.snapshot-3-00000000.tmp'))
  const journal = openSqliteJournal(path, decodeFact)
  await journal.append(mixed(1, 10), 0)
  for (const seq of [2, 4, 6]) await journal.saveSnapshot(seq, [new Uint8Array([seq])])
  await journal.close()
  writeFileSync(join(folder, 'journal.db.snapshot-8-00000000.tmp'), 'half')
  await openSqliteJournal(path, decodeFact).close()
  const files = readdirSync(folder).toSorted()
  t.match(files, ['journal.db', /snapshot-4-[0-9a-f]{8}$/, /snapshot-6-[0-9a-f]{8}$/])
  t.equal(files.length, 3)
})

/** From now on, syncs end when the test says so. */
function holdSyncs(t: Test): fs.NoParamCallback[] {
  const held: fs.NoParamCallback[] = []
  mock.method(fs, 'fdatasync', (_file: number, done: fs.NoParamCallback) => held.push(done))
  syncBuiltinESMExports()
  t.teardown(() => {
    mock.restoreAll()
    syncBuiltinESMExports()
  })
  return held
}
