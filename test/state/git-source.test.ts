// What removing a GitSource does to what came from its repository.
import { test } from 'tap'
import type { Declared } from '../../controller/model/declared.ts'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { apply } from '../../controller/state/apply.ts'
import { newState } from '../../controller/state/state.ts'

const DIRECTORY = { type: 'ObjectsDeclared', source: 'directory' } as const

test('a GitSource that is removed takes with it what came from its repository, and nothing else', async (t) => {
  const state = site('Unapprove')
  apply(state, 2, { ...DIRECTORY, revision: 'r2', put: [], removed: [{ kind: 'GitSource', name: 'rollouts' }] })
  t.same([...state.objects.Collection.keys()], ['own', 'other'])
  t.same([...state.sources.keys()], ['directory', 'git/other'])
})

test('with prune: Orphan it leaves everything', async (t) => {
  const state = site('Orphan')
  apply(state, 2, { ...DIRECTORY, revision: 'r2', put: [], removed: [{ kind: 'GitSource', name: 'rollouts' }] })
  t.same([...state.objects.Collection.keys()].sort(), ['a', 'b', 'other', 'own'])
  t.notOk(state.sources.has('git/rollouts'))
})

test('what is declared elsewhere in the same revision stays', async (t) => {
  const state = site('Unapprove')
  const put = [collection('a', 'directory')]
  apply(state, 2, { ...DIRECTORY, revision: 'r2', put, removed: [{ kind: 'GitSource', name: 'rollouts' }] })
  t.equal(state.objects.Collection.get('a')?.origin.source, 'directory')
  t.notOk(state.objects.Collection.has('b'))
})

function site(prune: 'Unapprove' | 'Orphan') {
  const state = newState()
  const spec = GitSourceSpec.parse({ url: 'https://git.example/x.git', prune })
  const source: Declared = { ...frame('rollouts', 'directory'), kind: 'GitSource', spec }
  const own = [source, collection('own', 'directory')]
  apply(state, 1, { ...DIRECTORY, revision: 'r1', put: own, removed: [] })
  for (const [name, objects] of Object.entries({ 'git/rollouts': ['a', 'b'], 'git/other': ['other'] })) {
    const put = objects.map((object) => collection(object, name))
    apply(state, 1, { type: 'ObjectsDeclared', source: name, revision: 'main@sha1:0', put, removed: [] })
  }
  return state
}

function collection(name: string, source: string): Declared {
  return { ...frame(name, source), kind: 'Collection', spec: { queries: [{ matchLabels: { a: 'b' } }] } }
}

function frame(name: string, source: string) {
  return { name, labels: {}, annotations: {}, origin: { source, revision: 'r', file: 'f.yaml', line: 1 } }
}
