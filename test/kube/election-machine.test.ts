import fc from 'fast-check'
import { test } from 'tap'
import {
  ELECTION_TIMES,
  type ElectionState,
  electionStep,
  FOLLOWING,
  isHeld,
  type LeaseRecord,
  untilFree,
} from '../../controller/kube/election-machine.ts'

const times = ELECTION_TIMES
const record = (holder: string, version = '1', renewed = 'r1'): LeaseRecord => ({
  holder,
  durationMs: times.leaseMs,
  acquired: 'a1',
  renewed,
  transitions: 0,
  version,
})
const read = (state: ElectionState, lease: LeaseRecord | undefined, now: number) =>
  electionStep(state, { type: 'Read', record: lease, now }, 'me', times)

test('a lease that is not there, that nobody holds, or that is ours is taken', async (t) => {
  t.equal(read(FOLLOWING, undefined, 0).move, 'Write')
  t.equal(read(FOLLOWING, record(''), 0).move, 'Write')
  t.equal(read(FOLLOWING, record('me'), 0).move, 'Write')
})

test("another one's lease is taken when it has not changed for its whole time, as seen from here", async (t) => {
  let { state, move } = read(FOLLOWING, record('other'), 1000)
  t.equal(move, 'Wait', 'however old it says it is: it was first seen now')
  ;({ state, move } = read(state, record('other'), 1000 + times.leaseMs - 1))
  t.equal(move, 'Wait')
  t.equal(read(state, record('other'), 1000 + times.leaseMs).move, 'Write')
  ;({ state, move } = read(state, record('other', '2', 'r2'), 1000 + times.leaseMs))
  t.equal(move, 'Wait', 'it was renewed')
})

test('a leader that cannot renew has lost before the others may take over', async (t) => {
  const leading = electionStep(FOLLOWING, { type: 'Written', record: record('me'), begun: 0 }, 'me', times).state
  t.ok(isHeld(leading, times.renewMs - 1, times))
  t.notOk(isHeld(leading, times.renewMs, times), 'by the clock alone')
  const failed = (now: number) => electionStep(leading, { type: 'Failed', now }, 'me', times).state.role
  t.equal(failed(times.renewMs - 1), 'Leading')
  t.equal(failed(times.renewMs), 'Following')
  t.ok(times.renewMs < times.leaseMs)
})

test('a renewal counts from when it was asked for, not from when it was answered', async (t) => {
  const leading = electionStep(FOLLOWING, { type: 'Written', record: record('me'), begun: 500 }, 'me', times).state
  t.notOk(isHeld(leading, 500 + times.renewMs, times))
})

test('a leader whose lease is in other hands has lost', async (t) => {
  const leading = electionStep(FOLLOWING, { type: 'Written', record: record('me'), begun: 0 }, 'me', times).state
  t.equal(read(leading, record('other', '2'), 2000).state.role, 'Following')
})

test('one that is not fit to lead leads no more, and may later', async (t) => {
  const leading = electionStep(FOLLOWING, { type: 'Written', record: record('me'), begun: 0 }, 'me', times).state
  const yielded = electionStep(leading, { type: 'Yield' }, 'me', times).state
  t.notOk(isHeld(yielded, 1, times))
  t.equal(read(yielded, record(''), 2).move, 'Write')
})

test("another one's lease is looked at again as soon as it is free", async (t) => {
  const { state } = read(FOLLOWING, record('other'), 1000)
  t.equal(untilFree(state, 3000), times.leaseMs - 2000)
  t.equal(untilFree(state, 1000 + times.leaseMs), undefined, 'it is')
  t.equal(untilFree(FOLLOWING, 0), undefined, 'nothing was seen')
})

test('one that has stopped takes nothing any more', async (t) => {
  const stopped = electionStep(FOLLOWING, { type: 'Stop' }, 'me', times).state
  t.equal(read(stopped, undefined, 0).move, 'Wait')
})

type Replica = { readonly name: string; readonly offset: number; state: ElectionState; pausedUntil: number }

const Step = fc.record({
  replica: fc.nat(2),
  ms: fc.integer({ min: 1, max: 4000 }),
  fault: fc.constantFrom(
    'None' as const,
    'None' as const,
    'None' as const,
    'Read' as const,
    'Write' as const,
    'Answer' as const,
    'Pause' as const,
  ),
})

test('there are never two leaders, whatever clocks show, however requests fail and replicas hang', async (t) => {
  let led = 0
  fc.assert(
    fc.property(fc.array(Step, { minLength: 20, maxLength: 200 }), (steps) => {
      const replicas = [0, 1, 2].map(
        (i): Replica => ({ name: `r${i}`, offset: i * 1_000_000 - 500_000, state: FOLLOWING, pausedUntil: 0 }),
      )
      let lease: LeaseRecord | undefined
      let version = 0
      let real = 0
      for (const { replica: index, ms, fault } of steps) {
        real += ms
        const replica = replicas[index]
        if (replica === undefined || replica.pausedUntil > real) continue
        const now = real + replica.offset
        const input = (given: Parameters<typeof electionStep>[1]) => {
          const step = electionStep(replica.state, given, replica.name, times)
          replica.state = step.state
          return step.move
        }
        if (fault === 'Pause') replica.pausedUntil = real + 12_000
        if (fault === 'Read') input({ type: 'Failed', now })
        else if (input({ type: 'Read', record: lease, now }) === 'Write' && fault !== 'Write') {
          version++
          const taken: LeaseRecord = { ...record(replica.name), version: String(version), renewed: `r${version}` }
          lease = taken
          // Written, and the answer lost: it does not know that it leads.
          if (fault === 'Answer') input({ type: 'Failed', now })
          else input({ type: 'Written', record: taken, begun: now })
        }
        const leaders = replicas.filter((other) => isHeld(other.state, real + other.offset, times))
        if (leaders.length > 0) led++
        if (leaders.length > 1) return false
      }
      return true
    }),
    { numRuns: 500 },
  )
  t.ok(led > 1000, 'and there often is one')
})
