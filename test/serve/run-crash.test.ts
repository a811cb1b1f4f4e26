// The real process, killed in the middle of its work: what it acknowledged is there, and it goes on where it was.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { type Decision, type Fact, isDecision } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { digestOf, fieldOf, foldOf, get, post, report, until } from './harness.ts'
import { oneUpdate, rolloutOfIt } from './one-update.ts'
import { type Running, startProcess } from './process.ts'

const ROUNDS = 4
const DEVICES = 8

test('a controller killed in the middle of reports has all that it acknowledged, and decides nothing twice', async (t) => {
  const folder = t.testdir({ declared: oneUpdate(), data: {} })
  const data = join(folder, 'data')
  const acknowledged = new Map<string, number>()
  const tokens = new Map<string, string>()
  for (let round = 0; round < ROUNDS; round++) {
    const running = await startProcess(t, join(folder, 'declared'), data)
    await enrolAll(running, tokens)
    for (const [device, sequence] of acknowledged) {
      const answer = await post(running.url, '/v1/reports', { reports: [report(1)] }, headersOf(tokens, device))
      t.ok(Number(fieldOf(answer.body, 'lastSequence')) >= sequence, `${device}: ${sequence} was acknowledged`)
    }
    writeFileSync(join(folder, 'declared', `rollout-${round}.yaml`), rolloutOfIt(`r${round}`))
    const senders = [...tokens.keys()].map((device) => sendUntilKilled(running.url, device, tokens, acknowledged))
    await delay(200 + (stableHash(`round ${round}`) % 250))
    running.child.kill('SIGKILL')
    t.same(await running.ended, [null, 'SIGKILL'])
    await Promise.all(senders)
  }
  t.ok([...acknowledged.values()].every((sequence) => sequence > 0))

  // What was not decided yet at the kill is decided at the opening.
  const journal = openSqliteJournal<Fact>(join(data, 'journal.db'), decodeFact)
  const controller = await Controller.open({ journal, clock: systemClock })
  t.teardown(() => controller.close())
  t.equal(digestOf(foldOf(journal)), digestOf(controller.state), 'a fresh fold gives the same state')
  for (const [device, sequence] of acknowledged)
    t.ok((controller.state.fleet.sequence[controller.state.fleet.rowOf.get(device) ?? -1] ?? 0) >= sequence)

  const decisions = [...journal.read(0)].map(({ fact }) => fact).filter(isDecision)
  t.ok(
    decisions.some(({ type }) => type === 'PhaseStarted'),
    'there was something to decide',
  )
  const keys = decisions.filter(({ type }) => type !== 'ThresholdMet' && type !== 'ThresholdLost').map(keyOf)
  t.same(
    keys.filter((key, i) => keys.indexOf(key) !== i),
    [],
    'no decision was made twice',
  )
})

test('an orderly end saves a snapshot, from which the next start goes on', async (t) => {
  const folder = t.testdir({ declared: oneUpdate(), data: {} })
  const data = join(folder, 'data')
  const running = await startProcess(t, join(folder, 'declared'), data)
  const tokens = new Map<string, string>()
  await enrolAll(running, tokens)
  await until(async () => (await get(running.url, '/readyz')).status === 200)
  running.child.kill('SIGTERM')
  t.same(await running.ended, [0, null])
  const journal = openSqliteJournal<Fact>(join(data, 'journal.db'), decodeFact)
  t.equal(journal.latestSnapshot()?.seq, journal.lastSeq, 'an orderly end saves a snapshot')
  const controller = await Controller.open({ journal, clock: systemClock })
  t.equal(controller.state.fleet.ids.length, DEVICES)
  await controller.close()
})

async function enrolAll({ url, key }: Running, tokens: Map<string, string>): Promise<void> {
  for (let i = 0; i < DEVICES; i++) {
    const device = `d${i}`
    if (tokens.has(device)) continue
    const answer = await post(url, '/v1/enrol', { device, key, attributes: { ring: 'all' } })
    tokens.set(device, String(fieldOf(answer.body, 'token')))
  }
}

function headersOf(tokens: ReadonlyMap<string, string>, device: string): { authorization: string } {
  return { authorization: `Bearer ${tokens.get(device)}` }
}

async function sendUntilKilled(
  url: string,
  device: string,
  tokens: ReadonlyMap<string, string>,
  acknowledged: Map<string, number>,
): Promise<void> {
  for (let sequence = (acknowledged.get(device) ?? 0) + 1; ; sequence++) {
    const scan = sequence % 2 === 0 ? { installed: ['u1'] } : { required: ['u1'] }
    const answer = await post(
      url,
      '/v1/reports',
      { reports: [report(sequence, { scan })] },
      headersOf(tokens, device),
    ).catch(() => undefined)
    if (answer === undefined) return
    if (answer.status === 200) acknowledged.set(device, sequence)
  }
}

/** What a decision was about. Thresholds are met and lost again as devices say one thing and another. */
function keyOf(decision: Decision): string {
  const about = ['rule', 'rollout', 'phase', 'scheduled', 'targets', 'withdrawn'].map((key) => fieldOf(decision, key))
  return JSON.stringify([decision.type, ...about])
}
