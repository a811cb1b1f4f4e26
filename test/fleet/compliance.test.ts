import fc from 'fast-check'
import { test } from 'tap'
import {
  complianceOf,
  counts,
  countsAmong,
  dropDevice,
  enforcementOf,
  enforcementsOf,
  failuresOf,
  newCompliance,
  setEnforcement,
  setStatus,
} from '../../controller/fleet/compliance.ts'
import { newPlane, planeOf } from '../../controller/model/bit-plane.ts'
import { type ComplianceState, type EnforcementState, isFailure } from '../../controller/model/report.ts'
import { UpdateId } from '../../controller/model/update.ts'

const A = UpdateId.parse('kb-a')
const B = UpdateId.parse('kb-b')
const C = UpdateId.parse('kb-c')
const said = (state: EnforcementState, at = 1, code = '', message = '') => ({ state, at, code, message })

test('a status replaces the one before and is counted once', (t) => {
  const compliance = newCompliance()
  t.equal(setStatus(compliance, A, 7, 2), 0)
  t.equal(setStatus(compliance, A, 7, 3), 2)
  t.equal(setStatus(compliance, A, 7, 3), 3)
  setStatus(compliance, A, 900, 1)
  t.same(counts(compliance, A), { notRequired: 1, required: 0, installed: 1 })
  t.same([complianceOf(compliance, A, 7), complianceOf(compliance, A, 8), complianceOf(compliance, B, 7)], [3, 0, 0])
  t.equal(setStatus(compliance, A, 7, 2), 3, 'installed and missing again is drift: required again')
  t.same(counts(compliance, A), { notRequired: 1, required: 1, installed: 0 })
  setStatus(compliance, B, 7, 0)
  t.notOk(compliance.updates.has(B), 'nothing known costs nothing')
  t.end()
})

test('counts over a group take stale devices and those that said nothing as unknown', (t) => {
  const compliance = newCompliance()
  for (const [row, status] of [1, 2, 3, 3, 1, 2].entries()) setStatus(compliance, A, row, status as ComplianceState)
  const group = planeOf([0, 1, 2, 3, 70])
  t.same(countsAmong(compliance, A, group, planeOf([3])), { unknown: 2, notRequired: 1, required: 1, installed: 1 })
  t.same(countsAmong(compliance, B, group, newPlane()), { unknown: 5, notRequired: 0, required: 0, installed: 0 })
  t.end()
})

test('what a device said of an installation is kept until it is installed', (t) => {
  const compliance = newCompliance()
  setStatus(compliance, A, 5, 2)
  setEnforcement(compliance, A, 5, said(7, 10))
  setEnforcement(compliance, A, 5, said(6, 20, '0x80070643', 'fatal error'))
  setEnforcement(compliance, B, 5, said(9, 21, '0x80240017'))
  t.same(enforcementOf(compliance, A, 5), said(6, 20, '0x80070643', 'fatal error'))
  t.same(failuresOf(compliance, A), [{ row: 5, ...said(6, 20, '0x80070643', 'fatal error') }])
  t.same(
    enforcementsOf(compliance, 5).map(({ update, state }) => [update, state]),
    [
      [A, 6],
      [B, 9],
    ],
  )
  setEnforcement(compliance, A, 5, said(1, 30))
  t.same(enforcementOf(compliance, A, 5), said(1, 30), 'the old error goes with the old state')
  t.same(failuresOf(compliance, A), [])
  setEnforcement(compliance, A, 5, said(6, 40))
  setStatus(compliance, A, 5, 3)
  t.same([enforcementOf(compliance, A, 5), failuresOf(compliance, A)], [undefined, []], 'a scan found it installed')
  setEnforcement(compliance, B, 5, said(4, 50))
  t.same(enforcementsOf(compliance, 5), [], 'the device said it is installed')
  setEnforcement(compliance, A, 5, said(6, 60))
  t.equal(enforcementOf(compliance, A, 5)?.state, 6, 'a failed uninstallation is kept while it stays installed')
  t.end()
})

test('counters, enforcement and failures agree with a recount under random reports and removals', (t) => {
  const update = fc.constantFrom(A, B, C)
  const row = fc.oneof(fc.nat(90), fc.nat(5))
  const step = fc.oneof(
    fc.record({ type: fc.constant('status' as const), update, row, to: fc.constantFrom<ComplianceState>(0, 1, 2, 3) }),
    fc.record({
      type: fc.constant('enforce' as const),
      update,
      row,
      to: fc.constantFrom<EnforcementState>(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
      message: fc.constantFrom('', 'why'),
    }),
    fc.record({ type: fc.constant('drop' as const), row }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const compliance = newCompliance()
      const statuses = new Map<string, ComplianceState>()
      const records = new Map<string, ReturnType<typeof said>>()
      for (const [at, step] of steps.entries()) {
        if (step.type === 'drop') {
          dropDevice(compliance, step.row)
          for (const update of [A, B, C]) for (const map of [statuses, records]) map.delete(`${update} ${step.row}`)
          continue
        }
        const key = `${step.update} ${step.row}`
        if (step.type === 'status') {
          const before = statuses.get(key) ?? 0
          if (setStatus(compliance, step.update, step.row, step.to) !== before) return false
          if ((step.to === 1 || step.to === 3) && before !== 1 && before !== 3) records.delete(key)
          statuses.set(key, step.to)
        } else {
          const report = said(step.to, at, '', step.message)
          setEnforcement(compliance, step.update, step.row, report)
          if (step.to === 4) records.delete(key)
          else records.set(key, report)
        }
      }
      return (
        leaksNothing(compliance, records) && [A, B, C].every((update) => agrees(compliance, update, statuses, records))
      )
    }),
    { seed: 42, numRuns: 150 },
  )
  t.pass('holds')
  t.end()
})

/** Every slot ever used is either free or holds a record, and so does every text. */
function leaksNothing(
  { enforcement }: ReturnType<typeof newCompliance>,
  records: ReadonlyMap<string, ReturnType<typeof said>>,
): boolean {
  let free = 0
  for (let slot = enforcement.free; slot !== 0; slot = enforcement.next[slot] ?? 0) free++
  const texts = [...records.values()].filter(({ message }) => message !== '').length
  return enforcement.used === free + records.size && enforcement.details.size === texts
}

function agrees(
  compliance: ReturnType<typeof newCompliance>,
  update: UpdateId,
  statuses: ReadonlyMap<string, ComplianceState>,
  records: ReadonlyMap<string, ReturnType<typeof said>>,
): boolean {
  const recount = [0, 0, 0, 0]
  const failing: number[] = []
  for (let row = 0; row < 100; row++) {
    const status = statuses.get(`${update} ${row}`) ?? 0
    const record = records.get(`${update} ${row}`)
    recount[status] = (recount[status] ?? 0) + 1
    if (record !== undefined && isFailure(record.state)) failing.push(row)
    if (complianceOf(compliance, update, row) !== status) return false
    if (JSON.stringify(enforcementOf(compliance, update, row)) !== JSON.stringify(record)) return false
  }
  const everyone = planeOf(Array.from({ length: 100 }, (_, row) => row))
  const { unknown, ...known } = countsAmong(compliance, update, everyone, newPlane())
  const kept = counts(compliance, update)
  return (
    [unknown, kept.notRequired, kept.required, kept.installed].join() === recount.join() &&
    JSON.stringify(known) === JSON.stringify(kept) &&
    failuresOf(compliance, update)
      .map(({ row }) => row)
      .join() === failing.join() &&
    (compliance.failed.get(update)?.count ?? 0) === failing.length &&
    compliance.updates.has(update) === (recount[0] ?? 0) < 100
  )
}
