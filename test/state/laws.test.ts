// The laws of `decide` and of the fold, on random worlds: after every step of a random story all of them hold.
import fc from 'fast-check'
import { test } from 'tap'
import { type Capture, decodeSnapshot, encodeSnapshot } from '../../controller/journal/snapshot-codec.ts'
import { type Decision, type Fact, isDecision } from '../../controller/model/facts.ts'
import { evolve } from '../../controller/rollout/control.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { captureState, decodeState, encodeState, newState, type State } from '../../controller/state/state.ts'
import { type Scene, scene } from '../support/arbitrary.ts'
import {
  approvalsHaveProvenance,
  countersAreTrue,
  groupsAreSmall,
  type Log,
  newGroupsAreWanted,
  offersKeepToPhases,
  readLog,
  rolledBackStaysSo,
  sleepsUntilTheWakeUp,
  waitsAreNamed,
} from '../support/laws.ts'
import { begin, take } from '../support/play.ts'
import { type Entry, type Story, settle } from '../support/story.ts'
import { type Witness, witness } from '../support/witness.ts'

const RUNS = { seed: 42, numRuns: 120 }

type Turn = { readonly inputs: readonly Entry[]; readonly decided: readonly Entry<Decision>[] }

test('after every step of a random story, what is decided, offered and counted keeps the laws', async (t) => {
  let checked = 0
  const kinds = new Set<string>()
  fc.assert(
    fc.property(scene, (played) => {
      const seen: Witness = new Map()
      const log: Log = new Map()
      const replanned = new Set<string>()
      const check = (story: Story, { decided }: Turn) => {
        for (const { at, fact } of decided) {
          readLog(log, at, fact)
          if (fact.type === 'RolloutPlanned') replanned.add(fact.rollout)
        }
        checked += decided.length
        for (const { fact } of decided) kinds.add(fact.type)
        groupsAreSmall(story)
        newGroupsAreWanted(story, decided)
        offersKeepToPhases(story)
        approvalsHaveProvenance(story)
        countersAreTrue(story, seen, replanned)
        rolledBackStaysSo(story, log)
        waitsAreNamed(story)
        sleepsUntilTheWakeUp(story)
      }
      play(played, check, (state, at, fact) => witness(seen, state, at, fact))
    }),
    RUNS,
  )
  t.ok(checked > 1000, `${checked} decisions were looked at`)
  t.ok(kinds.size >= 20, `of ${kinds.size} types`)
})

test('a controller that starts again at any step, from the journal or a snapshot, has the same state to the byte', async (t) => {
  fc.assert(
    fc.property(scene, fc.nat(40), (played, when) => {
      const replayed = newState()
      let restored = newState()
      let steps = 0
      play(played, (story, { inputs, decided }) => {
        for (const { at, fact } of written([...inputs, ...decided])) {
          apply(replayed, at, fact)
          apply(restored, at, fact)
        }
        const bytes = encodeState(story.state)
        same(encodeState(replayed), bytes, 'from the journal')
        same(encodeState(restored), bytes, 'from a snapshot and the journal after it')
        if (steps++ === when) restored = decodeState(bytes)
      })
    }),
    RUNS,
  )
  t.pass('every state was the same')
})

test('a snapshot is of the instant at which it was begun, whatever is folded while it is written', async (t) => {
  let finished = 0
  let meanwhile = 0
  await fc.assert(
    fc.asyncProperty(scene, fc.array(fc.nat(12), { minLength: 1, maxLength: 20 }), async (played, paces) => {
      const facts: Entry[] = []
      play(played, (_, { inputs, decided }) => facts.push(...written([...inputs, ...decided])))
      const state = newState()
      let writing: Writing | undefined
      for (const [i, { at, fact }] of facts.entries()) {
        writing ??= beginSnapshot(state)
        apply(state, at, fact)
        meanwhile++
        for (let pace = paces[i % paces.length] ?? 0; pace > 0 && writing !== undefined; pace--)
          if (await isFinished(writing)) {
            writing = undefined
            finished++
          }
      }
      while (writing !== undefined && !(await isFinished(writing)));
    }),
    RUNS,
  )
  t.ok(finished > 100, `${finished} snapshots while ${meanwhile} facts were folded`)
})

test('a decision that is applied twice decides nothing more than once', async (t) => {
  let twice = 0
  const listen: Story['listen'] = (state, at, fact) => {
    if (!isDecision(fact)) return
    const once = evolve(state.control, at, fact)
    same(encodeSnapshot(evolve(once, at, fact)), encodeSnapshot(once), `after ${fact.type} twice`)
    twice++
  }
  fc.assert(
    fc.property(scene, (played) => play(played, () => {}, listen)),
    RUNS,
  )
  t.ok(twice > 1000, `${twice} decisions were applied twice`)
})

test('neither the order in which things stand in memory, nor that in which they came together, decides anything', async (t) => {
  fc.assert(
    fc.property(scene, (played) => {
      let other = newState()
      play(played, (story, { inputs, decided }) => {
        for (const { at, fact } of inputs) apply(other, at, turned(fact))
        const now = Temporal.Instant.fromEpochMilliseconds(story.now)
        other = shuffled(other)
        const outcome = decide(other, now)
        const [mine, theirs] = [JSON.stringify(outcome.decisions), JSON.stringify(decided.map(({ fact }) => fact))]
        if (mine !== theirs) throw new Error(`in another order decides ${mine}, not ${theirs}`)
        for (const { at, fact } of decided) apply(other, at, fact)
        const { notes, decisions } = decide(other, now)
        if (decisions.length > 0) throw new Error('in another order no fixed point')
        if (JSON.stringify(notes) !== JSON.stringify(story.notes)) throw new Error('in another order other notes')
      })
    }),
    { ...RUNS, numRuns: 60 },
  )
  t.pass('the same was decided')
})

type Writing = {
  readonly expected: Uint8Array
  readonly capture: Capture
  readonly rest: AsyncIterator<Uint8Array>
  readonly parts: Uint8Array[]
}

/** In parts that are much smaller than any file is written in. */
function beginSnapshot(state: State): Writing {
  const expected = encodeState(state)
  const capture = captureState(state, 256)
  return { expected, capture, rest: capture.parts(async () => {}), parts: [] }
}

async function isFinished({ expected, capture, rest, parts }: Writing): Promise<boolean> {
  const { done, value } = await rest.next()
  if (done !== true) {
    parts.push(value)
    return false
  }
  same(Buffer.concat(parts), expected, 'in the snapshot')
  capture.release()
  return true
}

function play(played: Scene, check: (story: Story, turn: Turn) => void, listen?: Story['listen']): void {
  const story = begin(played, listen)
  const next = (facts: number, decided: number) => {
    const inputs = story.facts.slice(facts, story.facts.length - (story.log.length - decided))
    // At the story's own time, which may step back; the log of the story has the time that counts.
    check(story, { inputs, decided: story.log.slice(decided) })
  }
  next(0, 0)
  for (const step of played.steps) {
    const [facts, decided] = [story.facts.length, story.log.length]
    take(story, step)
    settle(story)
    next(facts, decided)
  }
}

/** As it comes back from the journal. */
function written(entries: readonly Entry[]): Entry[] {
  return JSON.parse(JSON.stringify(entries))
}

function same(a: Uint8Array, b: Uint8Array, what: string): void {
  if (Buffer.compare(a, b) !== 0) throw new Error(`the state ${what} differs`)
}

/** The objects of one revision the other way round. */
function turned(fact: Fact): Fact {
  return fact.type === 'ObjectsDeclared' ? { ...fact, put: fact.put.toReversed() } : fact
}

/** The same state with every Map the other way round. */
function shuffled(state: State): State {
  return decodeState(encodeSnapshot(backwards(decodeSnapshot(encodeState(state)))))
}

function backwards(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].reverse().map(([key, inner]) => [key, backwards(inner)]))
  if (Array.isArray(value)) return value.map(backwards)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, backwards(inner)]))
}
