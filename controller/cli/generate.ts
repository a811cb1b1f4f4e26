// `ringmaster generate`: writes the files that come from the definitions of the kinds, or checks that they are current.
import { promises as fs } from 'node:fs'
import { dirname, join } from 'node:path'
import { KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'
import { reasonOf } from '../model/reason.ts'
import { POLICY_TEST_EXAMPLE } from '../policy-test/example.ts'
import { policyTestSchema } from '../policy-test/policy-test.ts'
import { PRINTER_COLUMNS } from '../project/printer-columns.ts'
import { STATUS_SCHEMAS } from '../project/status-schemas.ts'
import { chartKinds } from '../sources/chart.ts'
import { customResourceDefinition } from '../sources/crd.ts'
import { editorSchema } from '../sources/editor-schema.ts'
import { EXAMPLES } from '../sources/examples.ts'
import { plainForms } from '../sources/form-of.ts'
import { pageFrom, referencePages } from '../sources/reference.ts'
import { asSchema, combinedSchema, objectSchema } from '../sources/schema.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'
import { documentSchema } from './document-schemas.ts'

export const generateCommand: Command = {
  usage: `Usage: ringmaster generate [--check] [ROOT]

Writes schemas/, crds/, charts/ringmaster/files/, docs/reference/ and docs/errors/ below ROOT (default: the current directory),
and controller/sources/plain-forms.json.
For those who work on Ringmaster itself.

  --check   Write nothing; list the files that are not current
  --help    This text

Exit code: 0 done or current, 1 not current, 2 wrong usage, 3 a file cannot be read or written.`,
  async run(args, io) {
    const parsed = readArgs(generateCommand, args, io, {
      options: { check: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const [root = '.', ...rest] = parsed.positionals
    if (rest.length > 0) return wrongUsage(generateCommand, io, 'name one directory at most')
    try {
      const stale = await generate(root, { check: parsed.values.check === true })
      if (stale.length === 0) return EXIT.good
      io.stdout(stale.map((path) => `${path}\n`).join(''))
      if (parsed.values.check !== true) return EXIT.good
      io.stderr(`${stale.length} generated files are not current: run \`npm run generate\` and commit them\n`)
      return EXIT.bad
    } catch (error) {
      io.stderr(`${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

/** A chart takes no files from outside its folder. */
const CHART_FILES = 'charts/ringmaster/files'

/** The CRD of a kind, as YAML. */
export function definitionOf(kind: Kind): string {
  return customResourceDefinition(kind, { status: STATUS_SCHEMAS[kind], columns: PRINTER_COLUMNS[kind] })
}

/** Paths of generated files, below the root, to their contents. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const others = {
    Scenario: editorSchema(documentSchema('Scenario') ?? {}),
    PolicyTest: editorSchema(documentSchema('PolicyTest') ?? {}, POLICY_TEST_EXAMPLE),
    Project: editorSchema(documentSchema('Project') ?? {}),
  }
  const kindSchema = (kind: Kind) => editorSchema(objectSchema(kind), EXAMPLES[kind])
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  return new Map([
    ...KIND_NAMES.map((kind) => [`schemas/${kind}.json`, json(kindSchema(kind))] as const),
    ['schemas/ringmaster.json', json(combinedSchema(others, kindSchema))],
    ...Object.entries(others).map(([kind, schema]) => [`schemas/${kind}.json`, json(schema)] as const),
    ...KIND_NAMES.flatMap((kind) =>
      ['crds', `${CHART_FILES}/crds`].map(
        (folder) => [`${folder}/${KINDS[kind].plural}.yaml`, definitionOf(kind)] as const,
      ),
    ),
    [`${CHART_FILES}/kinds.yaml`, chartKinds()],
    ['docs/reference/PolicyTest.md', policyTestPage()],
    ['controller/sources/plain-forms.json', json(plainForms())],
    ...[...referencePages()].map(([path, text]) => [`docs/${path}`, text] as const),
  ])
}

function policyTestPage(): string {
  const about = `What declarations do, to which devices and when, written down beside them; \`ringmaster test\` plays it. It is no declaration:
a controller passes it by. [The guide](../guides/policy-tests.md) tells how to write one.`
  const spec = asSchema(policyTestSchema().properties?.spec) ?? {}
  return pageFrom('PolicyTest', about, POLICY_TEST_EXAMPLE, spec)
}

/** Folders of which every file is generated: what else lies there is left over from earlier, and is removed. */
const FOLDERS = ['schemas', 'crds', `${CHART_FILES}/crds`, 'docs/reference', 'docs/errors']

/** Writes (or with `check` only compares) all files. Returns the paths that were not current, sorted. Rejects on I/O errors. */
export async function generate(root: string, { check }: { readonly check: boolean }): Promise<string[]> {
  const files = generatedFiles()
  const stale: string[] = []
  for (const [path, text] of files) {
    const target = join(root, path)
    if ((await readOptional(target)) === text) continue
    stale.push(path)
    if (check) continue
    await fs.mkdir(dirname(target), { recursive: true })
    await fs.writeFile(target, text)
  }
  for (const folder of FOLDERS) {
    for (const name of await listOptional(join(root, folder))) {
      const path = `${folder}/${name}`
      if (files.has(path)) continue
      stale.push(path)
      if (!check) await fs.rm(join(root, path))
    }
  }
  return stale.sort()
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await fs.readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function listOptional(path: string): Promise<string[]> {
  try {
    const entries = await fs.readdir(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
