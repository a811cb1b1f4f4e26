import fc from 'fast-check'
import { test } from 'tap'
import { type Candidate, judge } from '../../controller/operator/judge.ts'
import { candidate, collection, including, inForce, rule } from './samples.ts'

const isRunning = () => true
const none = { inForce: new Map(), others: [], isRunning }

test('one broken object keeps nobody else from coming into force', async (t) => {
  const broken = candidate('Freeze', { name: 'broken', spec: { reason: 'no time' } })
  const { wanted, refused } = judge({ ...none, candidates: [collection('pilot'), broken, rule('office', 'pilot')] })
  t.same([...wanted.keys()], ['Collection/pilot', 'AutomaticDeploymentRule/office'])
  t.same([...refused.keys()], ['Freeze/broken'])
  t.match(refused.get('Freeze/broken'), [{ code: /^RM12/ }])
})

test('what refers to nothing is refused, and what refers to that too', async (t) => {
  const { wanted, refused } = judge({
    ...none,
    candidates: [including('a', 'b'), including('b', 'c'), rule('office', 'a'), collection('d')],
  })
  t.same([...wanted.keys()], ['Collection/d'])
  t.match(refused.get('Collection/b'), [{ code: 'RM1302', path: 'spec.include[0]', message: /no collection "c"/ }])
  t.match(refused.get('AutomaticDeploymentRule/office'), [{ code: 'RM1302', path: 'spec.phases[0].collection' }])
})

test('a broken edit leaves the last good version in force, and what refers to it goes on', async (t) => {
  const before = inForce([collection('pilot'), rule('office', 'pilot')])
  const broken = collection('pilot', { queries: 'all of them' })
  const { wanted, refused } = judge({
    candidates: [broken, rule('office', 'pilot')],
    inForce: before,
    others: [],
    isRunning,
  })
  t.equal(wanted.get('Collection/pilot'), before.get('Collection/pilot'))
  t.same([...refused.keys()], ['Collection/pilot'])
})

test('what was removed is not wanted, and who refers to it stays in force and is told', async (t) => {
  const before = inForce([collection('pilot'), rule('office', 'pilot')])
  const { wanted, refused } = judge({ candidates: [rule('office', 'pilot')], inForce: before, others: [], isRunning })
  t.same([...wanted.keys()], ['AutomaticDeploymentRule/office'])
  t.match(refused.get('AutomaticDeploymentRule/office'), [{ code: 'RM1302' }])
})

for (const [first, second] of [
  ['a', 'b'],
  ['b', 'a'],
] as const)
  test(`an edit that closes a circle is refused, not the one that was there (${first} was)`, async (t) => {
    const before = inForce([including(first, second), collection(second)])
    const candidates = [including(first, second), including(second, first)]
    const { wanted, refused } = judge({ candidates, inForce: before, others: [], isRunning })
    t.equal(wanted.get(`Collection/${second}`), before.get(`Collection/${second}`))
    t.match(refused.get(`Collection/${second}`), [{ code: 'RM1305' }])
  })

test('a circle of which nothing was in force is refused whole', async (t) => {
  const candidates = [including('a', 'b'), including('b', 'c'), including('c', 'a'), collection('d')]
  const { wanted, refused } = judge({ ...none, candidates })
  t.same([...wanted.keys()], ['Collection/d'])
  t.same([...refused.keys()].sort(), ['Collection/a', 'Collection/b', 'Collection/c'])
})

test('a name that another source has declared is refused', async (t) => {
  const other = [...inForce([collection('pilot')]).values()].map((object) => ({
    ...object,
    origin: { ...object.origin, source: 'directory', file: 'pilot.yaml' },
  }))
  const { wanted, refused } = judge({
    candidates: [collection('pilot'), rule('office', 'pilot')],
    inForce: new Map(),
    others: other,
    isRunning,
  })
  t.match(refused.get('Collection/pilot'), [{ code: 'RM1301', message: /pilot.yaml of the source directory/ }])
  t.same([...wanted.keys()], ['AutomaticDeploymentRule/office'], 'and may be referred to')
  const ended = { candidates: [collection('pilot')], inForce: new Map(), others: other, isRunning: () => false }
  t.same(
    [...judge(ended).wanted.keys()],
    ['Collection/pilot'],
    'what a source declared that runs no more is taken over',
  )
})

test('more objects than allowed: the newest are refused', async (t) => {
  const candidates = Array.from({ length: 20_001 }, (_, i) => collection(`c${i}`))
  const { wanted, refused } = judge({ ...none, candidates })
  t.equal(wanted.size, 20_000)
  t.match(refused.get('Collection/c20000'), [{ code: 'RM1016' }])
})

test('a chain of references longer than can be followed is refused, and says so', async (t) => {
  const candidates = Array.from({ length: 300 }, (_, i) => including(`c${i}`, `c${i + 1}`))
  const { wanted, refused } = judge({ ...none, candidates })
  t.equal(wanted.size, 0)
  t.match(refused.get('Collection/c0'), [{ code: 'RM1702' }])
})

test('more mistakes than are listed at once let none of them pass', async (t) => {
  const candidates = Array.from({ length: 2500 }, (_, i) => rule(`r${i}`, 'nowhere'))
  const { wanted, refused } = judge({ ...none, candidates })
  t.equal(wanted.size, 0)
  t.equal(refused.size, 2500)
})

const Names = ['a', 'b', 'c', 'd', 'e'] as const
const Edges = fc.dictionary(fc.constantFrom(...Names), fc.uniqueArray(fc.constantFrom(...Names, 'z'), { maxLength: 3 }))
const collections = (edges: Record<string, string[]>): Candidate[] =>
  Object.entries(edges).map(([name, include]) =>
    include.length === 0 ? collection(name) : including(name, ...include),
  )

test('whatever is edited, what is in force refers to what is there and closes no circle, or is what was in force', async (t) => {
  fc.assert(
    fc.property(Edges, Edges, (first, second) => {
      const before = judge({ ...none, candidates: collections(first) })
      const clean = judge({
        ...none,
        candidates: [...before.wanted].map(([key, declared]) => ({ key, read: { type: 'Declared', declared } })),
      })
      if (clean.refused.size > 0) return false
      const after = judge({ candidates: collections(second), inForce: before.wanted, others: [], isRunning })
      for (const [key, object] of after.wanted) {
        const isOld = before.wanted.get(key) === object
        if (!isOld && after.refused.has(key)) return false
      }
      const again = judge({ candidates: collections(second), inForce: after.wanted, others: [], isRunning })
      return JSON.stringify([...again.wanted].sort()) === JSON.stringify([...after.wanted].sort())
    }),
    { numRuns: 500 },
  )
  t.pass('judging again changes nothing')
})
