// One simulated device: its token, the tag of the policy it has, and the report that it has yet to get rid of.
import { stableHash } from '../model/hash.ts'
import type { Ask } from './exchange.ts'
import { deviceName, type LoadPlan } from './plan.ts'

export type LoadDevice = {
  readonly number: number
  readonly name: string
  token: string | undefined
  etag: string | undefined
  /** Polls and reports so far. */
  turns: number
  /** Of the last report that was made. */
  sequence: number
  /** Made, and not acknowledged yet. */
  unsent: string | undefined
  /** By the clock that `performance.now()` is; before it the controller does not want to hear of this device. */
  notBefore: number
}

/** Updates that no catalog has: they are answered, counted, and no rollout is about them. */
const UPDATES = 100

/** `startMs`: a report has a higher number than any of an earlier load, as long as a device sends fewer than 1,000 a second. */
export function newDevice(plan: LoadPlan, number: number, startMs: number): LoadDevice {
  const name = deviceName(plan.prefix, number)
  return {
    number,
    name,
    token: undefined,
    etag: undefined,
    turns: 0,
    sequence: startMs,
    unsent: undefined,
    notBefore: 0,
  }
}

export function enrolment({ name, number }: LoadDevice, { enrolmentKey }: LoadPlan): Ask {
  const attributes = { bench: 'true', 'bench-part': String(stableHash(`bench ${number}`) % 100) }
  return { method: 'POST', path: '/v1/enrol', body: JSON.stringify({ device: name, key: enrolmentKey, attributes }) }
}

export function poll({ token, etag }: LoadDevice): Ask {
  return { method: 'GET', path: '/v1/policy', token, etag }
}

/** The report that was not acknowledged, or a new one. */
export function reports(device: LoadDevice, plan: LoadPlan, at: string): Ask {
  device.unsent ??= newReports(device, plan, at)
  return { method: 'POST', path: '/v1/reports', token: device.token, body: device.unsent }
}

function newReports(device: LoadDevice, { reportsPerPost, messagesPerReport }: LoadPlan, at: string): string {
  const made = Array.from({ length: reportsPerPost }, () => {
    const sequence = ++device.sequence
    const messages = Array.from({ length: messagesPerReport }, (_, k) => {
      const number = (device.number + sequence + k) % UPDATES
      return { topic: 500, update: `bench-update-${number}`, state: (sequence + k) % 3 === 0 ? 3 : 2 }
    })
    return { sequence, at, messages }
  })
  return JSON.stringify({ reports: made })
}
