import fc from 'fast-check'
import { test } from 'tap'
import { KubeError, type KubeErrorType } from '../../controller/kube/kube-error.ts'
import type { KubeObject } from '../../controller/kube/kube-object.ts'
import { dropObject, newStore, putObject, replaceObjects } from '../../controller/kube/object-store.ts'
import {
  SHORTEST_WATCH_MS,
  WATCH_SECONDS,
  type WatchAction,
  type WatchInput,
  type WatchState,
  watchStep,
} from '../../controller/kube/watch-machine.ts'
import { kubeObject } from './objects.ts'

const a = kubeObject({ name: 'a', version: '7' })
const failed = (type: KubeErrorType, retryAfterMs?: number): WatchInput => ({
  type: 'Failed',
  error: new KubeError(type, 'it failed', 0, retryAfterMs),
})
const page = (objects: KubeObject[], next?: string): WatchInput => ({ type: 'Page', objects, version: '9', next })
const idle: WatchState = { type: 'Idle' }
const listing: WatchState = { type: 'Listing', objects: [], failures: 0 }
const watching: WatchState = { type: 'Watching', version: '9', fresh: true, failures: 0 }
const heard: WatchState = { ...watching, fresh: false }
const waiting: WatchState = { type: 'Waiting', version: '9', failures: 1 }
const waitingToList: WatchState = { type: 'Waiting', version: undefined, failures: 1 }

type Row = readonly [string, WatchState, WatchInput, WatchState['type'], readonly string[]]
const short = (action: WatchAction) => {
  switch (action.type) {
    case 'List':
      return `List ${action.next ?? ''}`.trim()
    case 'Watch':
      return `Watch ${action.version}`
    case 'Wait':
      return `Wait ${action.ms}`
    case 'Replace':
      return `Replace ${action.objects.map(({ meta }) => meta.name).join()}`
    case 'Put':
    case 'Drop':
      return `${action.type} ${action.object.meta.name}`
    case 'Cancel':
      return 'Cancel'
  }
}

// With a draw of 0 waits are half of what they are at most: 250 ms after the first failure, 500 after the second.
const TABLE: readonly Row[] = [
  ['asked to, it lists anew from a watch', heard, { type: 'Relist' }, 'Listing', ['Cancel', 'List']],
  ['asked to, it begins its list anew', listing, { type: 'Relist' }, 'Listing', ['Cancel', 'List']],
  ['asked to, it lists without waiting any longer', waiting, { type: 'Relist' }, 'Listing', ['Cancel', 'List']],
  ['before it has begun it is not asked', idle, { type: 'Relist' }, 'Idle', []],
  ['it begins with a list', idle, { type: 'Start' }, 'Listing', ['List']],
  [
    'a list of one page is shown and watched from where it stood',
    listing,
    page([a]),
    'Watching',
    ['Replace a', 'Watch 9'],
  ],
  [
    'a list goes on page by page, and shows nothing before it is whole',
    listing,
    page([a], 'p2'),
    'Listing',
    ['List p2'],
  ],
  ['an empty list is a list', listing, page([]), 'Watching', ['Replace ', 'Watch 9']],
  ['a first list that fails is tried again', listing, failed('Unavailable'), 'Waiting', ['Wait 250']],
  ['a list whose continuation has expired begins anew', listing, failed('Gone'), 'Waiting', ['Wait 250']],
  ['a list that is not allowed is tried again', listing, failed('Denied'), 'Waiting', ['Wait 250']],
  ['a throttled list waits as long as it was told', listing, failed('Throttled', 9000), 'Waiting', ['Wait 9000']],
  ['a change is shown', watching, { type: 'Changed', object: a }, 'Watching', ['Put a']],
  ['a deletion is shown', watching, { type: 'Deleted', object: a }, 'Watching', ['Drop a']],
  ['a bookmark moves the version', watching, { type: 'Bookmark', version: '20' }, 'Watching', []],
  ['the end of its time begins the next', heard, { type: 'Ended', lastedMs: 1 }, 'Watching', ['Watch 9']],
  ['the end of a quiet one too', watching, { type: 'Ended', lastedMs: SHORTEST_WATCH_MS }, 'Watching', ['Watch 9']],
  ['one that ends at once counts as failed', watching, { type: 'Ended', lastedMs: 5 }, 'Waiting', ['Wait 250']],
  ['a version that is too old is listed anew at once', heard, failed('Gone'), 'Listing', ['List']],
  ['again without anything heard, after a wait', { ...watching, failures: 1 }, failed('Gone'), 'Waiting', ['Wait 500']],
  ['HTTP 500 goes on from the last version', heard, failed('Unavailable'), 'Waiting', ['Wait 250']],
  ['too many requests wait as long as told', heard, failed('Throttled', 5000), 'Waiting', ['Wait 5000']],
  ['the wait over, it goes on where it was', waiting, { type: 'Elapsed' }, 'Watching', ['Watch 9']],
  ['or lists', waitingToList, { type: 'Elapsed' }, 'Listing', ['List']],
  ['it can be stopped while it lists', listing, { type: 'Stop' }, 'Stopped', ['Cancel']],
  ['while it watches', heard, { type: 'Stop' }, 'Stopped', ['Cancel']],
  ['and while it waits', waiting, { type: 'Stop' }, 'Stopped', ['Cancel']],
  ['what comes late is not listened to', waiting, { type: 'Changed', object: a }, 'Waiting', []],
]

for (const [name, state, input, expected, actions] of TABLE)
  test(name, async (t) => {
    const step = watchStep(state, input, 0)
    t.equal(step.state.type, expected)
    t.same(step.actions.map(short), actions)
  })

test('nothing is done after the stop, whatever comes', async (t) => {
  const inputs: WatchInput[] = [
    { type: 'Start' },
    page([a]),
    { type: 'Changed', object: a },
    { type: 'Ended', lastedMs: 1e6 },
    failed('Gone'),
    { type: 'Elapsed' },
    { type: 'Stop' },
  ]
  for (const input of inputs) t.same(watchStep({ type: 'Stopped' }, input, 0.5).actions, [])
})

test('the time of a watch is drawn anew from five to ten minutes', async (t) => {
  const seconds = [0, 0.5, 0.999].map((draw) => {
    const [action] = watchStep(waiting, { type: 'Elapsed' }, draw).actions
    return action?.type === 'Watch' ? action.timeoutSeconds : 0
  })
  t.same(seconds, [WATCH_SECONDS.least, 450, 599])
})

test('what cannot be read three times in a row is listed', async (t) => {
  let state: WatchState = heard
  for (const expected of ['9', '9', undefined]) {
    const step = watchStep(state, failed('Malformed'), 0)
    t.match(step.state, { type: 'Waiting', version: expected })
    state = expected === undefined ? step.state : watchStep(step.state, { type: 'Elapsed' }, 0).state
  }
})

test('after many failures it waits half a minute at most, and never gives up', async (t) => {
  let state: WatchState = listing
  for (let i = 0; i < 100; i++) {
    const step = watchStep(state, failed('Unavailable'), 0.999)
    const [wait] = step.actions
    t.ok(wait?.type === 'Wait' && wait.ms <= 30_000)
    state = watchStep(step.state, { type: 'Elapsed' }, 0).state
  }
  t.equal(state.type, 'Listing')
})

/** A server that keeps a history of changes, forgets what is old, and answers with faults as long as it is told to. */
class Server {
  version = 1
  oldest = 1
  readonly objects = new Map<string, KubeObject>()
  readonly history: { version: number; input: WatchInput }[] = []

  change(name: string, isDeletion: boolean): void {
    this.version++
    if (isDeletion && !this.objects.has(name)) return
    const object = kubeObject({ name, version: String(this.version) })
    if (isDeletion) this.objects.delete(name)
    else this.objects.set(name, object)
    this.history.push({ version: this.version, input: { type: isDeletion ? 'Deleted' : 'Changed', object } })
  }
}

const Change = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), isDeletion: fc.boolean() })
const Fault = fc.constantFrom<KubeErrorType | 'Ended'>(
  'Gone',
  'Unavailable',
  'Throttled',
  'Malformed',
  'Denied',
  'Ended',
)
const Turn = fc.record({
  changes: fc.array(Change, { maxLength: 3 }),
  /** How many events come before the fault. */
  events: fc.nat(4),
  fault: fc.option(Fault),
  compacts: fc.boolean(),
  draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
})

test('whatever fails in between, in the end the store shows what the server has, and shows nothing older than before', async (t) => {
  fc.assert(
    fc.property(fc.array(Turn, { maxLength: 40 }), (turns) => {
      const server = new Server()
      const store = newStore()
      const machine: { state: WatchState } = { state: { type: 'Idle' } }
      let asked: WatchAction | undefined
      const feed = (input: WatchInput, draw: number) => {
        const step = watchStep(machine.state, input, draw)
        machine.state = step.state
        for (const action of step.actions) {
          if (action.type === 'Replace') replaceObjects(store, action.objects)
          else if (action.type === 'Put') putObject(store, action.object)
          else if (action.type === 'Drop') dropObject(store, action.object)
          else asked = action
        }
      }
      const answer = (turn: { events: number; fault: KubeErrorType | 'Ended' | null; draw: number }) => {
        const { events, fault, draw } = turn
        if (asked?.type === 'Wait') return feed({ type: 'Elapsed' }, draw)
        if (asked?.type === 'List') {
          if (fault !== null && fault !== 'Ended') return feed(failed(fault), draw)
          const all = [...server.objects.values()]
          const start = asked.next === undefined ? 0 : Number(asked.next)
          const next = start + 2 < all.length ? String(start + 2) : undefined
          return feed(
            { type: 'Page', objects: all.slice(start, start + 2), version: String(server.version), next },
            draw,
          )
        }
        const { state } = machine
        if (asked?.type !== 'Watch' || state.type !== 'Watching') throw new Error('it asks for nothing')
        const from = Number(state.version)
        if (from < server.oldest) return feed(failed('Gone'), draw)
        for (const { input } of server.history.filter(({ version }) => version > from).slice(0, events))
          feed(input, draw)
        if (fault === 'Ended') feed({ type: 'Ended', lastedMs: 400_000 }, draw)
        else if (fault !== null) feed(failed(fault), draw)
      }
      feed({ type: 'Start' }, 0)
      for (const turn of turns) {
        // A list of several pages is one of one moment: the server answers its pages from the same version.
        if (machine.state.type !== 'Listing')
          for (const { name, isDeletion } of turn.changes) server.change(name, isDeletion)
        if (turn.compacts && machine.state.type !== 'Listing') server.oldest = server.version
        answer(turn)
      }
      for (let i = 0; i < 20; i++) answer({ events: 100, fault: null, draw: 0 })
      return JSON.stringify([...store.objects].sort()) === JSON.stringify([...server.objects].sort())
    }),
    { numRuns: 300 },
  )
  t.pass('it converges')
})
