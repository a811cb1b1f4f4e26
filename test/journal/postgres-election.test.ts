// One leads, and another when it cannot: by an advisory lock of PostgreSQL.
import { type Test, test } from 'tap'
import { PostgresElection } from '../../controller/journal/postgres-election.ts'
import type { Leadership } from '../../controller/runtime/leadership.ts'
import { until } from '../serve/harness.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { postgresFor, sql, whyNoPostgres } from '../support/postgres.ts'

const SKIP = { skip: whyNoPostgres() ?? false, timeout: 120_000 }
const TIMES = { every: 50, lease: 1500 }

test('election', SKIP, async (t) => {
  const server = await postgresFor(t)

  t.test('one of three leads, and when it gives up another does; listeners hear of it', async (t) => {
    const told: string[] = []
    const all: Leadership[] = ['a', 'b', 'c'].map((name) => join(t, server.url('three'), name))
    for (const one of all) one.subscribe((leader) => told.push(`${one.identity} ${leader}`))
    const leaders = () => all.filter((one) => one.isLeader())
    await until(() => leaders().length === 1)
    const [first] = leaders()
    await first?.close()
    await until(() => leaders().length === 1 && leaders()[0] !== first)
    const [second] = leaders()
    t.same(told, [`${first?.identity} true`, `${first?.identity} false`, `${second?.identity} true`])
  })

  t.test('two schemas elect by themselves', async (t) => {
    const [one, two] = [join(t, server.url('one'), 'a'), join(t, server.url('two'), 'b')]
    await until(() => one.isLeader() && two.isLeader())
    t.ok(true, 'both lead')
  })

  t.test('whose connection is ended leads no more, and may lead again', async (t) => {
    const url = server.url('ended')
    const one = join(t, url, 'a')
    await until(() => one.isLeader())
    const lost = new Promise<void>((resolve) => one.subscribe((leader) => !leader && resolve()))
    await sql(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%ended election%'`,
    )
    await lost
    t.notOk(one.isLeader())
    await until(() => one.isLeader())
  })

  t.test('who cannot reach the database leads no more, says why once, and leaves it to others', async (t) => {
    const proxy = await cuttingProxy(t, server.port)
    const troubles: string[] = []
    const cut = join(t, server.url('cut', proxy.port), 'cut', troubles)
    await until(() => cut.isLeader())
    const other = join(t, server.url('cut'), 'other')
    proxy.block(true)
    await until(() => other.isLeader())
    t.notOk(cut.isLeader())
    await until(() => troubles.length > 0)
    proxy.block(false)
    await other.close()
    await until(() => cut.isLeader())
    t.equal(troubles.length, 1)
  })
})

function join(t: Test, url: string, identity: string, troubles: string[] = []): Leadership {
  const election = new PostgresElection(url, identity, { times: TIMES, onTrouble: (why) => troubles.push(why) })
  t.teardown(election.close)
  return election
}
