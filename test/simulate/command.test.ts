import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { simulateCommand } from '../../controller/cli/simulate.ts'
import { CATALOG, DECLARATIONS, scenario } from './samples.ts'

const ROOT = join(import.meta.dirname, '../..')
const TIMES = ['--from', '2026-01-12T00:00:00Z', '--until', '2026-01-26T00:00:00Z']
const FIELDS = ['at', 'type', 'rule', 'rollout', 'phase', 'updates', 'devices', 'reason', 'message']

async function simulate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const stdout = (text: string) => {
    out += text
  }
  const stderr = (text: string) => {
    err += text
  }
  const code = await simulateCommand.run(args, { stdout, stderr })
  return { code, out, err }
}

function folder(t: Test): { dir: string; path: string; scenario: string } {
  const dir = t.testdir({})
  mkdirSync(join(dir, 'rules'))
  writeFileSync(join(dir, 'rules/all.yaml'), DECLARATIONS)
  writeFileSync(join(dir, 'rules/catalog.ndjson'), CATALOG)
  writeFileSync(join(dir, 'scenario.yaml'), scenario())
  return { dir, path: join(dir, 'rules'), scenario: join(dir, 'scenario.yaml') }
}

test('each decision is a line of NDJSON with the promised fields', async (t) => {
  const { path, scenario: file } = folder(t)
  const { code, out, err } = await simulate(path, '--scenario', file, ...TIMES, '--format', 'ndjson')
  t.equal(code, 0)
  t.equal(err, '')
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
  t.ok(lines.length > 8)
  let before = ''
  for (const line of lines) {
    t.same(Object.keys(line).slice(0, FIELDS.length), FIELDS)
    t.ok(String(line.at) >= before)
    before = String(line.at)
    for (const counted of [line.updates, line.devices]) t.ok(counted === null || Number.isInteger(counted))
    t.ok(typeof line.type === 'string' && typeof line.reason === 'string' && typeof line.message === 'string')
  }
  const types = lines.map(({ type }) => type)
  for (const type of [
    'RuleEvaluated',
    'RolloutStarted',
    'PhaseStarted',
    'UpdatesApproved',
    'PhaseSucceeded',
    'RolloutSucceeded',
  ])
    t.ok(types.includes(type), type)
  const started = lines.find(({ type }) => type === 'PhaseStarted')
  t.match(started, { rule: 'monthly', rollout: 'monthly-20260113', phase: 'pilot', updates: 3, devices: 8 })
})

test('the same command gives the same bytes, another seed gives others', async (t) => {
  const { path, scenario: file } = folder(t)
  const first = await simulate(path, '--scenario', file, ...TIMES)
  t.match(first.out, /RULE|Rule monthly evaluated/)
  t.match(first.out, /\nRollouts\n {2}monthly-20260113: Succeeded/)
  t.equal((await simulate(path, '--scenario', file, ...TIMES, '--seed', '1')).out, first.out)
  t.not((await simulate(path, '--scenario', file, ...TIMES, '--seed', '2')).out, first.out)
})

test('declarations are edited on the way by another directory', async (t) => {
  const { dir, path, scenario: file } = folder(t)
  mkdirSync(join(dir, 'later'))
  writeFileSync(join(dir, 'later/all.yaml'), DECLARATIONS.slice(0, DECLARATIONS.lastIndexOf('---')))
  writeFileSync(join(dir, 'later/catalog.ndjson'), CATALOG)
  writeFileSync(file, scenario('  declarations: [{at: "2026-01-15T00:00:00Z", path: later}]\n'))
  const { code, out } = await simulate(path, '--scenario', file, ...TIMES)
  t.equal(code, 0)
  t.match(out, /2026-01-15 00:00:00 {2}\* Declared: .*no AutomaticDeploymentRule monthly/)
  t.match(out, /ROLLED BACK: AutomaticDeploymentRule monthly was removed/)
})

test('invalid declarations and scenarios are told with their places, exit code 1', async (t) => {
  const { path, scenario: file } = folder(t)
  writeFileSync(file, 'apiVersion: ringmaster.dev/v1alpha1\nkind: Scenario\nspec: {}\n')
  const scenarioWrong = await simulate(path, '--scenario', file, ...TIMES)
  t.equal(scenarioWrong.code, 1)
  t.match(scenarioWrong.err, /scenario\.yaml:3:7: RM1202 spec\.devices: `devices` is missing/)
  writeFileSync(file, scenario())
  writeFileSync(join(path, 'all.yaml'), DECLARATIONS.replace('P1D', 'tomorrow'))
  const wrong = await simulate(path, '--scenario', file, ...TIMES)
  t.equal(wrong.code, 1)
  t.match(wrong.err, /rules\/all\.yaml:\d+:\d+: RM\d+ spec\.deployment\.deadlineAfter/)
  t.equal(wrong.out, '')
})

test('wrong usage is exit code 2, what cannot be read 3', async (t) => {
  const { path, scenario: file } = folder(t)
  const usage: string[][] = [
    [],
    [path, path, '--scenario', file, ...TIMES],
    [path, ...TIMES],
    [path, '--scenario', file, '--from', 'now', '--until', '2026-01-26T00:00:00Z'],
    [path, '--scenario', file, '--from', '2026-01-26T00:00:00Z', '--until', '2026-01-12T00:00:00Z'],
    [path, '--scenario', file, '--from', '1990-01-12T00:00:00Z', '--until', '2026-01-12T00:00:00Z'],
    [path, '--scenario', file, ...TIMES, '--seed', '-1'],
    [path, '--scenario', file, ...TIMES, '--format', 'xml'],
    [path, '--scenario', file, ...TIMES, '--colour'],
  ]
  for (const args of usage) t.equal((await simulate(...args)).code, 2, args.join(' '))
  t.equal((await simulate(path, '--scenario', `${file}.gone`, ...TIMES)).code, 3)
  t.equal((await simulate(`${path}.gone`, '--scenario', file, ...TIMES)).code, 3)
  writeFileSync(join(path, 'all.yaml'), DECLARATIONS.replace('path: catalog', 'path: missing'))
  const feed = await simulate(path, '--scenario', file, ...TIMES)
  t.equal(feed.code, 3)
  t.match(feed.err, /UpdateSource example: /)
  t.equal((await simulate('--help')).code, 0)
})

test('the example scenarios play on the quickstart', async (t) => {
  const quickstart = join(ROOT, 'examples/quickstart')
  const october = ['--from', '2025-10-10T00:00:00Z', '--until', '2025-10-24T00:00:00Z']
  for (const name of ['quickstart/fleet', 'scenarios/minimal', 'scenarios/bad-week', 'scenarios/large-fleet']) {
    const { code, out, err } = await simulate(quickstart, '--scenario', join(ROOT, `examples/${name}.yaml`), ...october)
    t.equal(code, 0, `${name} ${err}`)
    t.match(out, /At 2025-10-24T00:00:00Z/)
  }
})
