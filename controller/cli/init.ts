// `ringmaster init [DIR]`: a starter repository, with rules, tests and CI. Its files stand in init/starter.
import { constants, promises as fs } from 'node:fs'
import { dirname, join } from 'node:path'
import { reasonOf } from '../model/reason.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'

const DEFAULT_RECIPES = 'ringmaster/ringmaster'

export const initCommand: Command = {
  usage: `Usage: ringmaster init [--ci github|gitlab|none] [--recipes OWNER/REPO[@REF]] [--force] [DIR]

Writes a starter repository into DIR (default: the current directory): collections, windows, a freeze, rules, a small catalog,
policy tests, settings for editors and pre-commit, and a workflow that checks each change. README.md in it says what to do next.
What is written is valid, formatted and passes its tests. Files that are there already are not touched: then nothing is written.

  --ci github        A workflow for GitHub Actions (default)
  --ci gitlab        A pipeline for GitLab
  --ci none          Neither
  --recipes OWNER/REPO[@REF]
                     Where the CI recipes of Ringmaster are taken from (default ${DEFAULT_RECIPES}, of this version)
  --force            Write all the same. What is there and differs is kept beside, as NAME.orig; nothing is deleted
  --help             This text

Exit code: 0 done, 1 there are files of these names, 2 wrong usage, 3 something cannot be written.`,
  async run(args, io) {
    const parsed = readArgs(initCommand, args, io, {
      options: {
        ci: { type: 'string', default: 'github' },
        recipes: { type: 'string', default: DEFAULT_RECIPES },
        force: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const [target = '.', ...rest] = parsed.positionals
    const { ci, recipes, force } = parsed.values
    if (rest.length > 0) return wrongUsage(initCommand, io, 'name one directory at most')
    if (!isCi(ci)) return wrongUsage(initCommand, io, `--ci must be github, gitlab or none, not ${ci}`)
    const [, repository, ref] = /^([\w.-]+(?:\/[\w.-]+)+)(?:@([\w./-]+))?$/.exec(recipes) ?? []
    if (repository === undefined)
      return wrongUsage(initCommand, io, `--recipes must be OWNER/REPO or OWNER/REPO@REF, not ${recipes}`)
    try {
      const files = await starterFiles(ci, repository, ref ?? `v${await version()}`)
      return await write(target, files, force, io)
    } catch (error) {
      io.stderr(`ringmaster: ${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

const CIS = ['github', 'gitlab', 'none'] as const
type Ci = (typeof CIS)[number]

function isCi(text: string): text is Ci {
  return CIS.some((ci) => ci === text)
}

const STARTER = join(import.meta.dirname, 'init/starter')
const PACKAGE = join(import.meta.dirname, '../..')

/** Names below the new repository, with `/`, to contents; in order of the names. */
async function starterFiles(ci: Ci, repository: string, ref: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const entries = await fs.readdir(STARTER, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    // Names that begin with a dot would be lost or obeyed where this package is kept itself.
    const name = path
      .slice(STARTER.length + 1)
      .replaceAll('\\', '/')
      .replace(/^dot-/, '.')
    if (name.startsWith('.github/') && ci !== 'github') continue
    if (name === '.gitlab-ci.yml' && ci !== 'gitlab') continue
    const text = await fs.readFile(path, 'utf8')
    files.set(
      name,
      text
        .replaceAll('RINGMASTER_HOST', ci === 'gitlab' ? 'gitlab.com' : 'github.com')
        .replaceAll('RINGMASTER_RECIPES', repository)
        .replaceAll(/(?<=@|rev: |ref: |RINGMASTER_REF: )RINGMASTER_REF/g, ref),
    )
  }
  for (const name of await schemaNames())
    files.set(`.schemas/${name}`, await fs.readFile(join(PACKAGE, 'schemas', name), 'utf8'))
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const SCHEMAS = ['ringmaster.json', 'PolicyTest.json', 'Project.json', 'Scenario.json']

async function schemaNames(): Promise<string[]> {
  const names = await fs.readdir(join(PACKAGE, 'schemas'))
  return names.filter((name) => SCHEMAS.includes(name))
}

async function write(target: string, files: ReadonlyMap<string, string>, force: boolean, io: Io): Promise<number> {
  const there: string[] = []
  for (const [name, text] of files) if (await differs(join(target, name), text)) there.push(name)
  if (there.length > 0 && !force) {
    io.stderr(`${target} has ${there.length === 1 ? 'a file' : 'files'} of these names already: ${there.join(', ')}\n`)
    io.stderr('Nothing is written. Choose an empty directory, or keep them beside as NAME.orig with --force\n')
    return EXIT.bad
  }
  for (const [name, text] of files) {
    const path = join(target, name)
    await fs.mkdir(dirname(path), { recursive: true })
    if (there.includes(name)) io.stdout(`kept ${join(target, name)} as ${await keep(path)}\n`)
    await fs.writeFile(path, text)
  }
  io.stdout(`${files.size} files written to ${target}; README.md says what to do next\n`)
  return EXIT.good
}

/** Whether something else is there. Rejects when it cannot be read. */
async function differs(path: string, text: string): Promise<boolean> {
  try {
    return (await fs.readFile(path, 'utf8')) !== text
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw error
  }
}

const MAX_KEPT = 1000

/** Copies the file to the first name that is free, and says which. */
async function keep(path: string): Promise<string> {
  for (let i = 0; i < MAX_KEPT; i++) {
    const beside = `${path}.orig${i === 0 ? '' : i}`
    try {
      await fs.copyFile(path, beside, constants.COPYFILE_EXCL)
      return beside
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
  throw new Error(`there are ${MAX_KEPT} files ${path}.orig…: remove some`)
}

async function version(): Promise<string> {
  const manifest: unknown = JSON.parse(await fs.readFile(join(PACKAGE, 'package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '0.0.0'
}
