// A PostgreSQL server of the tests' own: in a folder under the temporary one, on a loopback port, with fsync, from the binaries
// of Debian's package (or PG_BIN). It ends with the process that started it, however that ends.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type QueryResultRow } from 'pg'
import type { Test } from 'tap'

export type PostgresServer = {
  readonly host: string
  readonly port: number
  /** The URL of the journal in this schema; of another port when a proxy stands between. */
  readonly url: (schema: string, port?: number) => string
  /** kill -9 of the server and what belongs to it. */
  readonly crash: () => Promise<void>
  /** After a crash. Resolves when it answers. */
  readonly start: () => Promise<void>
  /** Ends it and removes its folder. */
  readonly stop: () => Promise<void>
}

/** Where the binaries are; undefined when there are none. */
function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [process.env.PG_BIN, ...versions.map((version) => join(debian, version, 'bin'))]
  return folders.find((folder) => folder !== undefined && existsSync(join(folder, 'initdb')))
}

const MISSING =
  'there is no PostgreSQL here: apt-get install postgresql, or name the folder of initdb and postgres in PG_BIN'

/** Why the tests with PostgreSQL cannot run; undefined when they can. With CI=true that is a failure. */
export function whyNoPostgres(): string | undefined {
  if (binaries() !== undefined) return undefined
  if (process.env.CI === 'true') throw new Error(MISSING)
  return MISSING
}

/** Starts a server that ends with the test. */
export async function postgresFor(t: Pick<Test, 'teardown'>): Promise<PostgresServer> {
  const server = await startPostgres()
  t.teardown(server.stop)
  return server
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries()
  if (bin === undefined) throw new Error(MISSING)
  const user = unprivilegedUser()
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const options = { stdio: 'pipe' as const, ...user }
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'ringmaster', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], {
    ...options,
    cwd: folder,
  })
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async () => {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=on']
    const args = ['--pdeathsig', 'QUIT', join(bin, 'postgres'), '-D', data, ...settings.flatMap((one) => ['-c', one])]
    child = spawn('setpriv', args, { stdio: 'ignore', cwd: folder, ...user })
    await untilReady(bin, port, child)
    // Nobody waits for it to end by itself.
    child.unref()
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.ref()
    child.kill(signal)
    await ended
  }
  const url = (schema: string, at: number = port) =>
    `postgres://ringmaster@127.0.0.1:${at}/postgres?schema=${schema}&sslmode=disable`
  const stop = async () => {
    await end('SIGQUIT')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return { host: '127.0.0.1', port, url, start, stop, crash: () => end('SIGKILL') }
}

/** Runs statements past the journal, and returns the rows of the last. */
export async function sql<R extends QueryResultRow>(url: string, text: string, values?: unknown[]): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function untilReady(bin: string, port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('PostgreSQL ended while it started')
    const probe = spawn(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port), '-U', 'ringmaster'], {
      stdio: 'ignore',
    })
    const [code] = await once(probe, 'exit')
    if (code === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
