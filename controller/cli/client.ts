// How commands talk to a controller: where it is, who they are, and what comes back.
import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { API_VERSION } from '../model/kinds.ts'
import { reasonOf } from '../model/reason.ts'
import { type CommandAnswer, NOW_HEADER } from '../serve/admin-routes.ts'
import type { ProblemBody } from '../serve/problem.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'

/** Options that every command of this kind takes, for `readArgs`. */
export const CLIENT_OPTIONS = {
  server: { type: 'string' },
  'token-file': { type: 'string' },
  format: { type: 'string', default: 'text' },
} as const

/** The same, for usage texts. */
export const CLIENT_USAGE = `  --server URL       Where the controller is (default $RINGMASTER_SERVER, else http://127.0.0.1:8080)
  --token-file FILE  The admin token (default $RINGMASTER_TOKEN, else ./data/admin.token where it is there)
  --format text|json Default text
  --help             This text`

export const CLIENT_EXITS =
  'Exit code: 0 good, 1 not found or refused, 2 wrong usage, 3 no controller answers, or it knows no such token.'

export type ClientValues = {
  readonly server?: string | undefined
  readonly 'token-file'?: string | undefined
  readonly format: string
}

export type Client = { readonly url: string; readonly token: string | undefined; readonly json: boolean }

export type Request = { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly body?: object }

/** `now` is the controller's clock. */
export type Answer<T> =
  | { readonly type: 'Answer'; readonly body: T; readonly now: number }
  | { readonly type: 'Failed'; readonly exit: number; readonly message: string }

/** Where the controller is when no option says so. */
export function serverFromEnvironment(): string {
  return process.env.RINGMASTER_SERVER ?? DEFAULT_SERVER
}

/** The client that the options ask for, or the exit code after having said what is wrong with them. */
export function clientFrom(values: ClientValues, command: Pick<Command, 'usage'>, io: Io): Client | number {
  const url = values.server ?? serverFromEnvironment()
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    return wrongUsage(command, io, `--server must be an address such as ${DEFAULT_SERVER}, not ${url}`)
  if (values.format !== 'text' && values.format !== 'json')
    return wrongUsage(command, io, `--format must be text or json, not ${values.format}`)
  try {
    return { url: url.replace(/\/+$/, ''), token: tokenFrom(values['token-file']), json: values.format === 'json' }
  } catch (error) {
    io.stderr(`ringmaster: the token cannot be read: ${reasonOf(error)}\n`)
    return EXIT.failed
  }
}

/** Sends a request and reads the answer as the controller's routes give it. Never throws. */
export async function call<T>(client: Client, { method, path, body }: Request): Promise<Answer<T>> {
  try {
    const response = await fetch(client.url + path, {
      method,
      headers: {
        accept: 'application/json',
        ...(client.token !== undefined && { authorization: `Bearer ${client.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A token goes to the address that was named, and nowhere else.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return answerFrom<T>(client, response, await response.text())
  } catch (error) {
    return { type: 'Failed', exit: EXIT.failed, message: unreachable(client, error) }
  }
}

/** Gives an order and prints what it gave rise to. Returns the exit code. */
export async function giveOrder(client: Client, request: Request, io: Io): Promise<number> {
  const answer = await call<CommandAnswer>(client, request)
  if (answer.type === 'Failed') return fail(io, answer)
  const { message, decisions } = answer.body
  if (client.json) io.stdout(jsonText(answer.body))
  else {
    io.stdout(`${message}\n`)
    for (const one of decisions)
      io.stdout(`  ${one.at}  ${one.type}  ${one.phase ?? ''}${one.phase ? ': ' : ''}${one.message}\n`)
  }
  return EXIT.good
}

/** A command that orders something of what it names: `spec.positionals` are the names of its arguments. */
export function orderCommand(spec: {
  readonly name: string
  readonly positionals: readonly string[]
  readonly about: string
  /** Further options that take a text, and what they are for. */
  readonly texts?: Readonly<Record<string, string>>
  /** Further options without a value. */
  readonly flags?: Readonly<Record<string, string>>
  readonly request: (names: readonly string[], body: Readonly<Record<string, string | boolean>>) => Request
}): Command {
  const { name, positionals, about, texts = {}, flags = {} } = spec
  const extra = [
    ...Object.entries(texts).map(([option, what]) => optionLine(`${option} TEXT`, what)),
    ...Object.entries(flags).map(([option, what]) => optionLine(option, what)),
    optionLine('by NAME', 'Who orders it (default: your user name here)'),
  ]
  const usage = `Usage: ringmaster ${[name, ...positionals].join(' ')} [OPTIONS]\n\n${about}\n\n${extra.join('\n')}\n${CLIENT_USAGE}\n\n${CLIENT_EXITS}`
  const run = async (args: string[], io: Io): Promise<number> => {
    const options = {
      ...CLIENT_OPTIONS,
      by: { type: 'string' } as const,
      ...mapped(texts, { type: 'string' } as const),
      ...mapped(flags, { type: 'boolean' } as const),
    }
    const parsed = readArgs({ usage }, args, io, { options, allowPositionals: true })
    if (parsed.type === 'Done') return parsed.exit
    if (parsed.positionals.length !== positionals.length)
      return wrongUsage({ usage }, io, `${name} takes ${positionals.join(' ') || 'no arguments'}`)
    const values: Readonly<Record<string, string | boolean | undefined>> = parsed.values
    const client = clientFrom(clientValues(values), { usage }, io)
    if (typeof client === 'number') return client
    const given = [...Object.keys(texts), ...Object.keys(flags)].flatMap((option) => {
      const value = values[option]
      return value === undefined ? [] : [[option, value] as const]
    })
    const by = typeof values.by === 'string' ? values.by : userName()
    return giveOrder(client, spec.request(parsed.positionals, { ...Object.fromEntries(given), by }), io)
  }
  return { usage, run }
}

/** Says why and returns the exit code. */
export function fail(io: Io, { exit, message }: { readonly exit: number; readonly message: string }): number {
  io.stderr(`ringmaster: ${message}\n`)
  return exit
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Path and query from parts that come from people. What is undefined is left out. */
export function pathOf(parts: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const path = `/v1/${parts.map(encodeURIComponent).join('/')}`
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** The user's name on this machine. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}

export const DEFAULT_SERVER = 'http://127.0.0.1:8080'
const DEFAULT_TOKEN_FILE = 'data/admin.token'
const TIMEOUT_MS = 30_000

function tokenFrom(file: string | undefined): string | undefined {
  if (file !== undefined) return asToken(readFileSync(file, 'utf8'), file)
  const given = process.env.RINGMASTER_TOKEN
  if (given !== undefined && given !== '') return asToken(given, '$RINGMASTER_TOKEN')
  return existsSync(DEFAULT_TOKEN_FILE)
    ? asToken(readFileSync(DEFAULT_TOKEN_FILE, 'utf8'), DEFAULT_TOKEN_FILE)
    : undefined
}

// What stands there is never shown: it may be another secret.
function asToken(text: string, place: string): string {
  const token = text.trim()
  if (/^[\x21-\x7e]{1,256}$/.test(token)) return token
  throw new Error(`${place} holds no token: a token is one word`)
}

function answerFrom<T>(client: Client, response: Response, text: string): Answer<T> {
  const { ok, status, headers } = response
  if (!ok) return { type: 'Failed', exit: exitFor(status), message: refusal(client, status, text) }
  const body = parsedJson<T & { readonly apiVersion?: string }>(text)
  if (body?.apiVersion !== API_VERSION)
    return {
      type: 'Failed',
      exit: EXIT.failed,
      message: `what answers at ${client.url} is no Ringmaster ${API_VERSION}`,
    }
  const now = Date.parse(headers.get(NOW_HEADER) ?? '')
  return { type: 'Answer', body, now: Number.isNaN(now) ? Date.now() : now }
}

function exitFor(status: number): number {
  if (status === 404 || status === 409) return EXIT.bad
  return status === 400 || status === 414 ? EXIT.usage : EXIT.failed
}

function refusal(client: Client, status: number, text: string): string {
  const problem = parsedJson<Partial<ProblemBody>>(text)
  if (typeof problem?.message !== 'string') return `${client.url} answered ${status}; is a Ringmaster controller there?`
  const path = problem.path === undefined ? '' : `${problem.path}: `
  const hint = status === 401 ? '; name it with --token-file FILE or $RINGMASTER_TOKEN' : ''
  return `${path}${problem.message}${hint}`
}

function parsedJson<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) ?? undefined
  } catch {
    return undefined
  }
}

function unreachable({ url }: Client, error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : reasonOf(cause)
  return `no controller answers at ${url} (${code}); start one with \`ringmaster run DIRECTORY\`, or say where another is, by option or in $RINGMASTER_SERVER`
}

function clientValues(values: Readonly<Record<string, string | boolean | undefined>>): ClientValues {
  const text = (key: string) => (typeof values[key] === 'string' ? values[key] : undefined)
  return { server: text('server'), 'token-file': text('token-file'), format: text('format') ?? 'text' }
}

function optionLine(option: string, what: string): string {
  return `  ${`--${option}`.padEnd(18)} ${what}`
}

function mapped<T>(keys: Readonly<Record<string, string>>, value: T): Record<string, T> {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, value]))
}
