// Checks of devices: what each is offered and when it may start, as its policy says it, and what it has reported.
import { collectionsOf, membersOf } from '../fleet/collections.ts'
import { complianceOf, countsAmong, failuresOf } from '../fleet/compliance.ts'
import { hasBit } from '../model/bit-plane.ts'
import { COMPLIANCE_STATES } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import { explain } from '../project/explain.ts'
import { devicePolicy, type Policy } from '../project/policy.ts'
import { deviceZone } from '../rollout/targets.ts'
import { nearest } from '../sources/suggest.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { ExpectCollection, ExpectCompliance, ExpectDevice } from './expect.ts'
import { devicesNamed, updateMeant } from './names.ts'
import type { Check } from './results.ts'
import {
  check,
  checkCount,
  checkMessage,
  checkTime,
  checkUpdates,
  checkValue,
  listed,
  rowsOf,
  type StepSight,
} from './sight.ts'

export function checkDevices(sight: StepSight, expected: ExpectDevice, path: Path): Check[] {
  const ids = devicesNamed(expected.device, sight.devices)
  if (ids.length === 0) {
    const meant = nearest(expected.device, sight.devices)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    return [check([...path, 'device'], false, expected.device, `no device of this test is named so${hint}`)]
  }
  const checks = ids.map((id) => checkDevice(sight, id, expected, path))
  // All of them are asked the same; of those that answer otherwise the first one speaks.
  const bad = checks.findIndex((one) => one.some(({ passed }) => !passed))
  const found = checks[Math.max(0, bad)] ?? []
  const others = checks.filter((one) => one.some(({ passed }) => !passed)).length - 1
  const which = others > 0 ? `device ${ids[bad]}, and ${others} more like it` : `device ${ids[bad]}`
  return found.map((one) => (one.passed ? one : { ...one, because: `${which}: ${one.because ?? 'see its policy'}` }))
}

function checkDevice(sight: StepSight, id: string, expected: ExpectDevice, path: Path): Check[] {
  const { state, now } = sight
  const row = state.fleet.rowOf.get(id)
  if (row === undefined || !hasBit(state.fleet.present, row))
    return [check([...path, 'device'], false, id, `${id} is not enrolled`)]
  const policy = devicePolicy(state, row, now)
  const offered = new Set(policy.updates.filter(({ action }) => action === 'Install').map((one) => one.id))
  const withheld = new Set(sight.updates.map((update) => update.id).filter((one) => !offered.has(one)))
  const installed = new Set(
    sight.updates.map((update) => update.id).filter((one) => complianceOf(state.compliance, one, row) === 3),
  )
  const why = (update: UpdateId) => verdict(sight, id, update).message
  const loose = { ...sight, exact: false }
  const inside = collectionsOf(state.fleet, state.collections, row)
  return [
    ...checkUpdates(sight, [...path, 'offers'], expected.offers, offered, why),
    ...checkUpdates(loose, [...path, 'withholds'], expected.withholds, withheld, why),
    ...checkUpdates(loose, [...path, 'installed'], expected.installed, installed, why),
    ...(expected.collections ?? []).map((name, i) =>
      check([...path, 'collections', i], inside.includes(name), name, `it is in ${inside.join(', ')}`),
    ),
    ...checkUpdate(sight, { id, row, policy }, expected, path),
  ]
}

type Device = { readonly id: string; readonly row: number; readonly policy: Policy }

function checkUpdate(sight: StepSight, { id, row, policy }: Device, expected: ExpectDevice, path: Path): Check[] {
  if (expected.update === undefined) return []
  const meant = updateMeant(expected.update, sight.updates)
  if ('problem' in meant) return [check([...path, 'update'], false, expected.update, meant.problem)]
  const { state, now } = sight
  const offer = policy.updates.find((one) => one.id === meant.id)
  const zone = deviceZone(state.fleet, row) ?? 'UTC'
  const { reason, message } = verdict(sight, id, meant.id)
  const because = () => message
  const instant = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text))
  const first = instant(offer?.start[0]?.from)
  const start = first === undefined ? undefined : Math.max(first, now)
  const status = COMPLIANCE_STATES[complianceOf(state.compliance, meant.id, row)]
  return [
    ...checkValue([...path, 'offered'], expected.offered, offer?.action === 'Install', because),
    ...checkValue([...path, 'action'], expected.action, offer?.action, because),
    ...checkTime([...path, 'available'], expected.available, instant(offer?.available), zone, because),
    ...checkTime([...path, 'deadline'], expected.deadline, instant(offer?.deadline), zone, because),
    ...checkTime([...path, 'start'], expected.start, start, zone, because),
    ...checkValue([...path, 'status'], expected.status, status, because),
    ...checkValue([...path, 'reason'], expected.reason, reason, because),
    ...checkMessage([...path, 'message'], expected.message, message),
  ]
}

function verdict({ state, notes, now }: StepSight, device: string, update: UpdateId) {
  return explain(state, notes, device, update, now).verdict
}

export function checkCompliance(sight: StepSight, expected: ExpectCompliance, path: Path): Check[] {
  const { state } = sight
  const meant = updateMeant(expected.update, sight.updates)
  if ('problem' in meant) return [check([...path, 'update'], false, expected.update, meant.problem)]
  const among =
    expected.collection === undefined
      ? state.fleet.present
      : membersOf(state.fleet, state.collections, expected.collection)
  if (among === undefined) return [noCollection(sight, expected.collection ?? '', path)]
  const counts = countsAmong(state.compliance, meant.id, among, state.fleet.stale)
  const failed = failuresOf(state.compliance, meant.id).filter(({ row }) => hasBit(among, row)).length
  const all = `installed ${counts.installed}, required ${counts.required}, not required ${counts.notRequired}, unknown ${counts.unknown}, failed ${failed}`
  const because = () => `${meant.id}: ${all}`
  return [
    ...(['installed', 'required', 'notRequired', 'unknown'] as const).flatMap((field) =>
      checkCount([...path, field], expected[field], counts[field], because),
    ),
    ...checkCount([...path, 'failed'], expected.failed, failed, because),
  ]
}

export function checkCollection(sight: StepSight, expected: ExpectCollection, path: Path): Check[] {
  const { state } = sight
  const members = membersOf(state.fleet, state.collections, expected.collection)
  if (members === undefined) return [noCollection(sight, expected.collection, path)]
  const ids = rowsOf(members).map((row) => state.fleet.ids[row] ?? '')
  const because = () => `collection ${expected.collection} has ${listed(ids).join(', ') || 'no device'}`
  const { has = [], lacks = [] } = expected
  const others =
    sight.exact && expected.has !== undefined
      ? ids.filter((id) => !has.some((name) => devicesNamed(name, [id]).length > 0))
      : []
  return [
    ...checkCount([...path, 'count'], expected.count, ids.length, because),
    ...has.map((name, i) =>
      check([...path, 'has', i], devicesNamed(name, ids).length > 0, name, `no ${name}`, because),
    ),
    ...lacks.map((name, i) =>
      check(
        [...path, 'lacks', i],
        devicesNamed(name, ids).length === 0,
        `no ${name}`,
        devicesNamed(name, ids),
        because,
      ),
    ),
    ...(others.length === 0 ? [] : [check([...path, 'has'], false, 'no other device', listed(others))]),
  ]
}

function noCollection({ state }: StepSight, name: string, path: Path): Check {
  const known = [...state.objects.Collection.keys()].sort()
  return check(
    [...path, 'collection'],
    false,
    name,
    `there is no collection ${name}; there are ${known.join(', ') || 'none but all'}`,
  )
}
