// Replicas of one journal as tests see them: devices that report to all of them, and what the journal is held to in the end.
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { openPostgresJournal } from '../../controller/journal/postgres-journal.ts'
import { type Decision, type Fact, isDecision } from '../../controller/model/facts.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import type { State } from '../../controller/state/state.ts'
import { checkReplay } from '../support/replay.ts'
import { fieldOf, get, post, report, until } from './harness.ts'

/** What a replica says of its part; nothing when it does not answer. */
export async function roleOf(url: string): Promise<string> {
  const answer = await get(url, '/readyz').catch(() => undefined)
  const checks = fieldOf(answer?.body, 'checks')
  const found = Array.isArray(checks) ? checks.find((check) => fieldOf(check, 'name') === 'replica') : undefined
  return String(fieldOf(found, 'message'))
}

export type Devices = {
  readonly acknowledged: ReadonlyMap<string, number>
  readonly refused: string[]
  readonly stop: () => Promise<void>
}

export type DevicesOptions = {
  readonly count: number
  readonly enrolmentKey: string
  /** Replicas to report to, at the moment. */
  readonly urls: () => readonly string[]
  readonly scanOf: (device: string, sequence: number) => Record<string, unknown>
  /** Of each device, between an answer and its next report. Default: none. */
  readonly pauseMs?: number
}

/** Each reports to one replica after the other; a report that is not answered is sent to the next. Resolves when all have reported. */
export async function startDevices(options: DevicesOptions): Promise<Devices> {
  const { count, enrolmentKey, urls, scanOf, pauseMs = 0 } = options
  const acknowledged = new Map<string, number>()
  const refused: string[] = []
  let stopped = false
  const live = async (device: string, i: number) => {
    let turn = i
    const ask = async (path: string, body: unknown, headers = {}) => {
      for (;;) {
        const replicas = urls()
        const url = replicas[turn++ % replicas.length] ?? ''
        const answer = await post(url, path, body, headers).catch(() => undefined)
        if (answer !== undefined && answer.status < 500) return answer
        if (stopped) return undefined
        await delay(5 + pauseMs)
      }
    }
    const enrolment = await ask('/v1/enrol', { device, key: enrolmentKey, attributes: {} })
    const headers = { authorization: `Bearer ${fieldOf(enrolment?.body, 'token')}` }
    for (let sequence = 1; !stopped; sequence++) {
      const reports = [report(sequence, { scan: scanOf(device, sequence) })]
      const answer = await ask('/v1/reports', { reports }, headers)
      if (answer?.status === 200) acknowledged.set(device, Number(fieldOf(answer.body, 'lastSequence')))
      else if (answer !== undefined) refused.push(`${device}: ${answer.status} ${JSON.stringify(answer.body)}`)
      if (pauseMs > 0) await delay(pauseMs)
    }
  }
  const lives = Array.from({ length: count }, (_, i) => live(`d${i}`, i))
  const stop = async () => {
    stopped = true
    await Promise.all(lives)
  }
  await until(() => acknowledged.size === count)
  return { acknowledged, refused, stop }
}

/** Replays the journal, once all replicas have ended: every acknowledged report is there, and no decision was made twice. */
export async function checkJournal(t: Test, url: string, { refused, acknowledged }: Devices): Promise<State> {
  t.same(refused, [])
  const journal = await openPostgresJournal<Fact>(url, decodeFact)
  const entries = await Array.fromAsync(journal.read(0))
  await journal.close()
  const state = checkReplay(t, entries)
  const { fleet } = state
  for (const [device, sequence] of acknowledged)
    t.ok((fleet.sequence[fleet.rowOf.get(device) ?? -1] ?? 0) >= sequence, `${device}: ${sequence} was acknowledged`)
  const decisions = entries.map(({ fact }) => fact).filter(isDecision)
  const keys = keysOf(decisions.filter(({ type }) => !type.startsWith('Threshold')))
  t.same(
    keys.filter((key, i) => keys.indexOf(key) !== i),
    [],
    'no decision was made twice',
  )
  t.ok(
    decisions.some(({ type }) => type === 'PhaseStarted'),
    'there was something to decide',
  )
  return state
}

/** What decisions were about. What a rollout that is resumed approves again is another matter than what it approved before. */
function keysOf(decisions: readonly Decision[]): string[] {
  const resumed = new Map<unknown, number>()
  return decisions.map((decision) => {
    const about = ['rule', 'rollout', 'phase', 'scheduled', 'targets', 'withdrawn'].map((key) => fieldOf(decision, key))
    if (decision.type === 'RolloutPaused') return JSON.stringify([decision.type, ...about])
    if (decision.type !== 'RolloutResumed')
      return JSON.stringify([decision.type, ...about, resumed.get(fieldOf(decision, 'rollout'))])
    resumed.set(decision.rollout, (resumed.get(decision.rollout) ?? 0) + 1)
    return JSON.stringify([decision.type, ...about])
  })
}
