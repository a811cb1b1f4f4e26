// The embedded controller, wired: journal in a folder, declarations from a directory, catalog, HTTP. `ringmaster run` and
// the quickstart start it from here.
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readFeed } from '../catalog/feeds/read-feed.ts'
import { JournalError } from '../journal/journal.ts'
import type { Decision, Input } from '../model/facts.ts'
import type { GitSourceSpec } from '../model/git-source.ts'
import { COMMAND_LINE_GIT, DIRECTORY_SOURCE, gitSourceName } from '../model/source-names.ts'
import { KUBERNETES_SOURCE } from '../operator/names.ts'
import type { Operator } from '../operator/operator.ts'
import { type Metrics, newMetrics, type Observed } from '../project/metrics.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import type { Controller } from '../runtime/controller.ts'
import type { GitSources } from '../runtime/git-declarations.ts'
import { errorFields, type Log, silentLog } from '../runtime/log.ts'
import { startSync } from '../runtime/sync.ts'
import { whileLeading } from '../runtime/while-leading.ts'
import { hashSecret } from '../serve/auth.ts'
import { clockCheck, databaseCheck } from '../serve/health.ts'
import { createServer } from '../serve/server.ts'
import { DEFAULT_STALE_AFTER_MS } from '../state/state.ts'
import { makeDataFolder, readSecrets, type Secrets } from './data-folder.ts'
import { logDecision } from './decision-log.ts'
import { listen } from './listen.ts'
import { type JournalPlace, openController } from './open-controller.ts'
import { StartError } from './start-error.ts'
import { identityIn, type KubernetesOptions, openCluster, startKubernetes, syncedCheck } from './start-kubernetes.ts'
import { type RunningSources, startSources, webhooksOf } from './start-sources.ts'

/** The journal, in the data folder. */
export const JOURNAL_FILE = 'journal.db'
/** Copies of Git repositories, in the data folder. */
export const GIT_FOLDER = 'git'

export type StartOptions = {
  /** Directory of declarations. */
  readonly path?: string | undefined
  /** Git repository of declarations. */
  readonly git?: GitSourceSpec | undefined
  /** Declarations from a Kubernetes cluster, and their status back into it. */
  readonly kubernetes?: KubernetesOptions | undefined
  /** Data folder: journal, snapshots and secrets. It is made when it is not there. */
  readonly data: string
  /** Where the journal is, if not in the data folder. */
  readonly journal?: JournalPlace | undefined
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly clock?: Clock
  readonly staleAfterMs?: number
  /** A snapshot is taken after so many facts. */
  readonly snapshotEvery?: number
  readonly log?: Log
  /** Called for decisions that are durable and in force; the log has them already. */
  readonly onDecisions?: (decisions: readonly Decision[], at: Temporal.Instant) => void
}

export type Started = {
  readonly controller: Controller
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string
  readonly secrets: Secrets
  /** Resolves when it can go on no longer by itself: its storage failed, and only starting anew helps. */
  readonly failed: Promise<unknown>
  /** Takes nothing more in, answers what was asked, finishes what was submitted, saves a snapshot, closes the journal. */
  readonly close: () => Promise<void>
}

/** Resolves when requests are answered and the directory was read for the first time. Rejects with a StartError. */
export async function startController(options: StartOptions): Promise<Started> {
  const { path, data, log = silentLog } = options
  if (path !== undefined) makeSureIsDirectory(path)
  makeDataFolder(data)
  let operator: Operator | undefined
  let sources: RunningSources | undefined
  let running: Controller | undefined
  const metrics = newMetrics(() => running && observed(running, sources?.git))
  const failed = Promise.withResolvers<unknown>()
  const hooks = hooksOf(options, metrics, failed.resolve, (decisions) => operator?.decided(decisions))
  const place: JournalPlace = options.journal ?? { type: 'File', file: join(data, JOURNAL_FILE) }
  // Before its journal is open, and while its database is silent, a replica could decide nothing.
  const isFit = () => place.type === 'File' || (running !== undefined && databaseCheck(running).ok)
  const cluster = options.kubernetes && openCluster(options.kubernetes, identityIn(data, place), isFit, metrics, log)
  const { controller, agreeOn } = await openController(place, hooks, log, cluster?.leadership).catch(async (error) => {
    await cluster?.close()
    throw error
  })
  running = controller
  const closers: (() => Promise<void> | void)[] = [() => cluster?.close(), () => controller.close()]
  const close = async () => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    tellDoubts(controller, log)
    const secrets = await settleSecrets(controller, agreeOn, options)
    controller.subscribe((turn) => metrics.turned(turn))
    const onFailure = (source: string, message: string) => log.warn(`update source ${source}: ${message}`, { source })
    const onLeaderError = (error: unknown) => log.error('what only a leader does', errorFields(error))
    const sync = whileLeading(controller, () => startSync(controller, readFeed, { onFailure }), onLeaderError)
    closers.push(sync.close)
    // git runs in that folder: a path from here would lead elsewhere there.
    const gitOptions = { caches: resolve(data, GIT_FOLDER), ...(options.git && { commandLine: options.git }) }
    const server = createServer({
      ...{ controller, log, metrics, declarations: sourcesOf(options), adminTokenHash: hashSecret(secrets.adminToken) },
      checks: () => (cluster === undefined ? [] : [syncedCheck(operator)]),
      gitWebhooks: webhooksOf(() => sources?.git),
    })
    closers.push(server.close)
    const url = await listen(server, options.listen)
    if (cluster !== undefined) {
      const isRunning = (source: string) => sources?.intake.isSeated(source) ?? true
      const started = startKubernetes(cluster, controller, log, isRunning, options.kubernetes?.webhook)
      operator = started.operator
      closers.push(started.close)
    }
    const startReading = async () => {
      sources = await startSources(controller, log, gitOptions, path, operator)
      operator?.lookAgain()
      return sources
    }
    const reading = whileLeading(controller, startReading, onLeaderError)
    closers.push(reading.close)
    await reading.ready
    return { controller, url, secrets, failed: failed.promise, close }
  } catch (error) {
    await close().catch(() => {})
    throw error
  }
}

/** `onFailed` hears that the storage failed for good; `onCluster` tells a cluster what was decided. */
function hooksOf(
  { clock = systemClock, log = silentLog, snapshotEvery, onDecisions }: StartOptions,
  metrics: Metrics,
  onFailed: (error: unknown) => void,
  onCluster: (decisions: readonly Decision[]) => void,
) {
  return {
    clock,
    ...(snapshotEvery !== undefined && { snapshotEvery }),
    onDecisions: (decisions: readonly Decision[], at: Temporal.Instant) => {
      metrics.decided(decisions)
      for (const decision of decisions) logDecision(log, decision)
      onCluster(decisions)
      onDecisions?.(decisions, at)
    },
    onError: (error: unknown) => {
      log.error('the journal refused', errorFields(error))
      if (!(error instanceof JournalError) || error.code === 'Broken') onFailed(error)
    },
  }
}

/** Sources that have to be there before the controller is ready. */
function sourcesOf({ path, git, kubernetes }: StartOptions): string[] {
  return [
    ...(path === undefined ? [] : [DIRECTORY_SOURCE]),
    ...(git === undefined ? [] : [gitSourceName(COMMAND_LINE_GIT)]),
    ...(kubernetes === undefined ? [] : [KUBERNETES_SOURCE]),
  ]
}

function observed({ state, journal, clock, follower }: Controller, git: GitSources | undefined): Observed {
  const replica = follower && { replica: follower }
  return { state, journal, clock, ...(git && { polls: git.activity() }), ...replica }
}

/** What every replica goes by, and what this start says that the journal does not know yet. */
async function settleSecrets(
  controller: Controller,
  agreeOn: (secrets: Secrets) => Promise<void>,
  { data, staleAfterMs = DEFAULT_STALE_AFTER_MS }: StartOptions,
): Promise<Secrets> {
  const secrets = readSecrets(data)
  await agreeOn(secrets)
  await controller.submit(...firstFacts(controller, secrets, staleAfterMs))
  return secrets
}

function tellDoubts(controller: Controller, log: Log): void {
  for (const warning of controller.journal.warnings) log.warn(warning)
  const time = clockCheck(controller)
  if (!time.ok) log.error(`the clock: ${time.message}`)
}

function makeSureIsDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined)
    throw new StartError(`there is no directory ${path}: name the one that holds the declarations`)
  if (!found.isDirectory()) throw new StartError(`${path} is no directory: name the one that holds the declarations`)
}

function firstFacts({ state }: Controller, secrets: Secrets, staleAfterMs: number): Input[] {
  const facts: Input[] = []
  const keyHash = hashSecret(secrets.enrolmentKey)
  if (!state.access.keys.has(keyHash))
    facts.push({ type: 'EnrolmentKeyIssued', keyHash, once: false, by: 'enrolment.key in the data folder' })
  if (state.settings.staleAfterMs !== staleAfterMs)
    facts.push({ type: 'SettingsChanged', settings: { ...state.settings, staleAfterMs } })
  return facts
}
