// What `ringmaster validate` is told to check and how: sets, settings, standard input, instants, exit codes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'tap'
import { validate, validateCommand } from '../../controller/cli/validate.ts'
import { manifest } from '../sources/samples.ts'

const AT = '2026-01-15T00:00:00Z'
const project = (spec: string) => `apiVersion: ringmaster.dev/v1alpha1\nkind: Project\nspec: ${spec}\n`
const coll = (name: string, spec = '{include: [all]}') => manifest('Collection', name, spec)
const EMPTY = '{queries: [{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: DoesNotExist}]}]}'

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' }
  const exit = await validateCommand.run(['--at', AT, ...args], {
    stdout: (text) => {
      written.stdout += text
    },
    stderr: (text) => {
      written.stderr += text
    },
  })
  const codes = [...written.stdout.matchAll(/\b(warning |note )?(RM\d{4})\b/g)].map(
    ([, level = '', code]) => level + code,
  )
  return { exit, codes, ...written }
}

async function piped(text: string) {
  let stdout = ''
  const options = { format: 'text', strict: false, at: Date.parse(AT) } as const
  const exit = await validate({ paths: ['-'], stdin: () => Readable.from([text]) }, options, {
    stdout: (out) => {
      stdout += out
    },
  })
  return { exit, stdout }
}

test('a warning fails with --strict only, and ringmaster.yaml can make it an error, a note, or nothing', async (t) => {
  const dir = t.testdir({ '.git': {}, 'a.yaml': `${coll('c', EMPTY)}---\n${coll('d', '{include: [c]}')}` })
  const set = (severities: string) =>
    writeFileSync(join(dir, 'ringmaster.yaml'), project(`{severities: ${severities}}`))
  t.match(await run(dir), { exit: 0, codes: ['warning RM1502', 'note RM1513', 'warning RM1502'] })
  t.match(await run(dir, '--strict'), { exit: 1 })
  set('{RM1513: Off}')
  t.match(await run(dir), { exit: 0, codes: ['warning RM1502', 'warning RM1502'] })
  set('{RM1502: Note, RM1513: Warning}')
  t.match(await run(dir), { exit: 0, codes: ['note RM1502', 'warning RM1513', 'note RM1502'] })
  t.match(await run(dir, '--strict'), { exit: 1 })
  set('{RM1502: Error, RM1513: Off}')
  t.match(await run(dir), { exit: 1, codes: ['RM1502', 'RM1502'] })
  t.match(await run(join(dir, 'a.yaml')), { exit: 1, codes: ['RM1502', 'RM1502'] }, 'found above a file as well')
})

test('what is wrong with ringmaster.yaml is told with its place, and errors cannot be lowered', async (t) => {
  const dir = t.testdir({ '.git': {}, 'a.yaml': coll('all-servers') })
  const file = join(dir, 'ringmaster.yaml')
  const told = async (spec: string) => {
    writeFileSync(file, project(spec))
    const { exit, stdout } = await run(dir)
    t.equal(exit, 1)
    return stdout.split('\n')[0]?.replace(/^.*ringmaster\.yaml:/, '')
  }
  t.match(await told('{severities: {RM1201: Warning}}'), /^3:21: RM\d+ .*RM1201 is an error of a declaration/)
  t.match(await told('{severities: {RM1599: Off}}'), /^3:21: RM\d+ .*there is no code RM1599; did you mean `RM1509`/)
  t.match(await told('{severities: {RM1502: Ignore}}'), /^3:29: RM1204 .*write Off, Note, Warning or Error/)
  t.match(await told('{severities: {RM1502: off}}'), /^3:29: RM1204 .*write Off/)
  t.match(await told('{severity: {}}'), /^3:8: RM1201 .*use `severities`, `ignore`/)
  t.match(await told('{ignore: x}'), /^3:16: RM1203 .*must be a list/)
  writeFileSync(file, '')
  t.match((await run(dir)).stdout, /ringmaster\.yaml:1:1: RM1018: the file is empty: write a Project/)
  writeFileSync(file, `${project('{}')}---\n${project('{}')}`)
  t.match((await run(dir)).stdout, /ringmaster\.yaml:5:1: RM1006/)
})

test('a file of declarations may have the name of the settings', async (t) => {
  const dir = t.testdir({ '.git': {}, 'ringmaster.yaml': coll('c', '{includes: [all]}') })
  t.match(await run(dir), { exit: 1, codes: ['RM1201'] })
})

test('a folder with settings of its own is a set of its own', async (t) => {
  const one = { 'ringmaster.yaml': project('{}'), 'a.yaml': coll('same'), 'b.yaml': coll('user', '{include: [same]}') }
  const dir = t.testdir({ '.git': {}, one, two: { ...one, inner: { 'c.yaml': coll('inner', '{include: [same]}') } } })
  t.match(await run(dir), { exit: 0, codes: ['note RM1513', 'note RM1513', 'note RM1513'] })
  const shared = t.testdir({ '.git': {}, one: { 'a.yaml': coll('same') }, two: { 'a.yaml': coll('same') } })
  t.match(await run(shared), { exit: 1, codes: ['RM1301'] }, 'without them all is one')
})

test('settings are looked for up to the root of the repository, or named', async (t) => {
  const off = project('{severities: {RM1513: Off}}')
  const dir = t.testdir({ 'ringmaster.yaml': off, repo: { '.git': {}, rules: { 'a.yaml': coll('c') } } })
  t.match(await run(join(dir, 'repo')), { codes: ['note RM1513'] }, 'not above it')
  t.match(await run(join(dir, 'repo'), '--config', join(dir, 'ringmaster.yaml')), { exit: 0, codes: [] })
  writeFileSync(join(dir, 'repo/ringmaster.yaml'), off)
  t.match(await run(join(dir, 'repo/rules')), { exit: 0, codes: [] })
  const missing = await run(join(dir, 'repo'), '--config', join(dir, 'nowhere.yaml'))
  t.equal(missing.exit, 3)
  t.match(missing.stdout, /RM1014: the settings cannot be read/)
})

test('ignored files are not looked at', async (t) => {
  const dir = t.testdir({
    '.git': {},
    'a.yaml': coll('a'),
    'b.draft.yaml': 'kind: [',
    drafts: { x: { 'c.yaml': 'kind: [' } },
  })
  t.equal((await run(dir)).exit, 1)
  writeFileSync(join(dir, 'ringmaster.yaml'), project('{ignore: ["*.draft.yaml", drafts/], severities: {RM1513: Off}}'))
  t.match(await run(dir), { exit: 0, stdout: '1 file, 1 object: no errors\n' })
})

test('what kustomize and helm print comes by standard input', async (t) => {
  const helm = `---
# Source: fleet/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
---
# Source: fleet/templates/empty.yaml
---
# Source: fleet/templates/servers.yaml
${coll('servers', '{includes: [all]}')}`
  t.match(await piped(helm), {
    exit: 1,
    stdout:
      '-:13:8: RM1201 spec.includes: unknown field `includes`; did you mean `include`? (from fleet/templates/servers.yaml)\n1 file, 0 objects, 1 other document ignored: 1 error; `ringmaster explain CODE` tells more\n',
  })
  t.match(await piped('apiVersion: apps/v1\nkind: Deployment\n'), { exit: 0 }, 'nothing of ours is no error')
  t.match(await piped(' \n'), { exit: 1, stdout: /-:1:1: RM1018: nothing came by standard input/ })
  t.match(await piped(`# ${'x'.repeat(1024 * 1024)}`), { exit: 1, stdout: /RM1001: more than 1048576 bytes/ })
})

test('items of a List are objects, each with its place, also on one line', async (t) => {
  const item = (name: string, include: string) => ({
    apiVersion: 'ringmaster.dev/v1alpha1',
    kind: 'Collection',
    metadata: { name },
    spec: { include: [include] },
  })
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [item('a', 'all'), item('b', 'a'), item('c', 'gone'), { kind: 'Pod', apiVersion: 'v1' }],
  }
  const lines = JSON.stringify(list, null, 2)
  const at = lines.split('\n').findIndex((line) => line.includes('"gone"')) + 1
  t.match(await piped(lines), { exit: 1, stdout: new RegExp(`^-:${at}:11: RM1302 spec\\.include\\[0\\]: .*"gone"`) })
  const line = JSON.stringify(list)
  t.match(await piped(line), { exit: 1, stdout: new RegExp(`^-:1:${line.indexOf('"gone"') + 1}: RM1302`) })
  t.match((await piped(line)).stdout, /1 file, 3 objects, 1 other document ignored/)
})

test('a misspelt kind without apiVersion is a mistake; a stranger stays one', async (t) => {
  const dir = t.testdir({
    '.git': {},
    'a.yaml': 'kind: Colection\nmetadata: {name: a}\n',
    'b.yaml': 'kind: Secret\nmetadata: {name: b}\n',
  })
  const { exit, stdout } = await run(dir)
  t.equal(exit, 1)
  t.match(stdout, /a\.yaml:1:7: RM1103 kind: unknown kind "Colection"; did you mean `Collection`/)
  t.notMatch(stdout, /b\.yaml/)
  t.match((await run(join(dir, 'b.yaml'))).stdout, /b\.yaml:1:1: RM1102/, 'but not when a person names the file')
})

test('the instant of judgement can be given, and must be one', async (t) => {
  const hold = manifest('UpdateHold', 'h', '{articleIds: [KB1], reason: r, until: 2026-02-01T00:00:00Z}')
  const dir = t.testdir({ '.git': {}, 'a.yaml': hold })
  t.match(await run(dir), { exit: 0, codes: [] })
  t.match(await run(dir, '--at', '2026-03-01T00:00:00Z'), { exit: 0, codes: ['note RM1510'] })
  const wrong = await run(dir, '--at', 'tomorrow')
  t.equal(wrong.exit, 2)
  t.match(wrong.stderr, /--at must be an RFC 3339 instant/)
})

test('named pipes, links in circles and folders without permission end with a message', async (t) => {
  const dir = t.testdir({ '.git': {}, 'a.yaml': t.fixture('symlink', 'a.yaml'), 'b.yaml': coll('b') })
  mkdirSync(join(dir, 'c.yaml'))
  t.match(await run(dir), { exit: 1, codes: ['RM1017'] })
  t.match(await run('/dev/null'), { exit: 1, stdout: /\/dev\/null:1:1: RM1014: this is no ordinary file|RM1018/ })
})
