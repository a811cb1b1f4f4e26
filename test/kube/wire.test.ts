import { test } from 'tap'
import { apiPath, withQuery } from '../../controller/kube/api-path.ts'
import { errorOfAnswer, errorOfStatus } from '../../controller/kube/kube-error.ts'
import { readKubeObject } from '../../controller/kube/kube-object.ts'
import { newLineReader } from '../../controller/kube/line-reader.ts'
import { dropObject, newStore, putObject, replaceObjects } from '../../controller/kube/object-store.ts'
import { kubeObject } from './objects.ts'

test('lines are put together from pieces, also of half a character', async (t) => {
  const lines = newLineReader(100)
  const bytes = Buffer.from('{"a":"ä"}\n{"b":1}\n{"c"', 'utf8')
  t.same(lines.push(bytes.subarray(0, 7)), [])
  t.same(lines.push(bytes.subarray(7)), ['{"a":"ä"}', '{"b":1}'])
  t.same(lines.push(Buffer.from(':2}\n')), ['{"c":2}'])
})

test('a line that does not end is refused', async (t) => {
  const lines = newLineReader(10)
  t.same(lines.push(Buffer.from('12345678')), [])
  t.throws(() => lines.push(Buffer.from('9012')), RangeError)
})

test('what an answer means', async (t) => {
  const typeOf = (status: number) => errorOfAnswer('list', status, '').type
  t.same([401, 403, 404, 409, 410, 429, 422, 400, 500, 503, 302].map(typeOf), [
    'Denied',
    'Denied',
    'NotFound',
    'Conflict',
    'Gone',
    'Throttled',
    'Invalid',
    'Invalid',
    'Unavailable',
    'Unavailable',
    'Unavailable',
  ])
  const error = errorOfAnswer('patch rollouts/x', 429, '{"message":"slow down"}', '3')
  t.match(error, { message: 'patch rollouts/x: slow down', retryAfterMs: 3000 })
  t.equal(errorOfAnswer('list', 429, '', '99999').retryAfterMs, 300_000, 'nobody is made to wait for a day')
  t.equal(errorOfAnswer('list', 502, '<html>bad gateway</html>').message, 'list: <html>bad gateway</html>')
  t.equal(errorOfStatus('watch', { code: 410, message: 'too old' }).type, 'Gone')
  t.equal(errorOfStatus('watch', 'nonsense').type, 'Unavailable')
})

test('what is no object is none, and a frame of another shape does no harm', async (t) => {
  for (const value of [undefined, null, 1, [], {}, { metadata: {} }, { metadata: { name: 7 } }])
    t.equal(readKubeObject(value), undefined)
  const odd = readKubeObject({
    metadata: { name: 'a', labels: { b: 1, c: 'd' }, finalizers: 'x', ownerReferences: [1] },
  })
  t.match(odd?.meta, { labels: { c: 'd' }, finalizers: [], ownerReferences: [], generation: 0, deleting: false })
  t.notOk('b' in (odd?.meta.labels ?? {}))
})

test('paths and parameters', async (t) => {
  const rollouts = {
    group: 'ringmaster.dev',
    version: 'v1alpha1',
    plural: 'rollouts',
    kind: 'Rollout',
    namespaced: false,
  }
  const events = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }
  t.equal(apiPath(rollouts, { name: 'a b' }, 'status'), '/apis/ringmaster.dev/v1alpha1/rollouts/a%20b/status')
  t.equal(apiPath(events, { namespace: 'default' }), '/api/v1/namespaces/default/events')
  t.equal(withQuery('/x', { a: 1, b: undefined, c: 'd&e' }), '/x?a=1&c=d%26e')
})

test('a whole list shows what is gone, though nobody told of the deletion', async (t) => {
  const store = newStore()
  replaceObjects(store, [kubeObject({ name: 'a' }), kubeObject({ name: 'b' })])
  const changes = replaceObjects(store, [kubeObject({ name: 'b' }), kubeObject({ name: 'c' })])
  t.same(
    changes.map(({ type, key }) => `${type} ${key}`),
    ['Gone a', 'Put c'],
  )
})

test('a version that is there already changes nothing; a new object of the same name does', async (t) => {
  const store = newStore()
  putObject(store, kubeObject({ name: 'a', version: '5' }))
  t.same(putObject(store, kubeObject({ name: 'a', version: '5' })), [])
  t.equal(putObject(store, kubeObject({ name: 'a', version: '5', uid: 'another' })).length, 1)
  t.equal(dropObject(store, kubeObject({ name: 'a' })).length, 1)
  t.same(dropObject(store, kubeObject({ name: 'a' })), [])
})
