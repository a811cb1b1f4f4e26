import fc from 'fast-check'
import { test } from 'tap'
import { newTokenHashes } from '../../controller/fleet/token-hashes.ts'
import { apply } from '../../controller/state/apply.ts'
import { captureExport, decodeExport, encodeExport } from '../../controller/state/exported-state.ts'
import { encodeState } from '../../controller/state/state.ts'
import { told } from '../preview/comparing.ts'
import { scene } from '../support/arbitrary.ts'
import { declared, enrolled } from '../support/declare.ts'
import { declaring, newStory, tell } from '../support/story.ts'
import { tokenHashOf } from '../support/token-hash.ts'

const ABOUT = { takenAt: 1, version: '0.0.0', seq: 7 }

test('what was exported comes back, but for the secrets', async () => {
  fc.assert(
    fc.property(scene, (one) => {
      const { state } = told(one)
      const { about, state: back } = decodeExport(encodeExport(state, ABOUT))
      const expected = { ...state, access: { tokens: newTokenHashes(), keys: new Map(), spent: new Map() } }
      return about.seq === 7 && Buffer.from(encodeState(expected)).equals(encodeState(back))
    }),
    { numRuns: 30 },
  )
})

test('part by part it is, to the byte, what was there when it was begun', async () => {
  await fc.assert(
    fc.asyncProperty(scene, async (one) => {
      const { state } = told(one)
      const expected = encodeExport(state, ABOUT)
      const capture = captureExport(state, ABOUT)
      apply(state, state.clock, enrolled('late', { site: 'b' }))
      const parts: Uint8Array[] = []
      for await (const part of capture.parts(async () => {})) parts.push(part)
      capture.release()
      return Buffer.concat(parts).equals(expected)
    }),
    { numRuns: 30 },
  )
})

test('no token, no enrolment key and no password is in it, and the state keeps its own', async (t) => {
  const story = newStory()
  tell(story, { type: 'EnrolmentKeyIssued', keyHash: 'hash-of-the-key', once: false, by: 'ada' }, enrolled('pc-1', {}))
  const url = 'https://reader:pass-word@feeds.example.com/feed.ndjson'
  declaring(story, declared('UpdateSource', 'vendor', { format: 'Ringmaster', url }))
  const bytes = Buffer.from(encodeExport(story.state, ABOUT))
  const token = tokenHashOf(story.state.access.tokens, 0) ?? ''
  for (const secret of [token, Buffer.from(token, 'hex'), 'hash-of-the-key', 'pass-word'])
    t.notOk(bytes.includes(secret), `${secret}`)
  t.ok(bytes.includes('https://feeds.example.com/feed.ndjson'))
  t.equal(token.length, 64)
  t.same(decodeExport(new Uint8Array(bytes)).about.revisions, { directory: 'r1' })
})

test('a snapshot of the journal is no exported state, and says so', async (t) => {
  t.throws(() => decodeExport(encodeState(newStory().state)), /no exported state/)
  t.throws(() => decodeExport(new Uint8Array(100)), /not a snapshot/)
})
