import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { Command } from '../../controller/cli/command.ts'
import { generate, generateCommand } from '../../controller/cli/generate.ts'
import { validateCommand } from '../../controller/cli/validate.ts'
import { GOOD, manifest } from './samples.ts'

const root = join(import.meta.dirname, '../..')
const bad = manifest('Collection', 'a', '{includes: [all]}')

async function run(command: Command, ...args: string[]) {
  const written = { stdout: '', stderr: '' }
  const exit = await command.run(args, {
    stdout: (text) => {
      written.stdout += text
    },
    stderr: (text) => {
      written.stderr += text
    },
  })
  return { exit, ...written }
}

test('validate prints each error on a line of its own, and a summary', async (t) => {
  const dir = t.testdir({ 'a.yaml': bad, 'b.yaml': GOOD })
  const result = await run(validateCommand, dir)
  t.strictSame(result, {
    exit: 1,
    stdout: `${dir}/a.yaml:5:8: RM1201 spec.includes: unknown field \`includes\`; did you mean \`include\`?\n2 files, 12 objects: 1 error; \`ringmaster explain CODE\` tells more\n`,
    stderr: '',
  })
  await fs.rm(join(dir, 'a.yaml'))
  t.match(await run(validateCommand, '--at', '2026-01-15T00:00:00Z', dir), {
    exit: 0,
    stdout: /RM1512.*\n1 file, 12 objects: no errors, 1 note; /,
    stderr: '',
  })
})

test('validate prints JSON of the documented form', async (t) => {
  const dir = t.testdir({ 'a.yaml': bad })
  const { exit, stdout } = await run(validateCommand, '--format', 'json', join(dir, 'a.yaml'))
  t.equal(exit, 1)
  t.strictSame(JSON.parse(stdout), {
    valid: false,
    files: 1,
    objects: 0,
    errors: [
      {
        file: join(dir, 'a.yaml'),
        line: 5,
        column: 8,
        path: 'spec.includes',
        code: 'RM1201',
        message: 'unknown field `includes`; did you mean `include`?',
      },
    ],
    warnings: [],
    notes: [],
  })
})

test('validate checks several paths as one set, and a file that is named twice once', async (t) => {
  const dir = t.testdir({
    one: { 'a.yaml': manifest('Collection', 'a', '{include: [b]}') },
    'b.txt': manifest('Collection', 'b', '{include: [all]}'),
  })
  const paths = [join(dir, 'one'), join(dir, 'one/a.yaml'), join(dir, 'b.txt')]
  const { exit, stdout } = await run(validateCommand, ...paths)
  t.equal(exit, 0)
  t.match(stdout, /\n2 files, 2 objects: no errors, 1 note; /)
})

test('a path that does not exist is exit code 3, whatever else is good', async (t) => {
  const dir = t.testdir({ 'b.yaml': GOOD })
  const { exit, stdout } = await run(validateCommand, dir, join(dir, 'nowhere'))
  t.equal(exit, 3)
  t.match(stdout, /nowhere:1:1: RM1014: cannot be read: it does not exist\n/)
})

test('a directory without a YAML file is no directory without errors', async (t) => {
  const dir = t.testdir({ 'README.md': 'rules are elsewhere' })
  const { exit, stdout } = await run(validateCommand, dir)
  t.equal(exit, 1)
  t.match(stdout, /RM1018: the directory has no YAML file to check/)
})

test('wrong usage is exit code 2 with the usage on stderr, and --help is none', async (t) => {
  for (const args of [[], ['--fromat', 'json'], ['--format', 'xml', '.']]) {
    const { exit, stdout, stderr } = await run(validateCommand, ...args)
    t.strictSame([exit, stdout], [2, ''])
    t.match(stderr, /Usage: ringmaster validate/)
  }
  for (const command of [validateCommand, generateCommand]) {
    t.strictSame(await run(command, '--help'), { exit: 0, stdout: `${command.usage}\n`, stderr: '' })
  }
  t.equal((await run(generateCommand, 'a', 'b')).exit, 2)
})

test('the generated files of the repository are current', async (t) => {
  t.strictSame(await generate(root, { check: true }), [])
})

test('generate writes what is missing, mends what was changed and removes what is left over; --check only lists it', async (t) => {
  const dir = t.testdir({ crds: { 'old.yaml': 'x' }, docs: { 'concepts.md': 'mine' } })
  const listed = await run(generateCommand, '--check', dir)
  t.equal(listed.exit, 1)
  t.match(listed.stdout, /^crds\/old\.yaml$/m)
  t.strictSame(await fs.readdir(join(dir, 'crds')), ['old.yaml'])
  const written = await run(generateCommand, dir)
  t.strictSame([written.exit, written.stdout], [0, listed.stdout])
  t.notOk((await fs.readdir(join(dir, 'crds'))).includes('old.yaml'))
  t.equal(await fs.readFile(join(dir, 'docs/concepts.md'), 'utf8'), 'mine')
  await fs.appendFile(join(dir, 'docs/reference/reasons.md'), 'changed by hand')
  t.match(await run(generateCommand, '--check', dir), { exit: 1, stdout: 'docs/reference/reasons.md\n' })
})
