// Runs git, and nothing else does: without anybody's configuration, hooks, prompts or pagers, within limits of time and bytes.
import { simpleGit } from 'simple-git'
import { reasonOf } from '../model/reason.ts'
import { runRemote } from './git-remote-run.ts'

export type GitRun = {
  /** An existing folder to run in: a repository, except for `init` and `ls-remote`. */
  readonly folder: string
  /** The folder is the repository itself: no other one around it is meant when it is damaged. */
  readonly exact?: boolean
  /** What is written to its standard input. */
  readonly input?: string
  /** Further settings; they go through the environment, so that no secret among them is an argument. */
  readonly config?: readonly (readonly [key: string, value: string])[]
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether it may talk to a remote. Without it git fetches nothing, not even objects that are missing. */
  readonly remote?: boolean
  readonly signal?: AbortSignal
  /** For the whole run. Default 60,000. */
  readonly timeoutMs?: number
  /** Of standard output. Default 16 MiB. */
  readonly maxBytes?: number
}

export type GitFailureType = 'Aborted' | 'TimedOut' | 'TooMuch' | 'Failed' | 'NoGit'

/** git did not do it. The message is what git said, in one line. */
export class GitFailure extends Error {
  readonly type: GitFailureType

  constructor(type: GitFailureType, message: string) {
    super(message)
    this.name = 'GitFailure'
    this.type = type
  }
}

const TIMEOUT_MS = 60_000
const MAX_BYTES = 16 * 1024 * 1024
const MAX_MESSAGE = 500

/** Standard output as text. Throws a GitFailure. */
export function git(args: readonly string[], run: GitRun): Promise<string> {
  return guarded(args[0] ?? '', run, ({ signal, onOutput }) => {
    if (run.remote)
      return runRemote(args, { folder: run.folder, env: environmentOf(run), input: run.input, signal, onOutput })
    return newRunner(run, signal, onOutput).raw([...args])
  })
}

/** Standard output of `git cat-file` as bytes. Throws a GitFailure. */
export async function gitCatFile(options: readonly string[], run: GitRun): Promise<Uint8Array> {
  const bytes: unknown = await guarded('cat-file', run, ({ signal, onOutput }) =>
    newRunner(run, signal, onOutput).binaryCatFile([...options]),
  )
  return bytes instanceof Uint8Array ? bytes : new Uint8Array()
}

type Guard = { readonly signal: AbortSignal; readonly onOutput: (chunk: Uint8Array) => void }

async function guarded<T>(command: string, run: GitRun, start: (guard: Guard) => PromiseLike<T>): Promise<T> {
  const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, signal } = run
  const stop = new AbortController()
  const told: { why?: GitFailure } = {}
  const end = (type: GitFailureType, message: string) => {
    told.why ??= new GitFailure(type, message)
    stop.abort()
  }
  const aborted = () => end('Aborted', 'it was stopped')
  if (signal?.aborted) aborted()
  signal?.addEventListener('abort', aborted)
  const timer = setTimeout(() => end('TimedOut', `git ${command} took longer than ${timeoutMs / 1000} s`), timeoutMs)
  let bytes = 0
  const onOutput = (chunk: Uint8Array) => {
    bytes += chunk.length
    if (bytes > maxBytes) end('TooMuch', `git ${command} gave more than ${maxBytes} bytes`)
  }
  try {
    return await start({ signal: stop.signal, onOutput })
  } catch (error) {
    throw told.why ?? failureOf(error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', aborted)
  }
}

/**
 * What simple-git calls unsafe is fixed here, or made of values that were checked: settings that switch hooks, the file monitor
 * and prompts off, the protocols, the ssh command and the header with the credentials.
 */
const UNSAFE = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
} as const

function newRunner(run: GitRun, abort: AbortSignal, onOutput: (chunk: Uint8Array) => void) {
  const { input } = run
  const env = environmentOf(run)
  return simpleGit({
    baseDir: run.folder,
    abort,
    unsafe: UNSAFE,
    allowEnvironment: Object.keys(env),
    // The end of the process may come before the end of its output.
    completion: { onClose: true, onExit: false },
    errors: (error, { exitCode, stdErr }) =>
      error ?? (exitCode === 0 ? undefined : Buffer.from(`${Buffer.concat(stdErr)}` || `git ended with ${exitCode}`)),
    ...(input !== undefined && { input: () => input }),
  })
    .env(env)
    .outputHandler((_command, stdout) => {
      stdout.on('data', onOutput)
    })
}

/** Of the own environment: how to find programs, how to reach the network. */
const PASSED = [
  ...['PATH', 'TMPDIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
]

const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.quotePath', 'false'],
  ['core.askPass', ''],
  ['credential.helper', ''],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['fetch.unpackLimit', '1'],
  ['fetch.recurseSubmodules', 'false'],
  ['fetch.writeCommitGraph', 'false'],
  ['advice.detachedHead', 'false'],
  // Objects are only read, never checked out or run, whoever owns the folder.
  ['safe.directory', '*'],
  // A remote that falls silent; for runs that are no longer watched over.
  ['http.lowSpeedLimit', '1'],
  ['http.lowSpeedTime', '60'],
  ['protocol.allow', 'never'],
]

const REMOTE_SETTINGS = ['https', 'http', 'ssh', 'file'].map((protocol): [string, string] => [
  `protocol.${protocol}.allow`,
  'always',
])

function environmentOf({ folder, exact, config = [], env = {}, remote = false }: GitRun): Record<string, string> {
  const settings = [...SETTINGS, ...(remote ? REMOTE_SETTINGS : []), ...config]
  const passed = PASSED.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(passed),
    HOME: '/dev/null',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    ...(exact && { GIT_DIR: folder }),
    ...env,
  }
}

function failureOf(error: unknown): GitFailure {
  const text = reasonOf(error)
  if (/ENOENT/.test(text) && /spawn git/.test(text))
    return new GitFailure('NoGit', 'there is no program git here: install it')
  const lines = text
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '' && !ADVICE.test(line))
    .map((line) => line.replace(/^(fatal|error): /, ''))
  const message = [...new Set(lines)].join('; ')
  return new GitFailure('Failed', message.slice(0, MAX_MESSAGE))
}

/** What git adds that helps nobody here. */
const ADVICE = /^(hint:|warning:|Please make sure you have the correct|and the repository exists|@+$)/
