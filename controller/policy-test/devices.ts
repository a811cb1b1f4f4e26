// The devices of one test: those of the spec with what the test changes of them, one by one, and how they behave.
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { Update } from '../model/update.ts'
import type { ScenarioSpec } from '../simulate/scenario.ts'
import type { Path } from '../sources/yaml-values.ts'
import { momentAt } from './moments.ts'
import { namesUpdate } from './names.ts'
import { MAX_TEST_DEVICES, type PolicyTestSpec, type TestCase, type TestDevice } from './policy-test.ts'

/** Takes what is wrong with a test, by where in its file it stands. */
export type Report = (path: Path, code: string, message: string) => void

export type OneDevice = {
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  readonly joins: EpochMs
  readonly installMinutes: number | undefined
} & Pick<TestDevice, 'products' | 'installed' | 'notRequired' | 'fails' | 'offline'>

/** Undefined when something is wrong with them, which is reported. */
export function rosterOf(
  spec: PolicyTestSpec,
  test: TestCase,
  path: Path,
  start: EpochMs,
  report: Report,
): readonly OneDevice[] | undefined {
  const groups = new Map<string, TestDevice>()
  const put = (device: TestDevice, at: Path, own: boolean): void => {
    const key = device.id === undefined ? `prefix ${device.prefix}` : `id ${device.id}`
    const before = groups.get(key)
    if (before !== undefined && !own) report(at, 'RM1604', `this ${key} stands twice`)
    groups.set(key, before === undefined ? device : changed(before, device))
  }
  for (const [i, device] of spec.devices.entries()) put(device, ['spec', 'devices', i], false)
  for (const [i, device] of (test.devices ?? []).entries()) put(device, [...path, 'devices', i], true)
  const count = [...groups.values()].reduce((sum, { id, count = 1 }) => sum + (id === undefined ? count : 1), 0)
  if (count > MAX_TEST_DEVICES) {
    report([...path, 'devices'], 'RM1601', `${count} devices, at most ${MAX_TEST_DEVICES} in one test`)
    return undefined
  }
  const devices = [...groups.values()].flatMap((group) => expanded(group, start, spec.timeZone))
  const seen = new Set<string>()
  for (const { id } of devices) {
    if (seen.has(id)) report([...path], 'RM1604', `two devices of this test are named ${id}`)
    seen.add(id)
  }
  return seen.size === devices.length ? devices : undefined
}

// Field by field: what the test leaves out stays as the spec says; of attributes, one by one.
function changed(before: TestDevice, device: TestDevice): TestDevice {
  const given = Object.fromEntries(Object.entries(device).filter(([, value]) => value !== undefined))
  const attributes = { ...before.attributes, ...device.attributes }
  return { ...before, ...given, attributes }
}

function expanded(group: TestDevice, start: EpochMs, zone: string): OneDevice[] {
  const { id, prefix = '', count = 1, attributes = {}, minutes, joins, ...rest } = group
  const ids = id === undefined ? Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`) : [id]
  const joined = joins === undefined ? start : Math.max(start, momentAt(joins, zone))
  return ids.map((name) => ({ ...rest, id: name, attributes, joins: joined, installMinutes: minutes }))
}

/** What fails on them, and when they cannot be reached, as a scenario says it. */
export function behaviourOf(
  roster: readonly OneDevice[],
  updates: readonly Update[],
  zone: string,
  start: EpochMs,
  until: EpochMs,
): Pick<ScenarioSpec, 'failures' | 'offline'> {
  const failures: ScenarioSpec['failures'] = []
  const offline: ScenarioSpec['offline'] = []
  // Devices of one group share what they do: one entry stands for all of them.
  for (const [fails, devices] of Map.groupBy(roster, (device) => device.fails))
    for (const failing of fails ?? []) {
      const { updates: names, ...how } =
        typeof failing === 'string'
          ? { updates: [failing], code: '0x80070643', during: 'Install' as const, attempts: undefined }
          : failing
      const ids = updates.filter((update) => names.some((name) => namesUpdate(name, update))).map(({ id }) => id)
      if (ids.length > 0) failures.push({ ...how, updates: ids, devices: devices.map(({ id }) => id), percent: 100 })
    }
  for (const [outages, devices] of Map.groupBy(roster, (device) => device.offline))
    for (const { from, until: end, power } of outages ?? []) {
      const times = { from: toRfc3339(momentAt(from, zone)), until: toRfc3339(momentAt(end, zone)) }
      if (momentAt(end, zone) > start && momentAt(from, zone) <= until)
        offline.push({ devices: devices.map(({ id }) => id), percent: 100, times, power })
    }
  return { failures, offline }
}
