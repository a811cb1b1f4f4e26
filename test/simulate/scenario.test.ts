import { test } from 'tap'
import { readScenario } from '../../controller/simulate/scenario.ts'
import { scenarioOf } from './play.ts'

const head = 'apiVersion: ringmaster.dev/v1alpha1\nkind: Scenario\nspec:\n'
const devices = '  devices: [{prefix: pc-, count: 3}]\n'

test('five lines are a scenario; the rest has defaults', async (t) => {
  const spec = scenarioOf(`${head}  devices:\n    - {prefix: pc-, count: 100}\n`)
  t.equal(spec.seed, 1)
  t.equal(spec.reporting.every, 'PT4H')
  t.equal(spec.install.attempts, 3)
  t.same(spec.devices[0]?.timeZones, [{ zone: 'UTC', weight: 1 }])
})

test('every mistake is told at once, with its place and what to write', async (t) => {
  const told = (text: string) => {
    const read = readScenario('s.yaml', text)
    return read.type === 'Problems'
      ? read.problems.map((one) => `${one.line}:${one.column} ${one.path}: ${one.message}`)
      : []
  }
  const all = told(`${head}  device: []\n  devices: [{prefix: pc-, count: 0}]\n  failures: [{percent: 1.234}]\n`)
  t.equal(all.length, 4)
  t.match(all.join('\n'), /4:3 spec\.device: .*did you mean `devices`/)
  t.match(all.join('\n'), /5:34 spec\.devices\[0\]\.count: must be at least 1/)
  t.match(all.join('\n'), /spec\.failures\[0\]\.percent: at most two digits/)
  t.match(told('').join(), /the file is empty/)
  t.match(told(`${head}${devices}---\n${head}${devices}`).join(), /a file has one Scenario/)
  t.match(told(`${head}${devices}  seed: 1\n  seed: 2\n`).join(), /seed/)
  const commands = told(`${head}${devices}  commands: [{at: '2026-01-01T00:00:00Z', pause: a, resume: b}]\n`)
  t.match(commands.join(), /give exactly one of approve, signal, pause, resume, rollback, evaluate/)
  t.match(
    told(`${head}${devices}  reporting: {every: PT1H, jitter: PT1H}\n`).join(),
    /jitter: must be shorter than every/,
  )
  t.match(told(`${head}  devices: [{prefix: a-, count: 1}, {prefix: a-, count: 1}]\n`).join(), /the same prefix/)
  t.match(
    told(`${head}  devices: [{prefix: a-, count: 900000}, {prefix: b-, count: 900000}]\n`).join(),
    /at most 1000000/,
  )
})
