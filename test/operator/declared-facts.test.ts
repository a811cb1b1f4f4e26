import { test } from 'tap'
import type { Declared } from '../../controller/model/declared.ts'
import { declaredFacts } from '../../controller/operator/declared-facts.ts'
import type { ObjectKey } from '../../controller/operator/names.ts'
import { candidate, collection, inForce, rule } from './samples.ts'

const asked = (value: string | undefined) =>
  candidate('AutomaticDeploymentRule', {
    name: 'office',
    spec: { criteria: { classifications: ['Security Updates'] }, phases: [{ name: 'pilot', collection: 'pilot' }] },
    ...(value !== undefined && { annotations: { 'ringmaster.dev/requestedAt': value } }),
  })
const state = (value: string | undefined) => inForce([collection('pilot'), asked(value)])
const nothing = new Map<ObjectKey, Declared>()

test('nothing is submitted for what is in force already', async (t) => {
  t.same(declaredFacts(state(undefined), state(undefined), 'r'), [])
})

test('what limits comes before what acts, whatever the order of the objects', async (t) => {
  const freeze = candidate('Freeze', {
    name: 'f',
    spec: { from: '2026-01-01T00:00', until: '2026-01-02T00:00', reason: 'r' },
  })
  const wanted = inForce([rule('office', 'pilot'), freeze, collection('pilot')])
  const [facts = []] = declaredFacts(nothing, wanted, 'r')
  const put = facts.flatMap((fact) => (fact.type === 'ObjectsDeclared' ? fact.put : []))
  t.same(
    put.map(({ kind }) => kind),
    ['Collection', 'Freeze', 'AutomaticDeploymentRule'],
  )
})

test('requestedAt evaluates once for each value, in one append with what remembers it', async (t) => {
  const [facts] = declaredFacts(state('1'), state('2'), 'r')
  t.match(facts, [
    { type: 'ObjectsDeclared', put: [{ annotations: { 'ringmaster.dev/requestedAt': '2' } }] },
    {
      type: 'CommandGiven',
      command: { type: 'Evaluate', rule: 'office' },
      by: /requestedAt on AutomaticDeploymentRule.office/,
    },
  ])
  t.same(declaredFacts(state('2'), state('2'), 'r'), [], 'not again, also not after a restart')
  t.equal(declaredFacts(state('2'), state(undefined), 'r')[0]?.length, 1, 'its removal asks for nothing')
  t.equal(declaredFacts(nothing, state('2'), 'r')[0]?.length, 1, 'nor does a rule that is new')
})

test('thousands of objects come in batches that a journal takes', async (t) => {
  const wanted = inForce(Array.from({ length: 1200 }, (_, i) => collection(`c${i}`)))
  const batches = declaredFacts(nothing, wanted, 'r')
  t.same(
    batches.map(([fact]) => (fact?.type === 'ObjectsDeclared' ? fact.put.length : 0)),
    [500, 500, 200],
  )
  const large = inForce(
    Array.from({ length: 6 }, (_, i) =>
      collection(`c${i}`, { devices: Array.from({ length: 999 }, (_, j) => `${'x'.repeat(190)}-${i}-${j}`) }),
    ),
  )
  t.ok(declaredFacts(nothing, large, 'r').length > 1, 'also by size')
  t.equal(declaredFacts(wanted, nothing, 'r').length, 3, 'removals too')
})
