// The next maintenance windows and freezes, one line for each declared object.
import { byName } from '../model/by-name.ts'
import type { Declared } from '../model/declared.ts'
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import { DEVICE_LOCAL } from '../model/times.ts'
import type { Objects } from '../rollout/world.ts'
import type { Interval } from '../schedule/intervals.ts'
import { freezeOccasions, nextOpening, windowOccasions } from '../schedule/occasions.ts'
import { zoneOf } from '../schedule/recurrence.ts'

export type Occasion = {
  readonly type: 'Window' | 'Freeze'
  readonly name: string
  /** At most a few; how many in all; `undefined` for every device. */
  readonly collections: { readonly shown: readonly string[]; readonly total: number } | undefined
  /** A freeze says why. */
  readonly reason: string | undefined
  /** IANA name; undefined for DeviceLocal: then `from` and `until` are wall-clock times, written as if they were UTC. */
  readonly zone: string | undefined
  /** Undefined when it cannot be evaluated, or does not come any more. */
  readonly next: Interval | undefined
  /** Whether it holds now. For DeviceLocal: on a device whose clock shows UTC. */
  readonly current: boolean
  readonly unreadable: boolean
}

/** Windows and freezes looked at, in order of their names: what bounds the work. */
const MAX_LOOKED_AT = 2000
const FREEZE_HORIZON = 92 * DAY
const MAX_COLLECTIONS = 3

/** Unreadable ones first, then what holds, then in order of time; those that never come again are left out. */
export function nextOccasions(objects: Objects, now: EpochMs, limit: number): { shown: Occasion[]; total: number } {
  const declared = [...objects.Freeze.values(), ...objects.MaintenanceWindow.values()]
  const found = declared
    .sort(byName)
    .slice(0, MAX_LOOKED_AT)
    .flatMap((object) => occasionOf(object, now))
    .filter(({ next, unreadable }) => next !== undefined || unreadable)
    .sort(
      (a, b) =>
        Number(b.unreadable) - Number(a.unreadable) ||
        Number(b.current) - Number(a.current) ||
        (a.next?.from ?? 0) - (b.next?.from ?? 0) ||
        byName(a, b),
    )
  return { shown: found.slice(0, limit), total: found.length + Math.max(0, declared.length - MAX_LOOKED_AT) }
}

function occasionOf(object: Declared, now: EpochMs): Occasion[] {
  if (object.kind !== 'MaintenanceWindow' && object.kind !== 'Freeze') return []
  const { collections } = object.spec
  const timeZone =
    object.kind === 'Freeze'
      ? (object.spec.schedule?.timeZone ?? object.spec.timeZone ?? 'UTC')
      : object.spec.schedule.timeZone
  const zone = zoneOf({ timeZone }, 'UTC')
  const found = zone === undefined ? 'Unreadable' : nextOf(object, zone, now)
  const next = found === 'Never' || found === 'Unreadable' ? undefined : found
  return [
    {
      type: object.kind === 'Freeze' ? 'Freeze' : 'Window',
      name: object.name,
      collections: collections && { shown: collections.slice(0, MAX_COLLECTIONS), total: collections.length },
      reason: object.kind === 'Freeze' ? object.spec.reason : undefined,
      zone: timeZone === DEVICE_LOCAL ? undefined : timeZone,
      next,
      current: next !== undefined && next.from <= now,
      unreadable: found === 'Unreadable',
    },
  ]
}

type Next = Interval | 'Never' | 'Unreadable'

// What was found holds until it is over: an object is replaced when its declaration changes. The memo changes no answer.
const memo = new WeakMap<Declared, { readonly asked: EpochMs; readonly next: Next }>()

function nextOf(object: Declared<'MaintenanceWindow' | 'Freeze'>, zone: string, now: EpochMs): Next {
  const known = memo.get(object)
  if (known !== undefined && known.asked <= now && now < validUntil(known.next, known.asked)) return known.next
  const next = object.kind === 'Freeze' ? nextFreeze(object, zone, now) : nextWindow(object, zone, now)
  memo.set(object, { asked: now, next })
  return next
}

function validUntil(next: Next, asked: EpochMs): EpochMs {
  return typeof next === 'string' ? asked + MINUTE : next.until
}

function nextWindow({ spec }: Declared<'MaintenanceWindow'>, zone: string, now: EpochMs): Next {
  const open = windowOccasions(spec, zone, { from: now, until: now + 1 })
  if (open === undefined) return 'Unreadable'
  if (open[0] !== undefined) return open[0]
  const from = nextOpening(spec, zone, now)
  return from === undefined ? 'Never' : (windowOccasions(spec, zone, { from, until: from + 1 })?.[0] ?? 'Never')
}

function nextFreeze({ spec }: Declared<'Freeze'>, zone: string, now: EpochMs): Next {
  const found = freezeOccasions(spec, zone, { from: now, until: now + FREEZE_HORIZON })
  return found === undefined ? 'Unreadable' : (found[0] ?? 'Never')
}
