import { test } from 'tap'
import {
  approvalName,
  approvalOf,
  askEvaluation,
  askPause,
  askResume,
  askRollback,
} from '../../controller/operator/plugin-asks.ts'
import { kubeObject } from '../kube/objects.ts'

const AT = '2026-01-13T18:00:00Z'
const rollout = (status: object, more: object = {}) => kubeObject({ name: 'r', status, ...more })

test('a rollback names the plan, and makes no sense twice or before there is one', async (t) => {
  t.match(askRollback(rollout({ planned: AT, state: 'Progressing' }), 'ann'), {
    annotations: { 'ringmaster.dev/rollback': AT, 'ringmaster.dev/asked-by': 'ann' },
  })
  t.match(askRollback(rollout({ planned: AT, state: 'RolledBack' }), 'ann'), { type: 'Refused' })
  t.match(askRollback(rollout({ state: 'Declared' }), 'ann'), { type: 'Refused' })
})

test('resuming ends the pause and names the halt', async (t) => {
  const halted = { state: 'Halted', phases: [{ name: 'p', state: 'Halted', halt: { at: AT } }] }
  t.match(askResume(rollout(halted), 'ann'), {
    annotations: { 'ringmaster.dev/suspend': null, 'ringmaster.dev/resume': AT },
  })
  const paused = rollout({ state: 'Progressing' }, { annotations: { 'ringmaster.dev/suspend': 'true' } })
  t.match(askResume(paused, 'ann'), { annotations: { 'ringmaster.dev/suspend': null } })
  t.match(askResume(rollout({ state: 'Progressing' }), 'ann'), { type: 'Refused', message: /neither paused/ })
  t.match(askResume(rollout({}, { spec: { suspend: true } }), 'ann'), {
    type: 'Refused',
    message: /suspend: true in its spec/,
  })
})

test('what has ended is not paused, what is suspended is not evaluated', async (t) => {
  t.match(askPause(rollout({ state: 'Superseded' }), 'ann'), { type: 'Refused' })
  t.match(askPause(rollout({ state: 'Progressing' }), 'ann'), { annotations: { 'ringmaster.dev/suspend': 'true' } })
  t.match(askEvaluation(kubeObject({ name: 'a', spec: { suspend: true } }), 'ann', AT), { type: 'Refused' })
  t.match(askEvaluation(kubeObject({ name: 'a' }), 'ann', AT), { annotations: { 'ringmaster.dev/requestedAt': AT } })
})

test('an approval is for a phase that there is, by whoever asks', async (t) => {
  const going = rollout({ phases: [{ name: 'pilot' }, { name: 'broad' }] })
  t.match(approvalOf(going, 'broad', 'ann', 'looks good'), {
    name: 'r-broad',
    body: { spec: { rollout: 'r', phase: 'broad', approvedBy: 'ann', comment: 'looks good' } },
  })
  t.match(approvalOf(going, 'brood', 'ann', undefined), { message: /no phase brood; its phases are pilot, broad/ })
})

test('the name of an approval is one, however long the names are', async (t) => {
  const long = approvalName('a'.repeat(60), 'b'.repeat(60))
  t.match(long, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  t.ok(long.length <= 63)
  t.not(long, approvalName('a'.repeat(60), 'c'.repeat(60)))
})
