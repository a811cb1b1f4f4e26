// Several sources at one intake: who declared an object first keeps it until it is handed over, and references go across.
import { test } from 'tap'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { DIRECTORY_SOURCE } from '../../controller/model/source-names.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { Intake, type Seat } from '../../controller/runtime/intake.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { assemble } from '../../controller/sources/assemble.ts'
import { virtualClock } from './virtual-clock.ts'

test('an object of two sources stays with the first, and goes to the second in one fact-append when it is let go', async (t) => {
  const { controller, seat, offer } = await intake()
  const { state } = controller
  const [a, b] = [seat('a'), seat('b')]
  await offer('a', a, 'one two')
  await offer('b', b, 'two three')
  t.match(state.sources.get('b')?.rejected, { total: 1, problems: [{ code: 'RM1401', message: /source a, f\.yaml:/ }] })
  t.notOk(state.objects.Collection.has('three'), 'and nothing else of the revision is taken')
  let gone = false
  controller.subscribe(() => {
    gone ||= !state.objects.Collection.has('two')
  })
  await offer('a', a, 'one')
  t.notOk(gone)
  t.equal(state.objects.Collection.get('two')?.origin.source, 'b')
  t.ok(state.objects.Collection.has('three'))
  t.equal(state.sources.get('b')?.rejected, undefined)
  t.equal(state.objects.Collection.get('one')?.origin.source, 'a')
})

test('a revision that waits for two sources comes into force with the last of them', async (t) => {
  const { controller, seat, offer, rechecked } = await intake()
  const { state } = controller
  const [a, b, c] = [seat('a'), seat('b'), seat('c')]
  await offer('a', a, 'one')
  await offer('b', b, 'two')
  await offer('c', c, 'one two')
  t.equal(state.sources.get('c')?.rejected?.total, 2)
  await offer('a', a, '')
  t.notOk(state.objects.Collection.has('one'), 'between the two it is declared by nobody')
  t.ok(rechecked.includes('c'))
  await offer('b', b, '')
  t.same([...state.objects.Collection.values()].map(({ name, origin }) => [name, origin.source]).sort(), [
    ['one', 'c'],
    ['two', 'c'],
  ])
})

test('what a source that runs no more declared is free to be taken over', async (t) => {
  const { controller, seat, offer } = await intake()
  const one = seat('a')
  await offer('a', one, 'one')
  one.leave()
  await offer('b', seat('b'), 'one')
  t.equal(controller.state.objects.Collection.get('one')?.origin.source, 'b')
})

test('a reference to an object of another source counts, and is looked at again when that changes', async (t) => {
  const { controller, seat, offer, rechecked } = await intake()
  const { state } = controller
  const [a, b] = [seat('a'), seat(DIRECTORY_SOURCE)]
  await offer('a', a, 'narrow:wide')
  t.match(state.sources.get('a')?.rejected?.problems, [{ code: 'RM1302' }])
  await offer(DIRECTORY_SOURCE, b, 'wide')
  t.same(rechecked, ['a'])
  await offer('a', a, 'narrow:wide')
  t.ok(state.objects.Collection.has('narrow'))
  await offer(DIRECTORY_SOURCE, b, 'wide:narrow')
  t.match(state.sources.get(DIRECTORY_SOURCE)?.rejected?.problems, [
    { code: 'RM1305', message: /narrow → wide → narrow|wide → narrow → wide/ },
  ])
})

test('a failure is told once, and ends with the next revision, also when that is the same as before', async (t) => {
  const { controller, seat, offer } = await intake()
  const { state, journal } = controller
  const a = seat('a')
  await offer('a', a, 'one')
  await a.fail('RM1403', 'no answer')
  const { lastSeq } = journal
  await a.fail('RM1403', 'no answer')
  t.equal(journal.lastSeq, lastSeq)
  t.match(state.sources.get('a'), { revision: 'one', failure: { code: 'RM1403', message: 'no answer' } })
  await offer('a', a, 'one')
  t.equal(state.sources.get('a')?.failure, undefined)
  t.ok(state.objects.Collection.has('one'))
})

async function intake() {
  const clock = virtualClock('2026-01-01T00:00:00Z')
  const controller = await Controller.open({ journal: openMemoryJournal(decodeFact), clock })
  const desk = new Intake(controller, silentLog)
  const rechecked: string[] = []
  const seat = (name: string) => desk.seat(name, () => void rechecked.push(name))
  /** Collections by name, `name:limit`, in one file. */
  const offer = (source: string, at: Seat, names: string) => {
    const text = names.split(' ').map(collection).join('---\n')
    const file = { name: 'f.yaml', folder: '/srv', bytes: Buffer.from(text) }
    const context = { revision: names, elsewhere: at.elsewhere() }
    return at.offer({ load: assemble(source, [file], [], new Map(), new Set(), context) })
  }
  return { controller, seat, offer, rechecked }
}

function collection(text: string): string {
  const [name = '', limit] = text.split(':')
  if (name === '') return '# nothing\n'
  const limited = limit === undefined ? '' : `limitedTo: ${limit}, `
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: ${name}}\nspec: {${limited}queries: [{matchLabels: {a: b}}]}\n`
}
