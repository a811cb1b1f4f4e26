// `npm start`: the real controller on examples/quickstart, and a thousand simulated devices that talk to it over HTTP, on a
// clock that runs fast.
import { join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Decision } from '../model/facts.ts'
import { reasonOf } from '../model/reason.ts'
import { fastClock } from '../runtime/clock.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { clockOf, keepClock } from './quickstart-clock.ts'
import type { FleetMessage, FleetOptions } from './quickstart-fleet.ts'
import {
  decisionLine,
  drawTable,
  isWorthTelling,
  minute,
  nextEvaluation,
  type Scene,
  type Screen,
  type Told,
  toldOf,
} from './quickstart-table.ts'
import { parseListen } from './run.ts'
import { type Started, startController } from './start-controller.ts'
import { StartError } from './start-error.ts'
import { stopAsked } from './stop-signals.ts'

/** The day before Patch Tuesday of October 2025. */
const START = Temporal.Instant.from('2025-10-13T12:00:00Z')
const EXAMPLE = resolve(import.meta.dirname, '../../examples/quickstart')
const REDRAW_MS = 500
const MAX_TOLD = 200

export const quickstartCommand: Command = {
  usage: `Usage: ringmaster quickstart [OPTIONS]

Runs the controller on examples/quickstart, with a thousand simulated devices that talk to it over HTTP. The clock starts on
13 October 2025 and runs fast. Watch here, and on the status page. Ctrl-C stops; started again, it goes on where it was.
To begin anew, delete the data folder.

  --data DIR            Data folder (default ./data)
  --listen HOST:PORT    Where to answer HTTP (default 127.0.0.1:8080)
  --rate N              How many seconds pass in one, 1 to 20000 (default 7200: two hours a second)
  --plain               Plain lines, also on a terminal
  --help                This text

Exit code: 0 stopped when asked, 1 stopped by a second signal, 2 wrong usage, 3 could not run.`,
  async run(args, io) {
    const parsed = readArgs(quickstartCommand, args, io, {
      options: {
        data: { type: 'string', default: './data' },
        listen: { type: 'string', default: '127.0.0.1:8080' },
        rate: { type: 'string', default: '7200' },
        plain: { type: 'boolean', default: false },
      },
    })
    if (parsed.type === 'Done') return parsed.exit
    const { data, listen: address, plain } = parsed.values
    const listen = parseListen(address)
    if (listen === undefined) return wrongUsage(quickstartCommand, io, `--listen must be HOST:PORT, not ${address}`)
    const rate = Number(parsed.values.rate)
    if (!(rate >= 1 && rate <= 20_000)) return wrongUsage(quickstartCommand, io, '--rate must be from 1 to 20000')
    try {
      return await play(io, { data, listen, rate, table: process.stdout.isTTY === true && !plain })
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      io.stderr(`ringmaster: ${error.message}\n`)
      return EXIT.failed
    }
  },
}

type PlayOptions = {
  readonly data: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly rate: number
  readonly table: boolean
}

async function play(io: Io, { data, listen, rate, table }: PlayOptions): Promise<number> {
  const stop = stopAsked()
  const begin = await clockOf(data, START)
  const clock = fastClock(begin, rate)
  const told: Told[] = []
  const say = (one: Told) => {
    told.push(one)
    told.splice(0, told.length - MAX_TOLD)
  }
  const tell = (decisions: readonly Decision[], instant: Temporal.Instant) => {
    const at = instant.epochMilliseconds
    for (const decision of decisions.filter(isWorthTelling)) {
      const one = toldOf(decision, at)
      if (!table) io.stdout(`${decisionLine(decision, at)}\n`)
      else if (one !== undefined) say(one)
    }
  }
  const started = await startController({ path: EXAMPLE, data, listen, clock, onDecisions: tell })
  io.stdout(greeting(started, begin, rate))
  const fleet = startFleet(started, data, rate, (text) => {
    if (table) say({ at: clock.nowMs(), text, tone: 'bad' })
    else io.stdout(`${text}\n`)
  })
  const draw = () => io.stdout(drawTable(sceneOf(started, told), screen()))
  // What stood in the terminal before is moved up, not drawn over.
  if (table) io.stdout('\n'.repeat(screen().rows))
  const redraw = table ? setInterval(draw, REDRAW_MS) : undefined
  const outcome = await Promise.race([stop.first, started.failed, fleet.failed])
  clearInterval(redraw)
  if (table) {
    draw()
    io.stdout('\n')
  }
  await Promise.race([fleet.stop(), stop.second])
  const closed = await Promise.race([started.close().then(() => true), stop.second.then(() => false)])
  if (outcome instanceof Error) {
    io.stderr(`ringmaster: ${outcome.message}\n`)
    return EXIT.failed
  }
  const end = clock.now()
  if (closed) keepClock(data, end)
  io.stdout(`Stopped at ${end.toString({ smallestUnit: 'second' })}; started again, it goes on from here.\n`)
  return closed ? EXIT.good : EXIT.bad
}

function greeting({ controller, url }: Started, begin: Temporal.Instant, rate: number): string {
  const next = nextEvaluation(controller.notes)
  const wait = next && Math.max(0, Math.round((next.at - controller.clock.nowMs()) / 1000 / rate))
  const evaluation =
    next && `The rules ${next.rules.join(', ')} are evaluated next at ${minute(next.at)} UTC, ${wait} s from now.\n`
  return `The clock stands at ${begin} and runs ${rate} times as fast. Status page: ${url}\n${evaluation ?? ''}`
}

function sceneOf({ controller, url }: Started, told: readonly Told[]): Scene {
  const { state, notes, clock } = controller
  return { state, notes, now: clock.nowMs(), url, told }
}

function screen(): Screen {
  const { columns = 100, rows = 30 } = process.stdout
  return { columns, rows, colours: process.env.NO_COLOR === undefined || process.env.NO_COLOR === '' }
}

type Fleet = { readonly failed: Promise<Error>; readonly stop: () => Promise<void> }

// In a thread of its own: a thousand devices are not to wait for the controller's work, nor it for theirs.
function startFleet(
  { url, secrets, controller }: Started,
  data: string,
  rate: number,
  say: (line: string) => void,
): Fleet {
  const options: FleetOptions = {
    url,
    enrolmentKey: secrets.enrolmentKey,
    example: EXAMPLE,
    scenario: join(EXAMPLE, 'fleet.yaml'),
    memory: join(data, 'fleet.memory'),
    start: START.epochMilliseconds,
    rate,
    clockAt: controller.clock.nowMs(),
    realAt: Date.now(),
  }
  const worker = new Worker(new URL('./quickstart-fleet.ts', import.meta.url), { workerData: options })
  const failed = Promise.withResolvers<Error>()
  const ended = Promise.withResolvers<void>()
  worker.on('message', ({ text }: FleetMessage) => say(text))
  worker.on('error', (error) => failed.resolve(new Error(`the simulated devices stopped: ${reasonOf(error)}`)))
  worker.on('exit', () => ended.resolve())
  return {
    failed: failed.promise,
    stop: async () => {
      worker.postMessage('stop')
      await ended.promise
    },
  }
}
