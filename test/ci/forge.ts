// A forge's interface for comments on the loopback, and a repository with a command that stands in for `ringmaster`.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

export const ROOT = join(import.meta.dirname, '../..')

export type Call = { readonly method: string; readonly url: string; readonly token: string; readonly body: string }
export type Comment = { readonly id: number; body: string }

export type Forge = { readonly url: string; readonly calls: Call[]; readonly comments: Comment[]; refuse: number }

/** Lists, makes and changes comments in the ways of GitHub and GitLab. Ends with the test. */
export async function startForge(t: Test): Promise<Forge> {
  const forge: Forge = { url: '', calls: [], comments: [], refuse: 0 }
  const server = createServer(async (request, response) => {
    const text = await bodyOf(request)
    const { method = '', url = '', headers } = request
    const token = String(headers.authorization ?? headers['private-token'] ?? '')
    const body = text === '' ? '' : String(JSON.parse(text).body)
    forge.calls.push({ method, url, token, body })
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (forge.refuse > 0) return answer(forge.refuse, { message: 'no' })
    const { pathname, searchParams } = new URL(url, 'http://forge')
    if (method === 'GET') {
      const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('per_page'))]
      return answer(200, forge.comments.slice((page - 1) * size, page * size))
    }
    const known = forge.comments.find(({ id }) => String(id) === pathname.split('/').at(-1))
    if (method !== 'POST' && known === undefined) return answer(404, {})
    const comment = known ?? { id: 1000 + forge.comments.length, body }
    comment.body = body
    if (known === undefined) forge.comments.push(comment)
    answer(200, comment)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return Object.assign(forge, { url: `http://127.0.0.1:${port}` })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) text += chunk
  return text
}

export type Ran = { readonly exit: number | null; readonly out: string; readonly err: string }

/** Runs a script of ci/ with these settings and nothing else of ours in the environment. */
export function runScript(
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  args: string[] = [],
): Promise<Ran> {
  const [command, first] = script.endsWith('.mjs') ? [process.execPath, script] : ['bash', script]
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(command, [join(ROOT, first), ...args], { cwd, env: { PATH, HOME, ...env }, timeout: 120_000 })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.on('close', (exit) => resolve({ exit, out, err })))
}

/** A repository with one commit of these files; returns its path and the commit. */
export function repository(
  t: Test,
  files: Readonly<Record<string, string>>,
): { readonly root: string; readonly commit: string } {
  const root = t.testdir({})
  git(root, 'init', '--quiet', '--initial-branch=main')
  write(root, files)
  git(root, 'add', '.')
  git(root, '-c', 'user.name=Grace', '-c', 'user.email=grace@example.com', 'commit', '--quiet', '--message=Rules')
  return { root, commit: git(root, 'rev-parse', 'HEAD').trim() }
}

export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

export function git(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** A command that writes down its arguments, prints a text and ends with a code. */
export function standIn(root: string, text: string, code: number): string {
  const command = join(root, 'stand-in')
  writeFileSync(join(root, 'stand-in.txt'), text)
  writeFileSync(
    command,
    `#!/usr/bin/env bash\nprintf '%s\\n' "$@" >"${root}/arguments"\ncat "${root}/stand-in.txt"\nexit ${code}\n`,
  )
  chmodSync(command, 0o755)
  return command
}
