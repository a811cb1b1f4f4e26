// The YAML language server as an editor runs it, over its standard input and output.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'

const SERVER = join(import.meta.dirname, '../../node_modules/yaml-language-server/bin/yaml-language-server')

export type Diagnostic = { readonly message: string; readonly range: { readonly start: { readonly line: number } } }
export type Completion = { readonly label: string; readonly documentation?: string | { readonly value: string } }
type Message = {
  readonly id?: number | string
  readonly method?: string
  readonly params?: { readonly uri?: string; readonly diagnostics?: Diagnostic[]; readonly items?: unknown[] }
  readonly result?: unknown
}

export type LanguageServer = {
  /** What it finds fault with in a text, as if it stood at this path. */
  diagnose(path: string, text?: string): Promise<Diagnostic[]>
  /** What it offers at the end of a text. */
  complete(path: string, text: string): Promise<Completion[]>
  /** What it says of the place, as Markdown. */
  hover(path: string, text: string, line: number, character: number): Promise<string>
}

/** Started with its schema store off, so that nothing is fetched. Ends with the test. */
export async function startLanguageServer(t: Test): Promise<LanguageServer> {
  const child = spawn(process.execPath, [SERVER, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill())
  const waiting = new Map<number, (result: unknown) => void>()
  const published = new Map<string, (found: Diagnostic[]) => void>()
  let sent = 0
  let version = 0
  const send = (message: object) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }
  const request = (method: string, params: object) =>
    new Promise<unknown>((resolve) => {
      waiting.set(++sent, resolve)
      send({ id: sent, method, params })
    })
  const take = ({ id, method, params, result }: Message) => {
    if (method === undefined) {
      if (typeof id === 'number') waiting.get(id)?.(result)
      return
    }
    if (method === 'textDocument/publishDiagnostics') published.get(params?.uri ?? '')?.(params?.diagnostics ?? [])
    if (id === undefined) return
    // Settings are asked for by section; everything else it asks of an editor is none of ours.
    const sections = params?.items?.map((_, i) => (i === 0 ? SETTINGS : {}))
    send({ id, result: method === 'workspace/configuration' ? sections : null })
  }
  let rest = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf('\r\n\r\n')
      const [, length] = /Content-Length: (\d+)/.exec(rest.subarray(0, Math.max(0, end)).toString()) ?? []
      if (end < 0 || length === undefined || rest.length < end + 4 + Number(length)) return
      take(JSON.parse(rest.subarray(end + 4, end + 4 + Number(length)).toString()))
      rest = rest.subarray(end + 4 + Number(length))
    }
  })
  const open = (path: string, text: string) => {
    const uri = pathToFileURL(path).href
    send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'yaml', version: ++version, text } },
    })
    return uri
  }
  await request('initialize', { processId: process.pid, rootUri: null, capabilities: CAPABILITIES })
  send({ method: 'initialized', params: {} })
  return {
    diagnose: (path, text = readFileSync(path, 'utf8')) =>
      new Promise((resolve) => {
        published.set(pathToFileURL(path).href, resolve)
        open(path, text)
      }),
    async complete(path, text) {
      const lines = text.split('\n')
      const position = { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 }
      const result = await request('textDocument/completion', { textDocument: { uri: open(path, text) }, position })
      return completionsIn(result)
    },
    async hover(path, text, line, character) {
      const result = await request('textDocument/hover', {
        textDocument: { uri: open(path, text) },
        position: { line, character },
      })
      return JSON.stringify(result)
    },
  }
}

const SETTINGS = {
  validate: true,
  completion: true,
  hover: true,
  schemaStore: { enable: false },
  kubernetesCRDStore: { enable: false },
}
const CAPABILITIES = {
  workspace: { configuration: true },
  textDocument: { completion: { completionItem: { documentationFormat: ['markdown'] } }, publishDiagnostics: {} },
}

function completionsIn(result: unknown): Completion[] {
  if (Array.isArray(result)) return result
  return typeof result === 'object' && result !== null && 'items' in result && Array.isArray(result.items)
    ? result.items
    : []
}
