// A controller on a control plane, in this process, with simulated devices that talk to it over HTTP, on a clock that may run fast.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parseFeed } from '../../controller/catalog/feeds/parse-feed.ts'
import { type Started, startController } from '../../controller/cli/start-controller.ts'
import type { WebhookOptions } from '../../controller/cli/start-webhook.ts'
import { DAY, MINUTE } from '../../controller/model/instant.ts'
import { API_VERSION, type Kind } from '../../controller/model/kinds.ts'
import { type Clock, fastClock, systemClock } from '../../controller/runtime/clock.ts'
import type { Log } from '../../controller/runtime/log.ts'
import { newHttpFleet, runHttpFleet } from '../../controller/simulate/http-fleet.ts'
import { newPopulation } from '../../controller/simulate/population.ts'
import { minutesOf, readScenario } from '../../controller/simulate/scenario.ts'
import { newTruth } from '../../controller/simulate/truth.ts'
import { until } from '../support/until.ts'
import type { ControlPlane } from './control-plane.ts'

export const START = Temporal.Instant.from('2026-01-12T00:00:00Z')

export type OnCluster = {
  readonly started: Started
  readonly log: readonly string[]
  readonly close: () => Promise<void>
}

export type OnClusterOptions = {
  readonly kubeconfig?: string
  readonly namespace?: string
  readonly webhook?: WebhookOptions
  readonly data?: string
  readonly clock?: Clock
}

/** A folder that goes at the end of the test. */
export function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'ringmaster-on-cluster-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Starts a controller, and ends it with the test at the latest. */
export async function startOn(t: Test, plane: ControlPlane, options: OnClusterOptions = {}): Promise<OnCluster> {
  const log: string[] = []
  const say = (level: string) => (message: string) => {
    log.push(`${level} ${message}`)
  }
  const logger: Log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const started = await startController({
    kubernetes: {
      kubeconfig: options.kubeconfig ?? plane.kubeconfig,
      namespace: options.namespace,
      webhook: options.webhook,
    },
    data: options.data ?? folder(t),
    listen: { host: '127.0.0.1', port: 0 },
    clock: options.clock ?? systemClock,
    log: logger,
  })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= started.close()
    return closing
  }
  t.teardown(close)
  return { started, log, close }
}

/** So many times as fast as a real one, from the start of the stories of these tests. */
export function storyClock(rate: number): Clock {
  return fastClock(START, rate)
}

/** Writes a feed of updates that are released ten minutes after the story begins, each for every device. Returns its path. */
export function writeFeed(t: Test, ids: readonly string[]): string {
  const path = join(folder(t), 'catalog.ndjson')
  const record = (id: string) => ({
    id,
    title: id,
    vendor: 'Example',
    products: ['Os'],
    classification: 'Security Updates',
    severity: 'Critical',
    articleIds: [],
    released: '2026-01-12T00:10:00Z',
    uninstallable: true,
  })
  writeFileSync(path, `${ids.map((id) => JSON.stringify(record(id))).join('\n')}\n`)
  return path
}

export type FleetOptions = {
  readonly catalog: string
  readonly clock: Clock
  readonly rate: number
  /** By update id: on these every attempt fails. */
  readonly failing?: string
}

/** Four devices with the attribute ring=test and sixteen with ring=broad, until the end of the test. */
export function startFleet(t: Test, { started }: OnCluster, options: FleetOptions): void {
  const { clock, rate, failing } = options
  const failures = failing === undefined ? '' : `\n  failures: [{updates: ["${failing}"], percent: 100}]`
  const read = readScenario(
    'fleet.yaml',
    `apiVersion: ${API_VERSION}
kind: Scenario
spec:
  seed: 5
  devices:
    - {prefix: test-, count: 4, attributes: {ring: test}}
    - {prefix: pc-, count: 16, attributes: {ring: broad}}
  reporting: {every: PT20M, messagesEvery: PT5M}${failures}
`,
  )
  if (read.type === 'Problems') throw new Error(JSON.stringify(read.problems))
  const { spec } = read.scenario
  const from = START.epochMilliseconds
  const { records } = parseFeed('Ringmaster', [{ name: 'catalog.ndjson', text: options.catalog }])
  const population = newPopulation(spec, spec.seed, from, from + 60 * DAY)
  const fleet = newHttpFleet(
    newTruth(
      population,
      spec,
      records.map(({ update }) => update),
    ),
  )
  const stop = new AbortController()
  const running = runHttpFleet(fleet, {
    url: started.url,
    enrolmentKey: started.secrets.enrolmentKey,
    rate,
    now: () => clock.now().epochMilliseconds,
    signal: stop.signal,
    messagesEvery: minutesOf(spec.reporting.messagesEvery) * MINUTE,
    onTrouble: () => {},
  })
  t.teardown(async () => {
    stop.abort()
    await running
  })
}

/** An object of ours as YAML that kubectl takes; JSON is YAML. */
export function manifest(kind: Kind, name: string, spec: object, metadata: object = {}): string {
  return `${JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, ...metadata }, spec })}\n---\n`
}

export async function apply(plane: ControlPlane, ...manifests: string[]): Promise<string> {
  return (await plane.kubectl(['apply', '-f', '-'], { input: manifests.join('') })).stdout
}

/** One value of an object, by JSON path; empty when there is none. */
export async function fieldOf(plane: ControlPlane, object: string, path: string): Promise<string> {
  return (await plane.tryKubectl(['get', object, '-o', `jsonpath=${path}`])).stdout
}

/** Waits until a value of an object is as wanted, and says what it was instead. */
export async function untilValue(
  plane: ControlPlane,
  object: string,
  path: string,
  wanted: string | RegExp,
  limitMs = 10_000,
): Promise<void> {
  let last = ''
  const holds = async () => {
    last = await fieldOf(plane, object, path)
    return typeof wanted === 'string' ? last === wanted : wanted.test(last)
  }
  await until(limitMs, holds).catch(() => {
    throw new Error(`${object} ${path} is ${last || 'not there'}, not ${wanted}, after ${limitMs} ms`)
  })
}

export const READY = '{.status.conditions[?(@.type=="Ready")].status}'
export const REASON = '{.status.conditions[?(@.type=="Ready")].reason}'
