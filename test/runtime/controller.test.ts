// The controller's turn: order, durability, decisions, snapshots, and what happens when something fails.
import { test } from 'tap'
import { JournalError, type JournalErrorCode } from '../../controller/journal/journal.ts'
import { newMemoryMedium, openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { DeviceReport } from '../../controller/model/report.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { decodeState } from '../../controller/state/state.ts'
import { digestOf, foldOf, refusingJournal } from '../serve/harness.ts'
import { quiet, virtualClock } from './virtual-clock.ts'

const START = '2025-10-01T00:00:00Z'

test('what is submitted is durable and folded when it is acknowledged, in the order of submission', async (t) => {
  const journal = openMemoryJournal(decodeFact)
  const controller = await Controller.open({ journal, clock: virtualClock(START) })
  const names = Array.from({ length: 50 }, (_, i) => `d${i}`)
  const submitted = names.map(async (name) => {
    await controller.submit(enrolled(name))
    t.ok(controller.state.fleet.rowOf.has(name))
  })
  await Promise.all(submitted)
  t.same(controller.state.fleet.ids, names)
  t.equal(journal.lastSeq, 50)
})

test('of what is submitted in one turn only what cannot be made durable is refused', async (t) => {
  const journal = openMemoryJournal(decodeFact, newMemoryMedium(), { facts: 100, bytes: 10_000 })
  const controller = await Controller.open({ journal, clock: virtualClock(START) })
  const many = Array.from({ length: 101 }, (_, i) => enrolled(`m${i}`))
  const submitted = [[enrolled('a')], many, [], [enrolled('b'), enrolled('c')]].map((facts) =>
    controller.submit(...facts),
  )
  const outcomes = await Promise.allSettled(submitted)
  t.match(outcomes, [
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'TooLarge' } },
    { status: 'fulfilled' },
    { status: 'fulfilled' },
  ])
  t.same(controller.state.fleet.ids, ['a', 'b', 'c'])
  t.same([journal.lastSeq, controller.trouble], [3, undefined])
})

test('who watches sees the state as each fact meets it', async (t) => {
  const controller = await Controller.open({ journal: openMemoryJournal(decodeFact), clock: virtualClock(START) })
  await controller.submit(enrolled('d'))
  const met: [number, number | undefined][] = []
  const send = (...sequences: number[]) =>
    controller.submitWatched(sequences.map(reported), (_fact, i) =>
      met.push([sequences[i] ?? 0, controller.state.fleet.sequence[0]]),
    )
  await Promise.all([send(3, 1), send(2, 4)])
  t.same(met, [
    [3, 0],
    [1, 3],
    [2, 3],
    [4, 3],
  ])
})

test('a silent device is marked when its time has come, without anyone asking', async (t) => {
  const clock = virtualClock(START)
  const decided: string[] = []
  const controller = await Controller.open({
    journal: openMemoryJournal(decodeFact),
    clock,
    onDecisions: (decisions, at) => decided.push(...decisions.map(({ type }) => `${at} ${type}`)),
  })
  await controller.submit(enrolled('d'))
  await clock.moveTo('2025-10-07T23:59:59Z')
  t.same(decided, [])
  await clock.moveTo('2025-10-08T00:00:01Z')
  await quiet()
  t.same(decided, ['2025-10-08T00:00:00Z DevicesStale'])
  t.equal(digestOf(foldOf(controller.journal)), digestOf(controller.state))
})

test('a decision that cannot be made durable is not in force, and is made again when it can be', async (t) => {
  let refusal: JournalErrorCode | undefined
  const clock = virtualClock(START)
  const errors: unknown[] = []
  const controller = await Controller.open({
    journal: refusingJournal(() => refusal),
    clock,
    onError: (error) => errors.push(error),
  })
  await controller.submit(enrolled('d'))
  refusal = 'DiskFull'
  await clock.moveTo('2025-10-08T00:00:03Z')
  t.ok(errors.length > 0)
  t.match(controller.trouble, { code: 'DiskFull' })
  t.equal(controller.journal.lastSeq, 1)
  refusal = undefined
  await clock.moveTo('2025-10-08T00:00:10Z')
  await quiet()
  t.equal(controller.trouble, undefined)
  t.equal(controller.journal.lastSeq, 2)
})

test('what the journal refuses has not happened', async (t) => {
  let refusal: JournalErrorCode | undefined = 'Busy'
  const controller = await Controller.open({ journal: refusingJournal(() => refusal), clock: virtualClock(START) })
  await t.rejects(controller.submit(enrolled('d')), { code: 'Busy' })
  t.equal(controller.state.fleet.ids.length, 0)
  refusal = undefined
  await controller.submit(enrolled('d'))
  t.equal(controller.state.fleet.ids.length, 1)
})

test('a storage that fails is told of once, also when nothing was to be decided', async (t) => {
  let refusal: JournalErrorCode | undefined
  const errors: unknown[] = []
  const controller = await Controller.open({
    journal: refusingJournal(() => refusal),
    clock: virtualClock(START),
    onError: (error) => errors.push(error),
  })
  refusal = 'Busy'
  await t.rejects(controller.submit(enrolled('d')))
  t.same(errors, [])
  refusal = 'Broken'
  await t.rejects(controller.submit(enrolled('d')))
  t.match(errors, [{ code: 'Broken' }])
})

test('a full disk is told of once, however many are refused, and anew when it is full again', async (t) => {
  let refusal: JournalErrorCode | undefined = 'DiskFull'
  const errors: unknown[] = []
  const journal = refusingJournal(() => refusal)
  const controller = await Controller.open({
    journal,
    clock: virtualClock(START),
    onError: (error) => errors.push(error),
  })
  for (let i = 0; i < 5; i++) await t.rejects(controller.submit(enrolled('d')))
  t.match(errors, [{ code: 'DiskFull' }])
  refusal = undefined
  await controller.submit(enrolled('d'))
  refusal = 'DiskFull'
  for (let i = 0; i < 5; i++) await t.rejects(controller.submit(enrolled('d')))
  t.equal(errors.length, 2)
})

test('a fact that cannot be folded stops the controller instead of leaving it in between', async (t) => {
  const errors: unknown[] = []
  const controller = await Controller.open({
    journal: openMemoryJournal(decodeFact),
    clock: virtualClock(START),
    onError: (error) => errors.push(error),
  })
  Object.assign(controller.state, { fleet: undefined })
  await t.rejects(controller.submit(enrolled('d')), { message: /has stopped/ })
  await t.rejects(controller.submit(enrolled('e')), { message: /has stopped/ })
  t.equal(errors.length, 1)
  await controller.close()
})

test('after its end nothing is taken in, and the snapshot is what all facts fold to', async (t) => {
  const medium = newMemoryMedium()
  const controller = await Controller.open({
    journal: openMemoryJournal<Fact>(decodeFact, medium),
    clock: virtualClock(START),
  })
  await controller.submit(enrolled('d'), reported(1), reported(2))
  const digest = digestOf(foldOf(controller.journal))
  const pending = controller.submit(reported(3))
  const closing = controller.close()
  await t.rejects(controller.submit(reported(4)), { code: 'Closed' })
  await pending
  await closing
  const journal = openMemoryJournal<Fact>(decodeFact, medium)
  const snapshot = journal.latestSnapshot()
  t.equal(snapshot?.seq, 4)
  t.not(digestOf(controller.state), digest)
  t.equal(digestOf(decodeState(snapshot?.bytes ?? new Uint8Array())), digestOf(controller.state))
})

test('snapshots are taken on the way, and a restart from one reaches the same state', async (t) => {
  const medium = newMemoryMedium()
  const clock = virtualClock(START)
  const journal = openMemoryJournal<Fact>(decodeFact, medium)
  const controller = await Controller.open({ journal, clock, snapshotEvery: 10 })
  await controller.submit(enrolled('d'))
  for (let sequence = 1; sequence <= 35; sequence++) await controller.submit(reported(sequence))
  await controller.settled()
  await quiet()
  t.ok(medium.snapshots.length > 0)
  t.ok(journal.compactedThrough > 0)
  const again = await Controller.open({ journal, clock })
  t.equal(digestOf(again.state), digestOf(controller.state))
})

test('a snapshot that cannot be saved is not tried again at every turn', async (t) => {
  let tries = 0
  const journal = openMemoryJournal<Fact>(decodeFact)
  journal.saveSnapshot = async () => {
    tries++
    throw new JournalError('DiskFull', 'full')
  }
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const controller = await Controller.open({ journal, clock: virtualClock(START), snapshotEvery: 10, onError })
  await controller.submit(enrolled('d'))
  for (let sequence = 1; sequence <= 34; sequence++) await controller.submit(reported(sequence))
  await controller.settled()
  await quiet()
  t.equal(tries, 3, 'after every ten facts')
  t.equal(errors.length, 3)
  t.equal(controller.trouble, undefined, 'facts are taken all the same')
})

function enrolled(device: string): Input {
  return { type: 'DeviceEnrolled', device, tokenHash: 'hash', keyHash: 'key', attributes: {} }
}

function reported(sequence: number): Input {
  return { type: 'DeviceReported', device: 'd', report: DeviceReport.parse({ sequence, at: START }) }
}
