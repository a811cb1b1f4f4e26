// The schemas as an editor uses them: the real YAML language server finds no fault with the examples, finds the faults that there
// are, completes fields, and explains them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startLanguageServer } from './language-server.ts'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLES = join(ROOT, 'examples')
const files = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.ya?ml$/.test(name))
  .map((name) => join(EXAMPLES, name))

const HEAD = (schema: string) =>
  `# yaml-language-server: $schema=../schemas/${schema}.json\napiVersion: ringmaster.dev/v1alpha1\n`
const draft = (schema: string) => join(EXAMPLES, `draft-${schema}.yaml`)

test('every example names its schema, and the language server finds no fault with it', {
  timeout: 240_000,
}, async (t) => {
  const server = await startLanguageServer(t)
  t.ok(files.length > 20)
  for (const file of files) {
    t.match(readFileSync(file, 'utf8'), /^# yaml-language-server: \$schema=\S+\n/, file)
    t.same(await server.diagnose(file), [], file)
  }
})

test('faults are found, of the kind at hand', { timeout: 120_000 }, async (t) => {
  const server = await startLanguageServer(t)
  const rule = `${HEAD('ringmaster')}kind: AutomaticDeploymentRule\nmetadata: {name: a}\nspec:\n  criteria: {classifications: [Securty]}\n  phasis: []\n`
  const found = (await server.diagnose(draft('rule'), rule)).map(
    ({ message, range }) => `${range.start.line}: ${message}`,
  )
  t.ok(
    found.some((text) => text.startsWith('5: ') && text.includes('Security Updates')),
    found.join('\n'),
  )
  t.ok(
    found.some((text) => text.startsWith('6: ') && text.includes('phasis')),
    found.join('\n'),
  )
  const policy = `${HEAD('PolicyTest')}kind: PolicyTest\nmetadata: {name: a}\nspec:\n  tests:\n    - {name: a, start: x, steps: [{expect: {rollout: []}}]}\n`
  t.match(await server.diagnose(draft('policy'), policy), [{ message: /rollout/ }])
})

test('fields are completed, with what they mean', { timeout: 120_000 }, async (t) => {
  const server = await startLanguageServer(t)
  const offered = async (text: string) => (await server.complete(draft('rule'), text)).map(({ label }) => label)
  const rule = `${HEAD('ringmaster')}kind: AutomaticDeploymentRule\nmetadata: {name: a}\nspec:\n  `
  const fields = await offered(rule)
  for (const name of ['template', 'criteria', 'evaluate', 'phases', 'onHalt']) t.ok(fields.includes(name), name)
  t.notOk(fields.includes('reason'), 'not those of other kinds')
  t.ok((await offered(`${HEAD('ringmaster')}kind: `)).includes('PolicyTest'))
  const phase = await offered(`${rule}phases:\n    - name: pilot\n      `)
  for (const name of ['collection', 'soak', 'failurePercent']) t.ok(phase.includes(name), name)
  const expect = `${HEAD('PolicyTest')}kind: PolicyTest\nmetadata: {name: a}\nspec:\n  tests:\n    - name: a\n      start: "2026-01-13T17:00:00Z"\n      steps:\n        - expect:\n            `
  const looked = (await server.complete(draft('policy'), expect)).map(({ label }) => label)
  for (const name of ['rules', 'rollouts', 'devices', 'decisions']) t.ok(looked.includes(name), name)
})

test('a field is explained, with an example', { timeout: 120_000 }, async (t) => {
  const server = await startLanguageServer(t)
  const window = `${HEAD('ringmaster')}kind: MaintenanceWindow\nmetadata: {name: a}\nspec:\n  duration: PT4H\n`
  const told = await server.hover(draft('window'), window, 5, 4)
  t.match(told, /from 5 minutes/)
  t.match(told, /PT6H/)
})

test('every schema has an example on each text that has a form', async (t) => {
  for (const name of readdirSync(join(ROOT, 'schemas'))) {
    const bare: string[] = []
    look(JSON.parse(readFileSync(join(ROOT, 'schemas', name), 'utf8')), name, bare)
    t.same(bare, [], name)
  }
})

/** Texts with a pattern and without an example. */
function look(schema: unknown, path: string, bare: string[]): void {
  if (typeof schema !== 'object' || schema === null) return
  if ('pattern' in schema && !('examples' in schema) && !path.endsWith('.propertyNames')) bare.push(path)
  for (const [key, value] of Object.entries(schema)) if (key !== 'examples') look(value, `${path}.${key}`, bare)
}
