// The real process under everything at once (enrolments, reports, edits, commands), and what has to be so after it was killed:
// what it acknowledged is there, nothing was decided twice, and every way of folding the journal ends in the same state.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { ADMIN_TOKEN_FILE } from '../../controller/cli/data-folder.ts'
import type { Entry } from '../../controller/journal/journal.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { type Decision, type Fact, isDecision } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import type { Controller } from '../../controller/runtime/controller.ts'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import { apply } from '../../controller/state/apply.ts'
import { decodeState, encodeState, newState, type State } from '../../controller/state/state.ts'
import { digestOf, entriesOf, fieldOf, get, post, report, until } from './harness.ts'
import { oneUpdate, rolloutOfIt } from './one-update.ts'
import { type Running, startProcess } from './process.ts'
import { SNAPSHOT_EVERY } from './run-and-copy.ts'

export const ROUNDS = 6
const DEVICES = 6
const BROKEN = 'kind: ['

/** What was acknowledged, by what it is recognised by. */
export type World = {
  readonly seed: string
  readonly folder: string
  readonly data: string
  /** The newest token of each device that was given one. */
  readonly tokens: Map<string, string>
  readonly sequences: Map<string, number>
  readonly commands: Set<string>
  sent: number
  edits: number
}

export function newWorld(t: Test, seed: string): World {
  const folder = t.testdir({ declared: files(), data: {} })
  const data = join(folder, 'data')
  const none = { tokens: new Map(), sequences: new Map(), commands: new Set<string>(), sent: 0, edits: 0 }
  return { seed, folder: join(folder, 'declared'), data, ...none }
}

export async function playRound(t: Test, world: World, round: number, script?: string): Promise<void> {
  const running = await startProcess(t, world.folder, world.data, script)
  const admin = readFileSync(join(world.data, ADMIN_TOKEN_FILE), 'utf8').trim()
  const actors = [
    ...Array.from({ length: DEVICES }, (_, i) => sendReports(running, world, `d${i}`)),
    enrolOthers(running, world, round),
    giveCommands(running, world, admin),
    edit(running, world),
  ]
  // The copy keeps up with compaction once there are two snapshots: it ends no earlier than the older of them.
  if (script !== undefined && round === 0) await until(() => reportsOf(world) > 5 * SNAPSHOT_EVERY)
  await delay(stableHash(`${world.seed} ${round}`) % 700)
  running.child.kill('SIGKILL')
  t.same(await running.ended, [null, 'SIGKILL'])
  await Promise.all(actors)
}

function reportsOf({ sequences }: World): number {
  return [...sequences.values()].reduce((sum, sequence) => sum + sequence, 0)
}

/** Undefined once the process is gone. */
async function ask(running: Running, path: string, body: unknown, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return post(running.url, path, body, headers).catch(() => undefined)
}

async function sendReports(running: Running, world: World, device: string): Promise<void> {
  if (!world.tokens.has(device)) await enrol(running, world, device)
  for (let sequence = (world.sequences.get(device) ?? 0) + 1; ; sequence++) {
    const token = world.tokens.get(device)
    if (token === undefined) return
    const scan = sequence % 2 === 0 ? { installed: ['u1'] } : { required: ['u1'] }
    const attributes = { ring: 'all', build: String(sequence) }
    const answer = await ask(running, '/v1/reports', { reports: [report(sequence, { scan, attributes })] }, token)
    if (answer === undefined) return
    if (answer.status === 200) world.sequences.set(device, Number(fieldOf(answer.body, 'lastSequence')))
  }
}

async function enrol(running: Running, world: World, device: string): Promise<boolean> {
  const answer = await ask(running, '/v1/enrol', { device, key: running.key, attributes: { ring: 'all' } })
  if (answer?.status === 201) world.tokens.set(device, String(fieldOf(answer.body, 'token')))
  return answer !== undefined
}

async function enrolOthers(running: Running, world: World, round: number): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if (!(await enrol(running, world, `late-${round}-${i}`))) return
    await delay(5)
  }
}

async function giveCommands(running: Running, world: World, admin: string): Promise<void> {
  for (;;) {
    const by = `person-${world.sent++}`
    const command = ['pause', 'resume', 'evaluate', 'key'][world.sent % 4]
    const path =
      command === 'key'
        ? '/v1/enrolment-keys'
        : command === 'evaluate'
          ? '/v1/rules/all/evaluate'
          : `/v1/rollouts/r0/${command}`
    const answer = await ask(running, path, { by }, admin)
    if (answer === undefined) return
    if (answer.status === 201 || fieldOf(answer.body, 'done') === 'Done') world.commands.add(by)
    await delay(10)
  }
}

async function edit(running: Running, world: World): Promise<void> {
  for (;;) {
    if (running.child.signalCode !== null || running.child.exitCode !== null) return
    const number = world.edits++
    if (number % 7 === 6) rmSync(join(world.folder, `rollout-${number - 3}.yaml`), { force: true })
    else
      writeFileSync(
        join(world.folder, `rollout-${number}.yaml`),
        number % 5 === 4 ? BROKEN : rolloutOfIt(`r${number}`, 'PT1H'),
      )
    if (number % 5 === 0) rmSync(join(world.folder, `rollout-${number - 1}.yaml`), { force: true })
    await delay(60)
  }
}

export function checkEnd(t: Test, world: World, entries: readonly Entry<Fact>[], controller: Controller): void {
  t.teardown(() => controller.close())
  const { state, journal } = controller
  t.same(
    entries.map(({ seq }) => seq),
    Array.from({ length: journal.lastSeq }, (_, i) => i + 1),
  )
  checkFolds(
    t,
    entries.length === journal.lastSeq ? entries : [...entries, ...entriesOf(journal, entries.length)],
    state,
  )
  checkAcknowledged(t, world, entries, state)
  checkDecisions(t, entries)
  t.comment(
    `${entries.length} facts, ${world.tokens.size} devices, ${world.commands.size} commands, ${world.edits} edits, ` +
      `${reportsOf(world)} reports`,
  )
}

function checkFolds(t: Test, entries: readonly Entry<Fact>[], state: State): void {
  t.equal(digestOf(folded(entries)), digestOf(state), 'the fold of every fact, and what the restart reached')
  for (const share of [0.25, 0.5, 0.75]) {
    const cut = Math.floor(entries.length * share)
    const resumed = decodeState(encodeState(folded(entries.slice(0, cut))))
    for (const { at, fact } of entries.slice(cut)) apply(resumed, at, fact)
    t.equal(digestOf(resumed), digestOf(state), `a snapshot after fact ${cut}, and the rest`)
  }
}

function checkAcknowledged(t: Test, world: World, entries: readonly Entry<Fact>[], { fleet }: State): void {
  const { tokens, sequences, commands } = world
  const missing = [...tokens.keys()].filter((device) => !fleet.rowOf.has(device))
  t.same(missing, [], 'every device that was let in is known')
  const behind = [...sequences].filter(
    ([device, sequence]) => (fleet.sequence[fleet.rowOf.get(device) ?? -1] ?? 0) < sequence,
  )
  t.same(behind, [], 'every report that was acknowledged counts')
  const given = entries.flatMap(({ fact }) =>
    fact.type === 'CommandGiven' || fact.type === 'EnrolmentKeyIssued' ? [fact.by] : [],
  )
  const times = (by: string) => given.filter((other) => other === by).length
  t.same(
    [...commands].filter((by) => times(by) !== 1),
    [],
    'every command that was acknowledged is there, once',
  )
  t.ok(sequences.size > 0 && commands.size > 0 && tokens.size > DEVICES)
}

function checkDecisions(t: Test, entries: readonly Entry<Fact>[]): void {
  const keys = new Set<string>()
  const twice: string[] = []
  // What people ordered and declared meanwhile, and how often a gate opened and shut, are good reasons to decide again.
  const turns = new Map<string, number>()
  for (const { fact } of entries) {
    if (fact.type === 'CommandGiven' || fact.type === 'ObjectsDeclared' || fact.type === 'DeviceEnrolled')
      turns.set(fact.type, (turns.get(fact.type) ?? 0) + 1)
    if (!isDecision(fact)) continue
    const key = keyOf(fact, turns)
    if (keys.has(key)) twice.push(key)
    keys.add(key)
  }
  t.same(twice, [], 'nothing was decided twice')
  t.ok(keys.size > 10, `${keys.size} decisions`)
}

/** A decision that is made again gives the same key, unless it was for another reason. */
function keyOf(decision: Decision, turns: Map<string, number>): string {
  const rollout = String(fieldOf(decision, 'rollout'))
  if (decision.type === 'ThresholdMet' || decision.type === 'ThresholdLost') {
    const about = `${rollout}/${decision.phase}`
    turns.set(about, (turns.get(about) ?? 0) + (turns.get(`${about} ${decision.type}`) ? 0 : 1))
    const other = decision.type === 'ThresholdMet' ? 'ThresholdLost' : 'ThresholdMet'
    turns.set(`${about} ${decision.type}`, 1).set(`${about} ${other}`, 0)
    return JSON.stringify([decision.type, about, turns.get(about)])
  }
  const about = ['rule', 'rollout', 'phase', 'scheduled', 'targets', 'withdrawn', 'devices'].map((key) =>
    fieldOf(decision, key),
  )
  const causes = ['CommandGiven', 'ObjectsDeclared', 'DeviceEnrolled'].map((type) => turns.get(type) ?? 0)
  return JSON.stringify([decision.type, about, causes])
}

/** What stands in the directory at last is in force soon after one more start, whatever was lost in between. */
export async function checkDeclared(t: Test, world: World): Promise<void> {
  const running = await startProcess(t, world.folder, world.data)
  for (const name of readdirSync(world.folder))
    if (readFileSync(join(world.folder, name), 'utf8') === BROKEN) rmSync(join(world.folder, name))
  const { objects } = await loadDirectory(world.folder)
  await until(async () => (await declaredNames(running)).join() === namesOf(objects).join())
  running.child.kill('SIGKILL')
  await running.ended
  t.ok(objects.length > 4)
}

/** Rollouts that a rule made are not declared. */
async function declaredNames({ url }: Running): Promise<string[]> {
  const { body } = await get(url, '/v1/objects/SoftwareUpdateGroup')
  const items = fieldOf(body, 'items')
  if (!Array.isArray(items)) return []
  return items
    .map((item) => String(fieldOf(fieldOf(item, 'metadata'), 'name')))
    .filter((name) => name.startsWith('r'))
    .sort()
}

function namesOf(objects: readonly Declared[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'SoftwareUpdateGroup')
    .map(({ name }) => name)
    .sort()
}

export function folded(entries: readonly Entry<Fact>[]): State {
  const state = newState()
  for (const { at, fact } of entries) apply(state, at, fact)
  return state
}

export function stateOf(snapshot: Uint8Array | undefined): State {
  return snapshot === undefined ? newState() : decodeState(snapshot)
}

function files(): Record<string, string> {
  return {
    ...oneUpdate(),
    'rule.yaml': `apiVersion: ringmaster.dev/v1alpha1
kind: AutomaticDeploymentRule
metadata: {name: all}
spec:
  criteria: {products: [P]}
  evaluate: {afterSync: true}
  phases:
    - {name: every, collection: all, percent: 50, soak: PT1H}
`,
    'rollout-0.yaml': rolloutOfIt('r0', 'PT1H'),
  }
}
