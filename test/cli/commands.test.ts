// The commands that talk to a controller, against a real one on a free port of the loopback.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { approveCommand } from '../../controller/cli/approve.ts'
import type { Command } from '../../controller/cli/command.ts'
import { COMMANDS } from '../../controller/cli/commands.ts'
import { describeCommand } from '../../controller/cli/describe.ts'
import { enrolKeyCommand } from '../../controller/cli/enrol-key.ts'
import { evaluateCommand } from '../../controller/cli/evaluate.ts'
import { explainCommand } from '../../controller/cli/explain.ts'
import { getCommand } from '../../controller/cli/get.ts'
import { main } from '../../controller/cli/main.ts'
import { pauseCommand } from '../../controller/cli/pause.ts'
import { removeDeviceCommand } from '../../controller/cli/remove-device.ts'
import { resumeCommand } from '../../controller/cli/resume.ts'
import { rollbackCommand } from '../../controller/cli/rollback.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Clock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { registerAdminRoutes } from '../../controller/serve/admin-routes.ts'
import { newApp } from '../../controller/serve/app.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { declare, declared, enrolled, reported, ring, synced, update } from '../support/declare.ts'

const TOKEN = 'the-admin-token-of-the-tests'
const ROLLOUT = 'monthly-20260113'

type Ran = { readonly exit: number; readonly out: string; readonly err: string }
type World = {
  readonly controller: Controller
  readonly time: { now: Temporal.Instant }
  readonly url: string
  readonly run: (command: Command, ...args: string[]) => Promise<Ran>
}

async function run(command: Command, args: string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const exit = await command.run(args, {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  return { exit, out, err }
}

function runMain(...args: string[]): Promise<Ran> {
  return run({ usage: '', run: main }, args)
}

/** A controller at a clock that stands still, in the middle of a pilot whose next phase needs a go-ahead. */
async function serve(t: Test): Promise<World> {
  const time = { now: Temporal.Instant.from('2026-01-12T00:00:00Z') }
  const clock: Clock = { now: () => time.now, nowMs: () => time.now.epochMilliseconds, at: () => () => {} }
  const controller = await Controller.open({ journal: openMemoryJournal(decodeFact), clock })
  await controller.submit(
    declare(
      ring('pilot'),
      declared('AutomaticDeploymentRule', 'monthly', {
        criteria: { classifications: ['Security Updates'] },
        evaluate: { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00' } },
        phases: [
          { name: 'pilot', collection: 'pilot', soak: 'PT0S', promotion: 'Manual' },
          { name: 'broad', collection: 'all' },
        ],
      }),
    ),
    synced(update('u1'), update('u2')),
    ...[1, 2, 3, 4].map((n) => enrolled(`d${n}`, { ring: n < 3 ? 'pilot' : 'broad' })),
  )
  await controller.settled()
  time.now = Temporal.Instant.from('2026-01-13T18:00:00Z')
  await controller.submit(
    reported('d3', { sequence: 1, at: '2026-01-13T18:00:00Z', attributes: { ring: 'broad', rack: '7' } }),
  )
  await controller.submit(declare(ring('other')))
  await controller.settled()
  const app = newApp({ log: silentLog })
  registerAdminRoutes(app, { controller, adminTokenHash: hashSecret(TOKEN) })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-cli-'))
  const tokenFile = join(folder, 'admin.token')
  writeFileSync(tokenFile, `${TOKEN}\n`)
  t.teardown(async () => {
    rmSync(folder, { recursive: true })
    await app.close()
    await controller.close()
  })
  return {
    controller,
    time,
    url,
    run: (command, ...args) => run(command, [...args, '--server', url, '--token-file', tokenFile]),
  }
}

async function passPilot({ controller, time }: World): Promise<void> {
  time.now = Temporal.Instant.from('2026-01-14T00:00:00Z')
  const scan = { installed: ['u1', 'u2'].map((one) => one) }
  for (const device of ['d1', 'd2'])
    await controller.submit(reported(device, { sequence: 1, at: '2026-01-14T00:00:00Z', scan }))
  await controller.settled()
}

test('get prints a table that tells the story, and one object by name', async (t) => {
  const world = await serve(t)
  const list = await world.run(getCommand, 'rollouts')
  t.match(list, { exit: 0, err: '' })
  t.match(list.out, /^NAME +STATE +UPDATES +PHASE +COMPLIANT/)
  t.match(list.out, /\nmonthly-20260113 +Progressing +2 +pilot 1\/2 +0 of 2, needs 2 +GateOpen/)
  t.match(
    (await world.run(getCommand, 'adr', 'monthly')).out,
    /\nmonthly +True +now +in 28d +2 +2 +monthly-20260113 \(Progressing\)/,
  )
  t.match((await world.run(getCommand, 'devices', '--collection', 'pilot')).out, /\nd1 .*\nd2 [^\n]*\n$/)
  t.match((await world.run(getCommand, 'devices', '--attribute', 'rack=7')).out, /\nd3 /)
  t.match(await world.run(getCommand, 'freezes'), { exit: 0, out: '', err: /there is no Freeze to show/ })
  const page = await world.run(getCommand, 'devices', '--limit', '1', '--offset', '1')
  t.match(page, { out: /\nd2 /, err: /1 of 4 shown; --offset 2 goes on/ })
  t.match(JSON.parse((await world.run(getCommand, 'ud', '--format', 'json')).out), {
    kind: 'UpdateDeployment',
    total: 1,
  })
  t.match(await world.run(getCommand, 'ro', 'nope'), { exit: 1, err: /no Rollout nope/ })
})

test('get decisions shows the newest first, of one rollout where asked', async (t) => {
  const world = await serve(t)
  const { out, exit } = await world.run(getCommand, 'decisions', '--rollout', ROLLOUT)
  t.equal(exit, 0)
  const lines = out.trim().split('\n')
  t.match(lines[1], /UpdatesApproved/)
  t.match(lines.at(-1), /RolloutStarted/)
  const some = JSON.parse((await world.run(getCommand, 'decisions', '--limit', '1', '--format', 'json')).out)
  t.equal(some.items.length, 1)
  const more = JSON.parse((await world.run(getCommand, 'dec', '--from', `${some.next}`, '--format', 'json')).out)
  t.ok(more.items[0].seq < some.items[0].seq, 'it goes on where it stopped')
  t.match(await world.run(getCommand, 'decisions', '--type', 'Nonsense'), { exit: 2, err: /no type of decision/ })
})

test('describe shows conditions, phases, spec and the last decisions', async (t) => {
  const world = await serve(t)
  const { out, exit } = await world.run(describeCommand, 'rollout', ROLLOUT)
  t.equal(exit, 0)
  for (const part of [
    /^Name: +monthly-20260113$/m,
    /^Conditions:$/m,
    /^ {2}Reconciling +True +GateOpen/m,
    /^ {2}pilot +Active/m,
    /^Decisions/m,
  ])
    t.match(out, part)
  t.match((await world.run(describeCommand, 'device', 'd1')).out, /ring: pilot/)
  const { object, decisions } = JSON.parse((await world.run(describeCommand, 'adr', 'monthly', '--format', 'json')).out)
  t.equal(object.kind, 'AutomaticDeploymentRule')
  t.match(decisions.at(-1), { type: 'RuleEvaluated', rule: 'monthly' })
})

test('explain answers in a sentence and then step by step', async (t) => {
  const world = await serve(t)
  const { out, exit } = await world.run(explainCommand, '--device', 'd1', '--update', 'KB-u1')
  t.equal(exit, 0)
  t.match(out, /^Will be installed at its deadline/)
  t.match(out, /^ {2}\+ Rule +CriteriaMatch/m)
  t.match(await world.run(explainCommand, '--device', 'zz', '--update', 'u1'), { exit: 1, out: /never enrolled/ })
  const asJson = await world.run(explainCommand, '--device', 'd3', '--update', 'u1', '--format', 'json')
  t.match(JSON.parse(asJson.out), { device: 'd3', verdict: { reason: 'GateOpen' } })
})

test('approve refuses what is not waited for, and lets the phase start that is', async (t) => {
  const world = await serve(t)
  t.match(await world.run(approveCommand, ROLLOUT, 'broad'), { exit: 1, err: /phase pilot comes first/ })
  t.match(await world.run(approveCommand, ROLLOUT, 'wide'), { exit: 1, err: /its phases are pilot, broad/ })
  t.match(await world.run(approveCommand, 'nope', 'broad'), { exit: 1, err: /no rollout nope/ })
  await passPilot(world)
  const { exit, out } = await world.run(approveCommand, ROLLOUT, 'broad', '--by', 'ada')
  t.equal(exit, 0)
  t.match(out, /^approved; /)
  t.match(out, /PhaseStarted {2}broad: 2 devices of collection all, approved by ada/)
  t.match(await world.run(approveCommand, ROLLOUT, 'broad'), { exit: 0, out: /went ahead/ }, 'again is answered kindly')
})

test('a go-ahead ahead of its time counts when it is meant so', async (t) => {
  const world = await serve(t)
  t.match(await world.run(approveCommand, ROLLOUT, 'broad', '--early'), { exit: 0, out: /nothing had to be decided/ })
  await passPilot(world)
  t.equal(world.controller.state.control.rollouts.get(ROLLOUT)?.phases[1]?.status, 'Active')
})

test('pause, resume and rollback do so, and say what happened', async (t) => {
  const world = await serve(t)
  const paused = await world.run(pauseCommand, ROLLOUT, '--reason', 'lunch', '--format', 'json')
  t.match(JSON.parse(paused.out), {
    done: 'Done',
    decisions: [{ type: 'RolloutPaused' }, { type: 'UpdatesUnapproved' }],
  })
  t.match(await world.run(pauseCommand, ROLLOUT), { exit: 0, out: /was paused by/ })
  t.match((await world.run(getCommand, 'ro')).out, /Paused/)
  t.match((await world.run(resumeCommand, ROLLOUT)).out, /RolloutResumed/)
  t.match((await world.run(rollbackCommand, ROLLOUT, '--reason', 'bad')).out, /RolloutRolledBack.*bad/)
  t.match(await world.run(rollbackCommand, ROLLOUT), { exit: 0, out: /was rolled back at/ })
  t.match(await world.run(resumeCommand, ROLLOUT), { exit: 1, err: /was rolled back/ })
})

test('evaluate evaluates now', async (t) => {
  const world = await serve(t)
  t.match(await world.run(evaluateCommand, 'monthly'), {
    exit: 0,
    out: /^evaluated; RuleEvaluated: the same 2 updates/,
  })
  t.match(await world.run(evaluateCommand, 'weekly'), { exit: 1, err: /there are monthly/ })
})

test('enrol-key prints a key that only its hash is kept of, and remove-device takes a device out', async (t) => {
  const world = await serve(t)
  const made = await world.run(enrolKeyCommand, '--once', '--expires', 'P1D')
  t.match(made, { exit: 0, out: /^[\w-]{43}\n$/, err: /one device, until 2026-01-14T18:00:00Z/ })
  const kept = world.controller.state.access.keys.get(hashSecret(made.out.trim()))
  t.same(kept, { once: true, expires: Date.parse('2026-01-14T18:00:00Z') })
  t.match(await world.run(enrolKeyCommand, '--expires', 'tomorrow'), { exit: 2, err: /ISO 8601 duration/ })
  t.match(await world.run(enrolKeyCommand, '--expires', '2020-01-01T00:00:00Z'), { exit: 2, err: /expired already/ })
  t.match(await world.run(removeDeviceCommand, 'd4'), { exit: 0, out: /d4 was removed/ })
  t.match(await world.run(removeDeviceCommand, 'd4'), { exit: 0, out: /removed already/ })
  t.match(await world.run(removeDeviceCommand, 'zz'), { exit: 1, err: /ever enrolled/ })
})

test('commands need the token; readings from this machine do not, unless they come by another name or a proxy', async (t) => {
  const { url } = await serve(t)
  t.match(await run(getCommand, ['ro', '--server', url]), { exit: 0 })
  const bare = await run(pauseCommand, [ROLLOUT, '--server', url])
  t.match(bare, { exit: 3, err: /--token-file FILE or \$RINGMASTER_TOKEN/ })
  const status = async (headers: Record<string, string>, path = '/v1/explain?device=d1&update=u1') => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
    const { request } = await import('node:http')
    request(url + path, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
    return promise
  }
  t.equal(await status({}), 200)
  t.equal(await status({ host: 'rebound.example.com' }), 401)
  t.equal(await status({ 'x-forwarded-for': '203.0.113.7' }), 401)
  t.equal(await status({ host: 'rebound.example.com', authorization: `Bearer ${TOKEN}` }), 200)
  t.equal(await status({}, '/v1/objects/nonsense'), 404)
  t.equal(await status({}, '/v1/objects/ro?limit=100000'), 400)
  t.equal(await status({}, '/v1/objects/ro?nonsense=1'), 400)
})

test('every command has help, and says how it is used when it is used wrongly', async (t) => {
  const { out } = await runMain('--help')
  for (const [name, purpose] of Object.entries(COMMANDS)) {
    t.match(out, new RegExp(`^  ${name} +${RegExp.escape(purpose)}$`, 'm'))
    const help = { exit: 0, out: new RegExp(`^Usage: ringmaster ${name}\\b`), err: '' }
    t.match(await runMain('help', name), help)
    t.match(await runMain(name, '--help'), help)
    t.match(await runMain(name, '--nonsense'), { exit: 2, out: '', err: /Usage: / })
  }
  for (const name of ['get', 'describe', 'explain', 'evaluate', 'approve', 'pause', 'resume', 'rollback', 'enrol-key'])
    t.match(await runMain(name, 'a', 'b', 'c'), { exit: 2, err: /Usage: / }, `${name} takes no three arguments`)
  t.match(await runMain('roll-back'), { exit: 2, err: /did you mean `ringmaster rollback`\?/ })
  t.match(await run(getCommand, ['rolouts']), { exit: 2, err: /did you mean rollouts\?/ })
  t.match(await run(getCommand, ['ro', '--format', 'xml']), { exit: 2, err: /text or json, not xml/ })
  t.match(await run(getCommand, ['ro', '--server', 'nowhere']), { exit: 2, err: /must be an address/ })
})

test('without a controller each command says how to start one', async (t) => {
  const nowhere = ['--server', 'http://127.0.0.1:1']
  for (const [command, ...args] of [
    [getCommand, 'ro'],
    [describeCommand, 'ro', 'x'],
    [explainCommand, '--device', 'a', '--update', 'b'],
    [pauseCommand, 'x'],
    [enrolKeyCommand],
  ] as const)
    t.match(await run(command, [...args, ...nowhere]), {
      exit: 3,
      out: '',
      err: /no controller answers at .*ringmaster run DIRECTORY/,
    })
  t.match(await run(getCommand, ['ro', '--token-file', '/nonexistent/token']), { exit: 3, err: /token cannot be read/ })
})

test('something else that answers is not taken for a controller', async (t) => {
  const server = createHttp((_request, response) => response.end('<h1>hello</h1>'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  t.match(await run(getCommand, ['ro', '--server', `http://127.0.0.1:${port}`]), { exit: 3, err: /is no Ringmaster/ })
})
