// The house rules of the code, as a test: where imports may point, who alone may import an outside library, what the core
// must not touch, and how long a file and a function may be.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const CODE = join(ROOT, 'controller')

/** What each folder of controller/ may import besides itself. The order is that of the flow. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  schedule: ['model'],
  catalog: ['model'],
  fleet: ['model', 'schedule'],
  journal: ['model'],
  rollout: ['model', 'schedule', 'catalog', 'fleet'],
  state: ['model', 'schedule', 'catalog', 'fleet', 'journal', 'rollout'],
  sources: ['model', 'schedule', 'catalog', 'fleet'],
  project: ['model', 'schedule', 'catalog', 'fleet', 'journal', 'rollout', 'state'],
  runtime: ['model', 'catalog', 'journal', 'rollout', 'state', 'sources', 'project'],
  serve: ['model', 'catalog', 'fleet', 'journal', 'rollout', 'state', 'project', 'runtime'],
  kube: [],
  operator: ['model', 'journal', 'rollout', 'state', 'sources', 'project', 'runtime', 'kube'],
  simulate: ['model', 'schedule', 'catalog', 'fleet', 'rollout', 'state', 'sources', 'project'],
  preview: ['model', 'schedule', 'catalog', 'fleet', 'rollout', 'state', 'sources', 'project'],
  'policy-test': ['model', 'schedule', 'catalog', 'fleet', 'rollout', 'state', 'sources', 'project', 'simulate'],
  load: ['model'],
  cli: [
    'model',
    'schedule',
    'catalog',
    'fleet',
    'journal',
    'rollout',
    'state',
    'sources',
    'project',
    'runtime',
    'serve',
    'kube',
    'operator',
    'simulate',
    'preview',
    'policy-test',
    'load',
  ],
}

/** Outside libraries, and the one folder that imports each. */
const SOLE_IMPORTER: Readonly<Record<string, readonly string[]>> = {
  '@kubernetes/client-node': ['kube'],
  '@peculiar/x509': ['kube'],
  chokidar: ['sources'],
  diff: ['cli'],
  fastify: ['serve'],
  'prom-client': ['project'],
  pg: ['journal'],
  'simple-git': ['sources'],
  pino: ['cli'],
  saxes: ['catalog'],
  undici: ['load'],
  yaml: ['sources', 'policy-test', 'cli'],
  zod: ['model', 'catalog', 'sources', 'simulate', 'policy-test', 'serve'],
  'node:sqlite': ['journal'],
  'node:http': ['cli', 'serve', 'kube'],
  'node:child_process': ['sources'],
}

const CORE = ['model', 'schedule', 'fleet', 'rollout', 'state', 'preview']
const FORBIDDEN_IN_CORE =
  /\b(Date\.now|new Date\(\)|Math\.random|Temporal\.Now|performance\.|process\.|toLocale|localeCompare|crypto\.random)/
const MAX_FILE_LINES = 400
const MAX_FUNCTION_LINES = 60

const files = readdirSync(CODE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, folder: name.split('/')[0] ?? '', text: readFileSync(join(CODE, name), 'utf8') }))

test('imports point one way', async (t) => {
  t.ok(files.length > 50, 'the code was found')
  for (const { name, folder, text } of files)
    for (const imported of importsOf(text)) {
      if (!imported.startsWith('.')) continue
      const target = relative(CODE, join(CODE, dirname(name), imported)).split('/')[0] ?? ''
      if (target === folder) continue
      if (!MAY_IMPORT[folder]?.includes(target))
        t.fail(`${name} imports from ${target}: ${folder} may import ${MAY_IMPORT[folder]}`)
    }
})

test('each outside library has its importer', async (t) => {
  for (const { name, folder, text } of files)
    for (const imported of importsOf(text)) {
      const importers = SOLE_IMPORTER[imported]
      if (importers !== undefined && !importers.includes(folder))
        t.fail(`${name} imports ${imported}, which is for ${importers}`)
      if (importers === undefined && !imported.startsWith('.') && !imported.startsWith('node:'))
        t.fail(`${name} imports ${imported}, which no rule knows`)
    }
})

test('the core has no clock, no randomness, no environment, no locale and no input or output', async (t) => {
  for (const { name, folder, text } of files) {
    if (!CORE.includes(folder) && !(folder === 'catalog' && !name.includes('feeds/'))) continue
    const found = FORBIDDEN_IN_CORE.exec(withoutComments(text))
    if (found) t.fail(`${name} uses ${found[0]}`)
    for (const imported of importsOf(text)) if (imported.startsWith('node:')) t.fail(`${name} imports ${imported}`)
  }
})

test('files and functions are short', async (t) => {
  for (const { name, text } of files) {
    const lines = text.split('\n')
    if (lines.length > MAX_FILE_LINES) t.fail(`${name} has ${lines.length} lines, more than ${MAX_FILE_LINES}`)
    for (const { line, length } of longFunctions(lines)) t.fail(`${name}:${line} begins a function of ${length} lines`)
  }
})

test('no barrel files, default exports, enums, namespaces or any', async (t) => {
  for (const { name, text } of files) {
    const code = withoutComments(text).replace(/'[^'\n]*'|"[^"\n]*"/g, "''")
    for (const found of code.matchAll(
      /^export (default|enum|namespace|\*)|[:<] any\b|\bas any\b|@ts-ignore|biome-ignore/gm,
    ))
      t.fail(`${name}: ${found[0]}`)
  }
})

// docs/decisions/0096-plain-objects-without-zod.md
test('what validate loads before it has seen a file is without zod and yaml, which take longest to load', async (t) => {
  const loaded = new Set(['cli/main.ts', 'cli/validate.ts'])
  for (const name of loaded) {
    const text = files.find((file) => file.name === name)?.text ?? ''
    for (const imported of loadedBy(text)) {
      if (['zod', 'yaml'].includes(imported)) t.fail(`${name} loads ${imported}`)
      if (imported.startsWith('.')) loaded.add(relative(CODE, join(CODE, dirname(name), imported)))
    }
  }
  t.ok(loaded.has('sources/plain-object.ts'), `${loaded.size} files were looked at`)
})

/** Without what is imported for its types alone, or later. */
function loadedBy(text: string): string[] {
  return [...text.matchAll(/^(?:import|export) (?!type\b)[^'"]*?from '([^']+)'/gm)].map(([, name = '']) => name)
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\b[^'"]*?from ['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm)].map(
    ([, named, dynamic]) => named ?? dynamic ?? '',
  )
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}

// The formatter ends a function at the indentation at which it began, so that its length can be read off the lines.
function longFunctions(lines: readonly string[]): { line: number; length: number }[] {
  const found: { line: number; length: number }[] = []
  for (const [i, line] of lines.entries()) {
    const [, indent] =
      /^( {0,2})(?:export )?(?:static )?(?:async )?(?:function\b|#?\w+\(.*\{$|const \w+ = .*=> \{$)/.exec(line) ?? []
    if (indent === undefined || /^\s*(if|for|while|switch|return|test)\b/.test(line)) continue
    const end = lines.findIndex((other, j) => j > i && other.startsWith(`${indent}}`))
    if (end - i + 1 > MAX_FUNCTION_LINES) found.push({ line: i + 1, length: end - i + 1 })
  }
  return found
}
