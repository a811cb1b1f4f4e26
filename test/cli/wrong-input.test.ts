// What a person sees who calls a command wrongly: a message that names what is wrong, no secret, no stack, and the exit code.
import { join } from 'node:path'
import { test } from 'tap'
import { main } from '../../controller/cli/main.ts'

const TIMES = ['--from', '2026-01-01T00:00:00Z', '--until', '2026-01-02T00:00:00Z']

async function call(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const exit = await main(args, {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  return { exit, out, err }
}

test('help lists each command once, and each has help of its own that says what its exit codes mean', async (t) => {
  const { out } = await call('help')
  const names = [...out.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name ?? '')
  t.ok(names.length > 10)
  t.equal(new Set(names).size, names.length)
  for (const name of names) {
    const help = await call(name, '--help')
    t.equal(help.exit, 0)
    t.match(help.out, new RegExp(`^Usage: ringmaster ${name}\\b`))
    t.match(help.out, /Exit code: 0 /)
    const wrong = await call(name, '--no-such-option')
    t.equal(wrong.exit, 2, `${name} with a wrong option`)
    t.match(wrong.err, /^Unknown option '--no-such-option'\n/)
  }
})

test('a misspelt command is told what was meant', async (t) => {
  const { exit, err } = await call('validat')
  t.equal(exit, 2)
  t.match(err, /did you mean `ringmaster validate`/)
})

test('a token file with something else in it is refused, and its content is not shown', async (t) => {
  const file = join(t.testdir({ notes: 'my password is hunter2\nand more\n', empty: '\n' }), 'notes')
  for (const one of [file, join(file, '../empty')]) {
    const { exit, err } = await call('evaluate', 'office', '--token-file', one)
    t.equal(exit, 3)
    t.match(err, /holds no token: a token is one word/)
    t.notMatch(err, /hunter2/)
  }
})

test('a scenario that cannot be read is named, with the reason', async (t) => {
  const folder = t.testdir({ declarations: {}, 'large.yaml': 'a'.repeat(2_000_000) })
  const scenario = (name: string) =>
    call('simulate', join(folder, 'declarations'), '--scenario', join(folder, name), ...TIMES)
  const missing = await scenario('missing.yaml')
  t.equal(missing.exit, 3)
  t.match(missing.err, /missing\.yaml: cannot be read: it does not exist/)
  const directory = await scenario('declarations')
  t.equal(directory.exit, 3)
  t.match(directory.err, /declarations: this is no ordinary file/)
  const large = await scenario('large.yaml')
  t.equal(large.exit, 1)
  t.match(large.err, /large\.yaml:1:1: RM1001: the file has 2000000 bytes/)
})

test('a data folder that cannot be made, or is a file, ends the start with the reason', async (t) => {
  const folder = t.testdir({ declarations: {}, file: '' })
  const run = (data: string) => call('run', join(folder, 'declarations'), '--data', data, '--listen', '127.0.0.1:0')
  const file = await run(join(folder, 'file'))
  t.equal(file.exit, 3)
  t.match(file.err, /the data folder .*file cannot be written to \(it is a file\): name another one with --data DIR/)
  const nowhere = await run('/proc/ringmaster/data')
  t.equal(nowhere.exit, 3)
  t.match(nowhere.err, /the data folder \/proc\/ringmaster\/data cannot be written to/)
})
