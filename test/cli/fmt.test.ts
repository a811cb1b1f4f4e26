// `ringmaster fmt` as a command: what it writes, what it leaves alone, and its exit codes.
import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { main } from '../../controller/cli/main.ts'

const BAD = `kind: Collection
apiVersion: ringmaster.dev/v1alpha1
metadata: { name: a }
spec:
    include: [ all ]   # who
`
const GOOD = `apiVersion: ringmaster.dev/v1alpha1
kind: Collection
metadata: {name: a}
spec:
  include: [all] # who
`

async function call(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const stdout = (text: string) => {
    out += text
  }
  const stderr = (text: string) => {
    err += text
  }
  return { exit: await main(args, { stdout, stderr }), out, err }
}

test('files are written whole, keep their mode, and are listed', async (t) => {
  const root = t.testdir({ 'a.yaml': BAD, 'b.yaml': GOOD, sub: { 'c.yml': BAD } })
  chmodSync(join(root, 'a.yaml'), 0o640)
  t.same(await call('fmt', root), { exit: 0, out: `${join(root, 'a.yaml')}\n${join(root, 'sub/c.yml')}\n`, err: '' })
  t.equal(readFileSync(join(root, 'a.yaml'), 'utf8'), GOOD)
  t.equal(readFileSync(join(root, 'sub/c.yml'), 'utf8'), GOOD)
  t.equal(statSync(join(root, 'a.yaml')).mode & 0o777, 0o640)
  t.same(readdirSync(root).sort(), ['a.yaml', 'b.yaml', 'sub'], 'nothing is left behind')
  t.same(await call('fmt', root), { exit: 0, out: '', err: '' })
})

test('--check and --diff write nothing, and say so by 1', async (t) => {
  const root = t.testdir({ 'a.yaml': BAD, 'b.yaml': GOOD })
  const file = join(root, 'a.yaml')
  t.same(await call('fmt', '--check', root), { exit: 1, out: `${file}\n`, err: '' })
  const { exit, out } = await call('fmt', '--diff', root)
  t.equal(exit, 1)
  t.match(out, `--- ${file}`)
  t.match(out, '\n-metadata: { name: a }\n')
  t.match(out, '\n+metadata: {name: a}\n')
  t.equal(readFileSync(file, 'utf8'), BAD)
  t.equal((await call('fmt', '--check', join(root, 'b.yaml'))).exit, 0)
})

test('what is not ours or broken is left alone; a named file that cannot be formatted is 1', async (t) => {
  const root = t.testdir({ 'other.yaml': 'kind:   ConfigMap\n', 'broken.yaml': 'a: [\n' })
  const all = await call('fmt', root)
  t.match(all, { exit: 0, out: '', err: /broken\.yaml: left alone: no valid YAML/ })
  t.notMatch(all.err, 'other.yaml')
  t.match(await call('fmt', join(root, 'other.yaml')), { exit: 1, err: /left alone: it has documents that are not of/ })
  t.equal(readFileSync(join(root, 'other.yaml'), 'utf8'), 'kind:   ConfigMap\n')
})

test('a link stays a link', async (t) => {
  const root = t.testdir({ real: { 'a.yaml': BAD } })
  symlinkSync('real/a.yaml', join(root, 'link.yaml'))
  t.equal((await call('fmt', join(root, 'link.yaml'))).exit, 0)
  t.ok(lstatSync(join(root, 'link.yaml')).isSymbolicLink())
  t.equal(readFileSync(join(root, 'real/a.yaml'), 'utf8'), GOOD)
})

test('- goes from standard input to standard output', async (t) => {
  const run = (input: string, ...args: string[]) => {
    const command = [join(import.meta.dirname, '../../bin/ringmaster'), 'fmt', ...args, '-']
    const { status, stdout } = spawnSync(process.execPath, command, { input, encoding: 'utf8' })
    return { status, stdout }
  }
  t.same(run(BAD), { status: 0, stdout: GOOD })
  t.match(run(BAD, '--check'), { status: 1, stdout: '' })
  t.match(run('a: [\n'), { status: 1, stdout: '' })
})

test('wrong usage is 2, and what cannot be read is 3', async (t) => {
  t.equal((await call('fmt')).exit, 2)
  t.equal((await call('fmt', '--check', '--diff', '.')).exit, 2)
  t.equal((await call('fmt', '-', '.')).exit, 2)
  t.equal((await call('fmt', join(t.testdir({}), 'no.yaml'))).exit, 3)
  const root = t.testdir({ 'a.yaml': GOOD })
  writeFileSync(join(root, 'a.yaml'), BAD)
  t.equal((await call('fmt', '--check', root)).exit, 1)
})
