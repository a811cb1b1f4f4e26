// Times in policy tests: from text to instants, and back in the way in which they were asked for.
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { parseMoment } from '../model/times.ts'
import { instantOf, wallOf, zoneNamed } from '../schedule/zones.ts'
import { NEVER } from './expect.ts'

/** The instant of an RFC 3339 text, or of a wall-clock time in `zone`. Throws a RangeError on a text that the schema refuses. */
export function momentAt(text: string, zone: string): EpochMs {
  const moment = parseMoment(text)
  if (moment === undefined) throw new RangeError(`no instant: ${text}`)
  if (moment.type === 'Instant') return moment.at
  const table = zoneNamed(zone)
  if (table === undefined) throw new RangeError(`no time zone: ${zone}`)
  return instantOf(table, moment.at)
}

/** Whether an instant is the expected one, or between the two that are. Undefined stands for never. */
export function timeFits(expected: string, actual: EpochMs | undefined, zone: string): boolean {
  if (expected === NEVER || actual === undefined) return (expected === NEVER) === (actual === undefined)
  const [from = '', until = from] = expected.split('/')
  return momentAt(from, zone) <= actual && actual <= momentAt(until, zone)
}

/** The instant as the expectation is written: on the wall clock of the zone, or in UTC. */
export function timeText(expected: string, actual: EpochMs | undefined, zone: string): string {
  if (actual === undefined) return NEVER
  const [first = ''] = expected.split('/')
  const table = zoneNamed(zone)
  return parseMoment(first)?.type === 'Wall' && table !== undefined
    ? `${toRfc3339(wallOf(table, actual)).replace('Z', '').replace(/:00$/, '')} (${zone})`
    : toRfc3339(actual)
}
