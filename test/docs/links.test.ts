// What README and docs say that can be checked: links lead somewhere, named files and commands exist, YAML is valid.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import { readTests } from '../../controller/policy-test/read-tests.ts'
import { readScenario } from '../../controller/simulate/scenario.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'

const ROOT = join(import.meta.dirname, '../..')
const pages = [
  join(ROOT, 'README.md'),
  ...['docs', 'examples', 'charts'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(ROOT, folder, file)),
  ),
].map((file) => ({ name: relative(ROOT, file), folder: dirname(file), text: readFileSync(file, 'utf8') }))

async function call(...args: string[]): Promise<{ exit: number; out: string }> {
  let out = ''
  const stdout = (text: string) => {
    out += text
  }
  return { exit: await main(args, { stdout, stderr: () => {} }), out }
}

/** Fenced blocks, with their language. */
function blocks(text: string): { language: string; code: string }[] {
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(([, indent = '', language = '', code = '']) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))
}

/** Everything set as code: blocks, indented lines and spans. Lines that end in a backslash go on. */
function codeOf(text: string): string[] {
  const rest = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '')
  const indented = [...rest.replaceAll(/\\\n\s*/g, '').matchAll(/^ {4}(.+)$/gm)].map(([, line = '']) => line)
  const spans = [...rest.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
  const fenced = blocks(text).flatMap(({ code }) => code.replaceAll(/\\\n\s*/g, '').split('\n'))
  return [...indented, ...spans, ...fenced]
}

function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every relative link leads to a file, and to a heading in it where it names one', async (t) => {
  let checked = 0
  for (const { name, folder, text } of pages) {
    const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`\n]+`/g, '')
    const broken = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return []
      checked++
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(ROOT, name) : join(folder, path)
      if (!existsSync(file)) return [target]
      return anchor === undefined || anchors(readFileSync(file, 'utf8')).includes(anchor) ? [] : [target]
    })
    t.same(broken, [], name)
  }
  t.ok(checked > 50)
})

test('every file that is named exists', async (t) => {
  for (const { name, folder, text } of pages) {
    const named = codeOf(text).flatMap((code) => [
      ...code.matchAll(/(?<![\w/.-])(?:examples|docs|schemas|crds|controller|bin|test)\/[\w./-]*[\w/]/g),
    ])
    const missing = named
      .map(([path]) => path)
      .filter((path) => ![ROOT, folder].some((at) => existsSync(join(at, path))))
    t.same(missing, [], name)
  }
})

test('every command and option that is named exists', async (t) => {
  const usages = new Map<string, string>()
  const usageOf = async (command: string) => {
    if (!usages.has(command)) {
      const { exit, out } = await call(command, '--help')
      if (exit === 0) usages.set(command, out)
    }
    return usages.get(command)
  }
  for (const { name, text } of pages) {
    const wrong: string[] = []
    for (const code of codeOf(text)) {
      const found = /^(?:npx |node bin\/)?ringmaster (?:help COMMAND|([a-z][a-z-]*))(.*)$/.exec(code)
      const [, command, rest = ''] = found ?? []
      if (command === undefined) continue
      const usage = await usageOf(command)
      const options = [...rest.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option)
      if (usage === undefined) {
        wrong.push(code)
        continue
      }
      const missing = options.filter((option) => !usage.includes(option))
      wrong.push(...missing.map((option) => `${command} ${option}`))
    }
    t.same(wrong, [], name)
  }
  t.ok(usages.size > 5)
})

test('the pages of commands list each command', async (t) => {
  const { out } = await call('help')
  const names = [...out.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name = '']) => name)
  const listed = (page: string) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z][a-z-]*)/g)].map(([, name]) => name),
    )
  const own = names.filter((name) => name !== 'generate')
  t.same(new Set(listed('docs/commands.md').filter((name) => own.includes(name ?? ''))), new Set(own))
  t.same(new Set(listed('README.md')), new Set(own.filter((name) => name !== 'quickstart')))
})

test('every script that is named exists', async (t) => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const { name, text } of pages) {
    const named = codeOf(text).flatMap((code) => [...code.matchAll(/npm (?:run ([a-z]+)|(start|test))/g)])
    t.same(
      named.map(([, run, short]) => run ?? short ?? '').filter((script) => scripts[script] === undefined),
      [],
      name,
    )
  }
})

test('every YAML block with objects is valid', async (t) => {
  let checked = 0
  // Error pages show what is wrong, and nobody writes an UpdateDeployment.
  const exempt = /^docs\/(errors\/|reference\/UpdateDeployment)/
  for (const { name, text } of pages.filter((page) => !exempt.test(page.name)))
    for (const { language, code } of blocks(text)) {
      if (language !== 'yaml' || !code.includes('apiVersion: ringmaster.dev/')) continue
      checked++
      if (/^kind: Scenario$/m.test(code)) t.equal(readScenario(name, code).type, 'Scenario', name)
      else if (/^kind: PolicyTest$/m.test(code)) t.same(readTests(name, code).problems, [], name)
      else t.same(parseManifests(name, code, { source: 'docs', revision: '' }).problems, [], name)
    }
  t.ok(checked > 10)
})
