// What only the PostgreSQL engine can get wrong: several processes, lost connections, a server that is killed, terms.
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import type { Entry } from '../../controller/journal/journal.ts'
import { openPostgresJournal, type PostgresOptions } from '../../controller/journal/postgres-journal.ts'
import { parsePostgresUrl } from '../../controller/journal/postgres-url.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { postgresFor, sql, whyNoPostgres } from '../support/postgres.ts'
import { approved, decodeFact, type Fact, mixed, range, reported } from './facts.ts'

const SKIP = { skip: whyNoPostgres() ?? false, timeout: 240_000 }
const open = (url: string, options?: PostgresOptions) => openPostgresJournal<Fact>(url, decodeFact, options)
const bytesOf = (text: string) => new TextEncoder().encode(text)

test('PostgreSQL journal', SKIP, async (t) => {
  const server = await postgresFor(t)

  t.test(
    'four that append at once: one order without gaps, in which each finds its own where it was told',
    async (t) => {
      const url = server.url('appenders')
      const journals = await Promise.all([1, 2, 3, 4].map(() => open(url, { pollMs: 50 })))
      const told = new Map<number, number>()
      const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 4, maxLength: 24 })
      await fc.assert(
        fc.asyncProperty(sizes, async (all) => {
          const seen: number[] = []
          // A reader in between never sees a number whose predecessors are not there.
          const reading = (async () => {
            const [reader] = journals
            for (let i = 0; i < 5; i++) {
              await reader?.head()
              const entries = await Array.fromAsync(reader?.read(0) ?? [])
              if (entries.some(({ seq }, at) => seq !== at + 1)) t.fail('there was a gap')
              seen.push(entries.length)
            }
          })()
          await Promise.all(
            all.map(async (size, i) => {
              const n = Math.floor(Math.random() * 2 ** 40)
              const { first, last } = (await journals[i % 4]?.append(Array(size).fill(reported(n)), i)) ?? {}
              t.equal((last ?? 0) - (first ?? 0) + 1, size)
              for (const seq of range(first ?? 0, last ?? 0)) {
                if (told.has(seq)) t.fail(`${seq} was given twice`)
                told.set(seq, n)
              }
            }),
          )
          await reading
          t.same(
            seen,
            seen.toSorted((a, b) => a - b),
            'what was seen stays',
          )
        }),
        { seed: 7, numRuns: 12 },
      )
      for (const journal of journals) {
        t.equal(await journal.head(), told.size)
        const entries = await Array.fromAsync(journal.read(0))
        t.same(
          entries.map(({ seq, fact }) => [seq, fact.n]),
          [...told].sort(([a], [b]) => a - b),
        )
        await journal.close()
      }
    },
  )

  t.test('a connection cut at any byte of an append: it is there once, whatever became of the commit', async (t) => {
    const proxy = await cuttingProxy(t, server.port)
    const journal = await open(server.url('cut', proxy.port), { pollMs: 60_000 })
    await journal.append([reported(0)], 0)
    let expected = 1
    for (const from of ['client', 'server'] as const)
      for (let bytes = 1; bytes < 700; bytes += from === 'client' ? 43 : 17) {
        proxy.cutAfter(bytes, from)
        const size = 1 + (bytes % 3)
        const appended = await journal.append(mixed(expected, size), bytes)
        t.same(appended, { first: expected + 1, last: expected + size })
        expected += size
      }
    t.ok(proxy.cuts() > 10, `${proxy.cuts()} connections were cut`)
    t.same(
      (await Array.fromAsync(journal.read(0))).map(({ fact }) => fact.n),
      range(0, expected - 1),
    )
    await journal.close()
  })

  t.test(
    'a connection cut at any byte of a decision: it is there once, and directly after what it was made on',
    async (t) => {
      const proxy = await cuttingProxy(t, server.port)
      const url = server.url('cut_next')
      const journal = await open(server.url('cut_next', proxy.port), { pollMs: 60_000 })
      const other = await open(url)
      const { term } = await journal.lead('one')
      let folded = 0
      const fold = (entries: readonly Entry<Fact>[]) => {
        for (const { seq } of entries) {
          t.equal(seq, folded + 1)
          folded = seq
        }
      }
      for (const from of ['client', 'server'] as const)
        for (let bytes = 1; bytes < 900; bytes += from === 'client' ? 61 : 23) {
          proxy.cutAfter(bytes, from)
          const foreign = other.append([reported(bytes)], 0)
          const next = await journal.appendNext(term, {
            foldedSeq: () => folded,
            fold,
            make: () => ({ facts: [approved(folded)], at: 1 }),
          })
          t.same(next.facts, [approved(next.first - 1)], 'it follows what it was made on')
          t.equal(next.first, folded + 1)
          folded = next.last
          await foreign
        }
      t.ok(proxy.cuts() > 10, `${proxy.cuts()} connections were cut`)
      const decisions = (await Array.fromAsync(journal.read(0))).filter(({ fact }) => fact.type === 'Approved')
      t.ok(decisions.every(({ seq, fact }) => fact.n === seq - 1))
      t.equal(new Set(decisions.map(({ fact }) => fact.n)).size, decisions.length)
      await journal.close()
      await other.close()
    },
  )

  t.test('a later term ends the earlier one within the transaction that would append', async (t) => {
    const url = server.url('terms')
    const [old, young] = [await open(url), await open(url)]
    const next = (n: number) => ({ foldedSeq: () => 0, fold: () => {}, make: () => ({ facts: [approved(n)], at: 0 }) })
    const first = await old.lead('old')
    t.same(await old.appendNext(first.term, next(1)), { facts: [approved(1)], at: 0, first: 1, last: 1 })
    const second = await young.lead('young')
    t.same(second, { term: first.term + 1, head: 1 })
    await t.rejects(old.appendNext(first.term, next(2)), { code: 'Fenced', message: /young leads now/ })
    t.same(await old.append([reported(3)], 0), { first: 2, last: 2 }, 'facts from outside are anybody’s')
    t.equal((await young.appendNext(second.term, next(4))).first, 3)
    await t.rejects(
      young.appendNext(second.term, {
        ...next(5),
        make: () => {
          throw new Error('no idea')
        },
      }),
      { message: 'no idea' },
    )
    t.equal(await young.head(), 3, 'nothing is appended when nothing could be made')
    await Promise.all([old.close(), young.close()])
  })

  t.test('others hear of an append at once, and at the next poll when the database does not tell', async (t) => {
    const url = server.url('heard')
    const [quiet, writer] = [await open(url, { pollMs: 60_000 }), await open(url)]
    await delay(200)
    const heard = new Promise<void>((resolve) => quiet.subscribe(() => quiet.lastSeq === 1 && resolve()))
    await writer.append([reported(1)], 0)
    await heard
    const polling = await open(url, { pollMs: 50 })
    await sql(url, 'UPDATE heard.head SET last = last')
    const polled = new Promise<void>((resolve) => polling.subscribe(() => polling.lastSeq === 2 && resolve()))
    await writer.append([reported(2)], 0)
    await polled
    t.equal(polling.lastSeq, 2)
    await Promise.all([quiet.close(), writer.close(), polling.close()])
  })

  t.test('while the database is away appends wait, then are refused at once, and go on when it is back', async (t) => {
    const proxy = await cuttingProxy(t, server.port)
    const times = { patience: 300 }
    const journal = await open(server.url('away', proxy.port), {
      times,
      limits: { facts: 10, bytes: 10_000 },
      pollMs: 50,
    })
    await journal.append([reported(1)], 0)
    proxy.block(true)
    const first = t.rejects(journal.append([reported(2)], 0), { code: 'Unavailable' })
    await delay(20)
    const second = t.rejects(journal.append(mixed(1, 10), 0), { code: 'Unavailable' })
    await t.rejects(journal.append([reported(2)], 0), { code: 'Busy' }, 'what waits is bounded')
    await Promise.all([first, second])
    await t.rejects(async () => Array.fromAsync(journal.read(0)), { code: 'Unavailable' })
    proxy.block(false)
    t.same(await journal.append([reported(3)], 0), { first: 2, last: 2 })
    await journal.close()
  })

  t.test('a server that is killed and comes back has all that was acknowledged', async (t) => {
    const url = server.url('killed')
    const journal = await open(url, { pollMs: 50 })
    const told: number[] = []
    let stopped = false
    const appending = [1, 20, 300].map(async (size) => {
      for (let n = size * 1_000_000; !stopped; n++) {
        const { first } = await journal.append(Array(size).fill(reported(n)), 0)
        told[first] = n
      }
    })
    for (let round = 0; round < 3; round++) {
      await delay(150)
      await server.crash()
      await server.start()
    }
    stopped = true
    await Promise.all(appending)
    const entries = await Array.fromAsync(journal.read(0))
    t.same(
      entries.map(({ seq }) => seq),
      range(1, entries.length),
    )
    for (const [first, n] of told.entries()) if (n !== undefined) t.equal(entries[first - 1]?.fact.n, n)
    await journal.close()
  })

  t.test('an older database put in its place is noticed', async (t) => {
    const url = server.url('older')
    const journal = await open(url, { pollMs: 30 })
    await journal.append(mixed(1, 5), 0)
    await delay(200)
    await sql(url, 'UPDATE older.head SET last = 3; DELETE FROM older.chunk')
    let code = ''
    while (code !== 'Broken') {
      await delay(20)
      code = await journal.append([reported(1)], 0).then(
        () => '',
        (error) => error.code,
      )
    }
    await t.rejects(async () => journal.read(0), { code: 'Broken', message: /an older one was put in its place/ })
    await journal.close()
  })

  t.test('a damaged fact is reported with its place, and a missing one, too', async (t) => {
    const url = server.url('damaged')
    const journal = await open(url)
    for (let i = 0; i < 4; i++) await journal.append(mixed(1, 10), 0)
    await sql(url, `UPDATE damaged.chunk SET body = replace(body, '"n":3', '"n":4') WHERE first = 21`)
    await t.rejects(async () => Array.fromAsync(journal.read(0)), {
      code: 'Corrupt',
      message: /facts 21 to 30 are damaged: their checksum is wrong/,
    })
    await sql(url, 'DELETE FROM damaged.chunk WHERE first = 11')
    await t.rejects(async () => Array.fromAsync(journal.read(0)), { code: 'Corrupt', message: /Fact 11 is missing/ })
    await journal.close()
  })

  t.test('several Ringmasters in one database do not see each other', async (t) => {
    const [one, two] = [await open(server.url('one')), await open(server.url('two'))]
    await one.append([reported(1)], 0)
    await one.saveSnapshot(1, [bytesOf('one')])
    t.same(await two.append([reported(2)], 0), { first: 1, last: 1 })
    t.equal((await two.latestSnapshot())?.seq, undefined)
    t.ok((await one.lead('a')).term === 1 && (await two.lead('b')).term === 1)
    await Promise.all([one.close(), two.close()])
  })

  t.test('a snapshot of many parts comes back whole', async (t) => {
    const journal = await open(server.url('large'))
    const bytes = new Uint8Array(11_000_000).map((_, i) => (i * 2654435761) >>> 13)
    await journal.append([reported(1)], 0)
    const parts = Array.from({ length: 11 }, (_, i) => bytes.subarray(i * 1_000_000, (i + 1) * 1_000_000))
    await journal.saveSnapshot(1, parts)
    const back = await journal.latestSnapshot()
    t.ok(back !== undefined && Buffer.from(back.bytes).equals(bytes))
    await sql(server.url('large'), 'DELETE FROM large.snapshot_part WHERE part = 2')
    t.ok((await journal.latestSnapshot()) === undefined)
    await journal.close()
  })

  t.test('parts go to the database as they come, and none are held', async (t) => {
    const url = server.url('parts')
    const journal = await open(url)
    await journal.append([reported(1)], 0)
    const written: number[] = []
    await journal.saveSnapshot(
      1,
      (async function* () {
        for (let part = 0; part < 3; part++) {
          yield bytesOf(`part ${part}`)
          // A row that is not committed yet has a place in the table all the same.
          const [table] = await sql<{ size: string }>(url, "SELECT pg_relation_size('parts.snapshot_part') AS size")
          written.push(Number(table?.size ?? 0))
        }
      })(),
    )
    t.ok(written.length === 3 && written.every((size) => size > 0), `${written} bytes after each part`)
    const back = await journal.latestSnapshot()
    t.equal(new TextDecoder().decode(back?.bytes), 'part 0part 1part 2')
    await journal.close()
  })

  t.test('a snapshot that is broken off leaves the one before, and the next one is saved', async (t) => {
    const url = server.url('broken_off')
    const journal = await open(url)
    await journal.append([reported(1), reported(2)], 0)
    await journal.saveSnapshot(1, [bytesOf('one')])
    const breakingOff = (how: () => unknown) =>
      (async function* () {
        yield bytesOf('tw')
        await how()
        yield bytesOf('o')
      })()
    const lost = () =>
      sql(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ringmaster broken_off snapshots'",
      )
    const failing = () => {
      throw new TypeError('this part cannot be made')
    }
    const kept = async () => {
      const rows = await sql(url, 'SELECT seq, part FROM broken_off.snapshot_part ORDER BY 1, 2')
      t.same(rows, [{ seq: '1', part: 0 }])
      t.equal((await journal.latestSnapshot())?.seq, 1)
    }
    await t.rejects(journal.saveSnapshot(2, breakingOff(lost)), { code: 'Unsaved' })
    await kept()
    await t.rejects(journal.saveSnapshot(2, breakingOff(failing)), /this part cannot be made/)
    await kept()
    await journal.saveSnapshot(
      2,
      breakingOff(() => {}),
    )
    t.equal(new TextDecoder().decode((await journal.latestSnapshot())?.bytes), 'two')
    await journal.close()
  })

  t.test('what is no journal, or a newer one, is refused and left as it is', async (t) => {
    const foreign = server.url('foreign')
    await sql(foreign, 'CREATE SCHEMA "foreign"; CREATE TABLE "foreign".t (n int)')
    await t.rejects(open(foreign), { code: 'NotAJournal', message: /tables of another program \(t\)/ })
    const newer = server.url('newer')
    await (await open(newer)).close()
    await sql(newer, 'UPDATE newer.ringmaster_journal SET format = 99')
    await t.rejects(open(newer), { code: 'NewerVersion', message: /format 99/ })
    await t.rejects(open('postgres://ringmaster@127.0.0.1:1/postgres'), { code: 'Unavailable' })
    const absent = server.url('a').replace('/postgres?', '/absent?')
    await t.rejects(open(absent), { code: 'Invalid', message: /"absent" does not exist/ })
  })

  t.test('commits are on the disk whatever the database has been set to', async (t) => {
    const url = server.url('sync')
    await sql(url, 'ALTER DATABASE postgres SET synchronous_commit = off')
    const journal = await open(url)
    await journal.append([reported(1)], 0)
    const before = await sql<{ n: string }>(url, 'SELECT pg_current_wal_flush_lsn()::text AS n')
    const { first } = await journal.append([reported(2)], 0)
    const after = await sql<{ ahead: boolean }>(url, 'SELECT pg_current_wal_flush_lsn() > $1::pg_lsn AS ahead', [
      before[0]?.n,
    ])
    t.equal(first, 2)
    t.same(after, [{ ahead: true }], 'the log was flushed when the append was acknowledged')
    await journal.close()
    await sql(url, 'ALTER DATABASE postgres RESET synchronous_commit')
  })
})

test('a URL says where, and its password is never shown', async (t) => {
  const target = parsePostgresUrl('postgres://me:s3cret@db.example.com:6432/fleet?schema=north&sslmode=verify-full')
  t.same([target.schema, target.shown], ['north', 'PostgreSQL db.example.com:6432/fleet, schema north'])
  t.notMatch(target.url, /schema/)
  t.match(target.url, /sslmode=verify-full/)
  t.equal(
    parsePostgresUrl('postgresql:///fleet?host=/run/postgresql').shown,
    'PostgreSQL /run/postgresql/fleet, schema ringmaster',
  )
  for (const wrong of [
    'mysql://me:s3cret@host/db',
    'postgres://me:s3cret@ho st/db',
    'postgres://me:s3cret@h/d?schema=A"b',
  ])
    try {
      parsePostgresUrl(wrong)
      t.fail(`${wrong} was taken`)
    } catch (error) {
      t.match(error, { code: 'Invalid' })
      t.notMatch(String(error), /s3cret/)
    }
})
