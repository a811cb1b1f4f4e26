// What the chart's README says of its values, and what the Dockerfile says of the image.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validate } from 'dockerfile-utils'
import { test } from 'tap'
import { parse } from 'yaml'
import { isRecord, valueAt } from '../../controller/sources/records.ts'
import { run } from '../cluster/command.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

test("every value stands in the chart's README with its default, and in the schema", (t) => {
  const rows = [...read('charts/ringmaster/README.md').matchAll(/^\| `([\w.]+)` \| `(.*?)` \|/gm)]
  const told = rows.map(([, name = '', fallback = '']): [string, unknown] => [name, parse(fallback)])
  const values: unknown = parse(read('charts/ringmaster/values.yaml'))
  t.strictSame(told, leaves(values, ''))
  const schema: unknown = JSON.parse(read('charts/ringmaster/values.schema.json'))
  for (const [name] of told) {
    const path = name.startsWith('resources.') ? ['resources'] : name.split('.')
    const known = valueAt(
      schema,
      path.flatMap((part) => ['properties', part]),
    )
    t.ok(isRecord(known), `${name} is in the schema`)
  }
  t.end()
})

test('chart and package have one version', (t) => {
  const chart: unknown = parse(read('charts/ringmaster/Chart.yaml'))
  const { version } = JSON.parse(read('package.json'))
  t.match(chart, { version, appVersion: version })
  t.end()
})

test('a linter finds nothing in the Dockerfile', (t) => {
  t.strictSame(validate(read('Dockerfile')), [])
  t.not(validate('FORM scratch').length, 0, 'it would find something')
  t.end()
})

test('what the Dockerfile copies is let through by .dockerignore, and enough to run', async (t) => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names = '']) =>
    names.split(' '),
  )
  t.ok(copied.includes('controller'))
  const listed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
  t.strictSame(copied.toSorted(), listed.map((line) => line.slice(1)).toSorted())
  const image = mkdtempSync(join(tmpdir(), 'ringmaster-image-'))
  t.teardown(() => rmSync(image, { recursive: true, force: true }))
  for (const name of copied) cpSync(join(ROOT, name), join(image, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(image, 'node_modules'))
  const [, ...entry] = /^ENTRYPOINT \["\/app\/(.+)", "\/app\/(.+)"\]$/m.exec(read('Dockerfile')) ?? []
  const [node = '', main = ''] = entry.map((path) => join(image, path))
  const { stdout } = await run(node, [main, 'validate', join(ROOT, 'examples/quickstart')], { cwd: image })
  t.match(stdout, 'no errors')
})

/** Values by their name; a list or an empty mapping is one value. */
function leaves(values: unknown, prefix: string): [string, unknown][] {
  if (!isRecord(values) || (prefix !== '' && Object.keys(values).length === 0)) return [[prefix, values]]
  return Object.entries(values).flatMap(([name, value]) => leaves(value, prefix === '' ? name : `${prefix}.${name}`))
}
