// `ringmaster run`: the controller on a directory or a Git repository of declarations, until it is told to stop.
import { join } from 'node:path'
import type { GitSourceSpec } from '../model/git-source.ts'
import { durationMs, MINUTE } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { systemClock } from '../runtime/clock.ts'
import { LOG_LEVELS, type Log, type LogLevel } from '../runtime/log.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { GIT_OPTIONS, GIT_USAGE, gitOptions } from './git-options.ts'
import { kubernetesFrom } from './kubernetes-options.ts'
import { newLog } from './log.ts'
import { type JournalPlace, journalPlace } from './open-controller.ts'
import { JOURNAL_FILE, type Started, startController } from './start-controller.ts'
import { StartError } from './start-error.ts'
import type { KubernetesOptions } from './start-kubernetes.ts'
import { type StopSignals, stopAsked } from './stop-signals.ts'

export const runCommand: Command = {
  usage: `Usage: ringmaster run [OPTIONS] [PATH] [--git URL] [--kubernetes]

Runs the controller on the declarations in the directory PATH, which may be edited while it runs, in a Git repository, in a
Kubernetes cluster, whose objects then show how they are doing, or in several of these, where what one declares the others may
refer to. What it knows and has
decided is kept in a data folder; started again on the same folder, it goes on where it was. Devices enrol with the key in
DIR/enrolment.key, admins use the token in DIR/admin.token; both are made at the first start.

  --data DIR            Data folder (default ./data)
  --journal WHERE       sqlite, a file in the data folder, or postgres://USER@HOST/DATABASE?schema=ringmaster, which
                        several replicas share (default $RINGMASTER_JOURNAL, else sqlite)
  --replica NAME        This replica's name, where there are several (default HOST-PID)
  --listen HOST:PORT    Where to answer HTTP (default 127.0.0.1:8080)
  --kubernetes          Declarations from a Kubernetes cluster: docs/guides/kubernetes.md
  --kubeconfig FILE     How to reach it (default $KUBECONFIG, ~/.kube/config, or the pod's service account)
  --context NAME        Context of the kubeconfig (default its current one)
  --namespace NAME      Where the Lease of the leader is (default that of the context or pod, else default)
  --webhook HOST:PORT   Also answer the API server's admission reviews there, by HTTPS
  --webhook-name NAME   Of its Service, Secret and ValidatingWebhookConfiguration (default ringmaster-webhook)
  --webhook-certificates DIR  Its tls.crt and tls.key (default: made, shared in the Secret, and renewed by itself)
  --webhook-references Warn|Deny  On references to objects that are not there (default Warn)
  --stale-after P7D     A device silent for longer counts as unknown; ISO 8601 (default P7D)
  --log-level LEVEL     ${LOG_LEVELS.join(', ')} (default info)
  --help                This text

${GIT_USAGE}

Logs go to standard output: lines for people on a terminal, else JSON. SIGINT and SIGTERM finish what was begun and stop;
a second one ends at once. After SIGKILL nothing is lost that was acknowledged.

Exit code: 0 stopped when asked, 1 stopped by a second signal, 2 wrong usage, 3 could not run.`,
  async run(args, io) {
    const parsed = readArgs(runCommand, args, io, {
      options: {
        data: { type: 'string', default: './data' },
        journal: { type: 'string' },
        replica: { type: 'string' },
        listen: { type: 'string', default: '127.0.0.1:8080' },
        'stale-after': { type: 'string', default: 'P7D' },
        'log-level': { type: 'string', default: 'info' },
        kubernetes: { type: 'boolean', default: false },
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        namespace: { type: 'string' },
        webhook: { type: 'string' },
        'webhook-name': { type: 'string' },
        'webhook-certificates': { type: 'string' },
        'webhook-references': { type: 'string' },
        ...GIT_OPTIONS,
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { data, listen, 'stale-after': staleAfter, 'log-level': level } = parsed.values
    const [path, ...rest] = parsed.positionals
    const git = gitOptions(parsed.values)
    if (git.type === 'Wrong') return wrongUsage(runCommand, io, git.message)
    const kubernetes = kubernetesFrom(parsed.values, parseListen)
    if (typeof kubernetes === 'string') return wrongUsage(runCommand, io, kubernetes)
    if (rest.length > 0 || (path === undefined && git.type === 'None' && kubernetes === undefined))
      return wrongUsage(
        runCommand,
        io,
        'name one directory of declarations, a repository with --git URL, or --kubernetes',
      )
    const address = parseListen(listen)
    if (address === undefined) return wrongUsage(runCommand, io, `--listen must be HOST:PORT, not ${listen}`)
    const staleAfterMs = parseStaleAfter(staleAfter)
    if (staleAfterMs === undefined)
      return wrongUsage(
        runCommand,
        io,
        `--stale-after must be an ISO 8601 duration of a minute or more, such as P7D, not ${staleAfter}`,
      )
    if (!isLogLevel(level)) return wrongUsage(runCommand, io, `--log-level must be one of ${LOG_LEVELS.join(', ')}`)
    const { journal = process.env.RINGMASTER_JOURNAL ?? 'sqlite', replica } = parsed.values
    const place = journalPlace(journal, replica, join(data, JOURNAL_FILE))
    if (typeof place === 'string') return wrongUsage(runCommand, io, place)
    return runController(io, {
      path,
      git: git.type === 'Git' ? git.spec : undefined,
      kubernetes,
      data,
      journal: place,
      listen: address,
      staleAfterMs,
      level,
    })
  },
}

type RunOptions = {
  readonly path: string | undefined
  readonly kubernetes: KubernetesOptions | undefined
  readonly git: GitSourceSpec | undefined
  readonly data: string
  readonly journal: JournalPlace
  readonly listen: { readonly host: string; readonly port: number }
  readonly staleAfterMs: number
  readonly level: LogLevel
}

async function runController(io: Io, { level, ...options }: RunOptions): Promise<number> {
  const stop = stopAsked()
  const log = newLog({
    level,
    text: process.stdout.isTTY,
    write: io.stdout,
    now: () => systemClock.now().toString({ smallestUnit: 'millisecond' }),
  })
  try {
    return await runUntilStopped(await startController({ ...options, log }), stop, io, log)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    io.stderr(`ringmaster: ${error.message}\n`)
    return EXIT.failed
  } finally {
    stop.release()
  }
}

async function runUntilStopped(started: Started, stop: StopSignals, io: Io, log: Log): Promise<number> {
  const { url, secrets } = started
  log.info(`devices enrol with the key in ${secrets.enrolmentKeyFile}`)
  log.info(`admins use the token in ${secrets.adminTokenFile}`)
  log.info(`listening on ${url}`, { url })
  const end = await Promise.race([
    stop.first.then((signal) => ({ type: 'Asked', signal }) as const),
    started.failed.then((error) => ({ type: 'Failed', error }) as const),
  ])
  if (end.type === 'Asked') log.info(`${end.signal}: finishing what was begun`)
  const isClosed = await Promise.race([started.close().then(() => true), stop.second.then(() => false)])
  if (end.type === 'Failed') {
    io.stderr(`ringmaster: ${reasonOf(end.error)}; started again, it goes on from what is durable\n`)
    return EXIT.failed
  }
  log.info(isClosed ? 'stopped' : 'stopped at once')
  return isClosed ? EXIT.good : EXIT.bad
}

/** `HOST:PORT`, `:PORT`, `PORT` or `[IPv6]:PORT`. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[2])
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1'
  return port <= 65_535 ? { host, port } : undefined
}

function parseStaleAfter(text: string): number | undefined {
  try {
    const duration = Temporal.Duration.from(text)
    if (duration.years !== 0 || duration.months !== 0) return undefined
    const length = durationMs(duration)
    return length >= MINUTE ? length : undefined
  } catch {
    return undefined
  }
}

function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text)
}
