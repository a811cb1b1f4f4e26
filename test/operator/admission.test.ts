import { test } from 'tap'
import type { AdmissionRequest } from '../../controller/kube/admission-server.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { review } from '../../controller/operator/admission.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { collection, including, inForce, rule } from './samples.ts'

function stateOf(objects: Iterable<Declared>): State {
  const state = newState()
  for (const object of objects) {
    const ofKind = new Map(state.objects[object.kind]).set(object.name, object)
    state.objects = { ...state.objects, [object.kind]: ofKind }
  }
  return state
}

const state = stateOf(
  inForce([collection('pilot'), including('all-pilots', 'pilot'), rule('office', 'pilot')]).values(),
)
const create = (kind: string, name: string, spec: object, more: object = {}): AdmissionRequest => ({
  operation: 'CREATE',
  kind,
  name,
  user: 'ann',
  object: { metadata: { name, ...more }, spec },
  oldObject: null,
})
const remove = (kind: string, name: string): AdmissionRequest => ({
  ...create(kind, name, {}),
  operation: 'DELETE',
  object: null,
})

test('what can come into force is let through without a word', async (t) => {
  t.same(review(create('Collection', 'new', { include: ['pilot'] }), state, 'Deny'), { allowed: true, warnings: [] })
  t.same(review(create('Secret', 'x', {}), state, 'Deny'), { allowed: true, warnings: [] })
})

test('a circle is refused', async (t) => {
  const answer = review(create('Collection', 'pilot', { include: ['all-pilots'] }), state, 'Warn')
  t.match(answer, { allowed: false, message: /RM1305 .*circle/ })
})

test('a reference to nothing is told, or refused where that is wanted', async (t) => {
  const request = create('Freeze', 'f', {
    from: '2026-01-01T00:00',
    until: '2026-01-02T00:00',
    reason: 'r',
    collections: ['pilto'],
  })
  t.match(review(request, state, 'Warn'), { allowed: true, warnings: [/RM1302 .*"pilto".*does not come into force/] })
  t.match(review(request, state, 'Deny'), { allowed: false, message: /did you mean `pilot`/ })
})

test('mistakes of the object itself are refused by the same reader', async (t) => {
  t.match(review(create('Collection', 'c', { include: ['a', 7] }), state, 'Warn'), { allowed: false, message: /RM12/ })
})

test('what Ringmaster wrote is not judged', async (t) => {
  const labels = { 'ringmaster.dev/owned-by': 'office' }
  t.ok(review(create('Rollout', 'r', { group: 'nowhere' }, { labels }), state, 'Deny').allowed)
})

test('deleting what others use is let through, and says who they are', async (t) => {
  const answer = review(remove('Collection', 'pilot'), state, 'Deny')
  t.ok(answer.allowed)
  t.match(answer.warnings, [/used by .*Collection all-pilots.*/])
  t.match(answer.warnings, [/AutomaticDeploymentRule office/])
  t.same(review(remove('Collection', 'unknown'), state, 'Deny').warnings, [])
})

test("an approval in another one's name is told", async (t) => {
  const approval = (approvedBy: string) => create('PhaseApproval', 'a', { rollout: 'r', phase: 'p', approvedBy })
  t.same(review(approval('ann'), state, 'Warn').warnings, [])
  t.match(review(approval('bob'), state, 'Warn').warnings, [/approvedBy is "bob", and this is written by ann/])
})
