// `ringmaster bench agents`: a load of simulated devices on a running controller, to see what an installation carries.
import { existsSync, readFileSync } from 'node:fs'
import { LOAD_LIMITS, type LoadPlan } from '../load/plan.ts'
import { EnrolError, runLoad } from '../load/run-load.ts'
import { reasonOf } from '../model/reason.ts'
import { removeLoadDevices } from './bench-cleanup.ts'
import { type BenchValues, isLoopback, planFrom } from './bench-options.ts'
import { loadText } from './bench-text.ts'
import { jsonText } from './client.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { stopAsked } from './stop-signals.ts'

const DEFAULT_KEY_FILE = 'data/enrolment.key'

export const benchCommand: Command = {
  usage: `Usage: ringmaster bench agents [OPTIONS]

Enrols simulated devices, lets them ask for their policies and report, and prints throughput, latencies and errors. The devices
stay enrolled, in the collection all as well: see the guide to load before you do this to a fleet at work.

  --url URL                  Where the controller is (default $RINGMASTER_SERVER, else http://127.0.0.1:8080)
  --devices N                Simulated devices, at most ${LOAD_LIMITS.devices} (default 100)
  --prefix TEXT              They are named TEXT-000001 and so on; it begins with bench (default bench)
  --enrolment-key-file FILE  A site key (default ./data/enrolment.key)
  --duration D               How long, as in PT30S, at most PT1H (default PT30S)
  --rate N|max               Requests a second in all; max: as fast as they are answered (default 200)
  --report-percent N         Of the requests, so many in a hundred are reports, the others polls (default 50)
  --reports-per-post N       Reports in one request, at most ${LOAD_LIMITS.reportsPerPost} (default 1)
  --messages-per-report N    State messages in one report, at most ${LOAD_LIMITS.messagesPerReport} (default 10)
  --connections N            At most ${LOAD_LIMITS.connections} (default 32)
  --timeout D                A request is given up after so long (default PT30S)
  --cleanup                  Remove the devices with this prefix instead; needs the admin token
  --token-file FILE          The admin token, for --cleanup (default as for other commands)
  --yes                      The controller is not on this machine, and that is meant
  --format text|json         Default text
  --help                     This text

Ctrl-C ends it and prints what there is. Exit code: 0 good, 1 some requests failed, 2 wrong usage, 3 nothing could be measured.`,
  async run(args, io) {
    const parsed = readArgs(benchCommand, args, io, { options: OPTIONS, allowPositionals: true })
    if (parsed.type === 'Done') return parsed.exit
    const { values, positionals } = parsed
    if (positionals.length !== 1 || positionals[0] !== 'agents')
      return wrongUsage(benchCommand, io, 'bench takes one argument: agents')
    const made = planFrom(values)
    if (made.type === 'Wrong') return wrongUsage(benchCommand, io, made.message)
    const { plan } = made
    if (!isLoopback(plan.url) && !values.yes)
      return wrongUsage(benchCommand, io, `${plan.url} is not on this machine: --yes says that it is meant`)
    if (values.cleanup) return removeLoadDevices(values, plan, benchCommand, io)
    const key = keyFrom(values)
    if (key.type === 'Missing') return wrongUsage(benchCommand, io, key.message)
    return measure({ ...plan, enrolmentKey: key.key }, values.format === 'json', io)
  },
}

const OPTIONS = {
  url: { type: 'string' },
  devices: { type: 'string', default: '100' },
  prefix: { type: 'string', default: 'bench' },
  'enrolment-key-file': { type: 'string' },
  duration: { type: 'string', default: 'PT30S' },
  rate: { type: 'string', default: '200' },
  'report-percent': { type: 'string', default: '50' },
  'reports-per-post': { type: 'string', default: '1' },
  'messages-per-report': { type: 'string', default: '10' },
  connections: { type: 'string', default: '32' },
  timeout: { type: 'string', default: 'PT30S' },
  cleanup: { type: 'boolean', default: false },
  'token-file': { type: 'string' },
  yes: { type: 'boolean', default: false },
  format: { type: 'string', default: 'text' },
} as const

type Key = { readonly type: 'Key'; readonly key: string } | { readonly type: 'Missing'; readonly message: string }

function keyFrom(values: BenchValues): Key {
  const file = values['enrolment-key-file'] ?? (existsSync(DEFAULT_KEY_FILE) ? DEFAULT_KEY_FILE : undefined)
  if (file === undefined)
    return { type: 'Missing', message: 'name the file with an enrolment key: --enrolment-key-file FILE' }
  try {
    const key = readFileSync(file, 'utf8').trim()
    if (key.length > 0 && key.length <= 256) return { type: 'Key', key }
    return { type: 'Missing', message: `${file} holds no enrolment key: a key has 1 to 256 characters` }
  } catch (error) {
    return { type: 'Missing', message: `the enrolment key cannot be read: ${reasonOf(error)}` }
  }
}

async function measure(plan: LoadPlan, json: boolean, io: Io): Promise<number> {
  const stop = stopAsked()
  const ending = new AbortController()
  stop.first.then(() => ending.abort()).catch(() => {})
  const onEnrolled = (devices: number, seconds: number) => {
    if (!json) io.stderr(`${devices} devices enrolled in ${seconds.toFixed(1)} s; asking and reporting\n`)
  }
  const cut = stop.second.then(() => undefined)
  try {
    const result = await Promise.race([runLoad(plan, { signal: ending.signal, onEnrolled }), cut])
    if (result === undefined) return EXIT.bad
    io.stdout(json ? jsonText({ plan: shown(plan), ...result }) : loadText(plan, result))
    return Object.keys(result.errors).length > 0 || result.devices < plan.devices ? EXIT.bad : EXIT.good
  } catch (error) {
    if (!(error instanceof EnrolError)) throw error
    io.stderr(`ringmaster: ${error.message}\n`)
    return EXIT.failed
  } finally {
    stop.release()
  }
}

/** Without the key. */
function shown({ enrolmentKey: _, rate, ...plan }: LoadPlan): object {
  return { ...plan, rate: rate ?? 'max' }
}
