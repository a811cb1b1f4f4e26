// What `ringmaster validate` says, as a process (issue: kinds and their errors; semantics.md §4, §5: what cannot be read is refused).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ringmaster } from '../serve/process.ts'
import { type Written, written } from './site.ts'

type Verdict = {
  readonly valid: boolean
  readonly files: number
  readonly objects: number
  readonly errors: readonly {
    readonly file: string
    readonly line: number
    readonly column: number
    readonly path: string
    readonly code: string
    readonly message: string
  }[]
}

async function validated(
  t: Test,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<Verdict & { exit: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const { code, out } = await ringmaster(['validate', folder, '--format', 'json'])
  return { ...(JSON.parse(out) as Verdict), exit: code }
}

const all = (...objects: readonly Written[]) => ({ 'site.yaml': objects.map(written).join('---\n') })

test('all errors of a file at once, each with line, column, path and what to write instead', async (t) => {
  const window = (spec: string, name = 'w'): Written => ['MaintenanceWindow', name, `{collections: [all], ${spec}}`]
  const verdict = await validated(t, {
    'a.yaml': written(window("schedule: {rrule: FREQ=DAILY, at: '2:00', timeZone: Berlin}, duration: PT4M")),
    'b.yaml': written(window("schedule: {rrule: FREQ=NEVER, at: '02:00'}, duration: PT25H, colections: [x]", 'w2')),
    'c.yaml': written(['Collection', 'good', '{devices: [pc]}']),
  })
  t.match(verdict, { valid: false, files: 3, exit: 1 })
  const of = (file: string) => verdict.errors.filter((error) => error.file.endsWith(file))
  t.same(
    of('a.yaml').map(({ path }) => path),
    ['spec.schedule.at', 'spec.schedule.timeZone', 'spec.duration'],
  )
  t.match(
    of('a.yaml').map(({ message }) => message),
    [/write 02:00/, /Europe\/Berlin/, /at least PT5M/],
  )
  t.match(of('a.yaml')[0], { line: 4, column: 62, code: /^RM\d{4}$/ })
  t.match(JSON.stringify(of('b.yaml')), /FREQ/)
  t.match(JSON.stringify(of('b.yaml')), /at most PT24H|at most P1D/)
  t.match(JSON.stringify(of('b.yaml')), /did you mean `collections`/)
})

test('a bomb, a tag, a key that comes twice, 10 MB and binary content end soon with a clear error', async (t) => {
  const bomb = Array.from({ length: 30 }, (_, n) => `k${n}: &a${n} [${n === 0 ? 'x' : `*a${n - 1}, *a${n - 1}`}]`).join(
    '\n',
  )
  const verdict = await validated(t, {
    'binary.yaml': new Uint8Array(5000).map((_, n) => (n * 37) % 256),
    'bomb.yaml': `${written(['Collection', 'a', '{devices: [x]}'])}${bomb}\n`,
    'large.yaml': `# ${'x'.repeat(10_000_000)}\n`,
    'tag.yaml': written(['Collection', 'b', '{devices: [!!js/function "x"]}']),
    'twice.yaml': written(['Collection', 'c', '{devices: [x], devices: [y]}']),
  })
  t.equal(verdict.exit, 1)
  t.same(
    [...new Set(verdict.errors.map(({ file }) => file.split('/').at(-1)))],
    ['binary.yaml', 'bomb.yaml', 'large.yaml', 'tag.yaml', 'twice.yaml'],
  )
})

test('a rule without a criterion, a schedule in device time, and a circle of collections are errors', async (t) => {
  const rest = 'phases: [{name: p, collection: all}]'
  const { errors, exit } = await validated(
    t,
    all(
      ['AutomaticDeploymentRule', 'none', `{criteria: {}, ${rest}}`],
      ['AutomaticDeploymentRule', 'only-superseded', `{criteria: {superseded: true}, ${rest}}`],
      [
        'AutomaticDeploymentRule',
        'local',
        `{criteria: {titles: [x]}, evaluate: {schedule: {rrule: FREQ=DAILY, at: '12:00', timeZone: DeviceLocal}}, ${rest}}`,
      ],
      ['Collection', 'a', '{include: [b]}'],
      ['Collection', 'b', '{include: [all], exclude: [c]}'],
      ['Collection', 'c', '{include: [all], limitedTo: a}'],
    ),
  )
  t.equal(exit, 1)
  t.equal(errors.filter(({ message }) => message.includes('0x87D20416')).length, 2)
  t.match(errors.find(({ path }) => path.endsWith('timeZone'))?.message, /IANA time zone/)
  t.match(errors.map(({ message }) => message).join('\n'), /a → b → c → a/)
})

test('a good directory is exit 0, what is not there is 3, and wrong usage is 2', async (t) => {
  t.match(await validated(t, all(['Collection', 'good', '{devices: [pc]}'])), {
    valid: true,
    files: 1,
    objects: 1,
    errors: [],
    exit: 0,
  })
  t.equal((await ringmaster(['validate', '/nowhere/at/all'])).code, 3)
  t.equal((await ringmaster(['validate'])).code, 2)
})
