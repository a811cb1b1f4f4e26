// What devices are answered from memory is, at every step of random stories, what would be made for them anew.
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { putTokenHash, tokenMark } from '../../controller/fleet/token-hashes.ts'
import { hasBit } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { DAY, type EpochMs, HOUR, toRfc3339 } from '../../controller/model/instant.ts'
import { devicePolicy, type Policy } from '../../controller/project/policy.ts'
import { policyText } from '../../controller/project/policy-text.ts'
import { newPolicyAnswers } from '../../controller/serve/policy-answers.ts'
import { rolloutOf, updateIds } from '../bench/fleet-data.ts'
import { type Scene, type Step, scene } from '../support/arbitrary.ts'
import { declared, synced, update } from '../support/declare.ts'
import { begin, take } from '../support/play.ts'
import { type Story, settle } from '../support/story.ts'
import { enrol, get, serve } from './harness.ts'

const RUNS = { seed: 7, numRuns: 60 }

const WINDOWS: readonly Declared[] = [
  declared('MaintenanceWindow', 'nights', {
    collections: ['all'],
    schedule: { rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'DeviceLocal' },
    duration: 'PT4H',
  }),
  declared('MaintenanceWindow', 'tuesdays', {
    collections: ['a', 'mixed'],
    schedule: { rrule: 'FREQ=WEEKLY;BYDAY=TU', at: '01:30', timeZone: 'Europe/Berlin' },
    duration: 'PT2H',
    appliesTo: 'SoftwareUpdates',
  }),
  declared('Freeze', 'of-x', {
    collections: ['x'],
    from: '2026-01-14T00:00:00',
    until: '2026-01-16T12:00:00',
    timeZone: 'UTC',
    reason: 'inventory',
  }),
]

test('what is answered from memory is what would be made anew, at every step of a random story', async (t) => {
  const answers = { made: 0, known: 0, withUpdates: 0 }
  fc.assert(
    fc.property(surroundings(scene), fc.constantFrom(0, 3000, Infinity), (played, maxCharacters) => {
      const policies = newPolicyAnswers(maxCharacters)
      const before = new Map<number, string>()
      play(played, (story) => {
        for (const [row, id] of story.state.fleet.ids.entries()) {
          if (!hasBit(story.state.fleet.present, row)) continue
          const text = plainText(story, row, story.now)
          const tag = policies.tagOf(story.state, row, story.now)
          if (tag !== tagOf(text)) throw new Error(`${id} would be told that nothing is new`)
          if (policies.bodyOf(story.state, row, story.now).text !== text)
            throw new Error(`${id} would be told what was`)
          answers[before.get(row) === tag ? 'known' : 'made']++
          if (text.includes('"Approved"')) answers.withUpdates++
          before.set(row, tag)
        }
      })
    }),
    RUNS,
  )
  for (const [what, count] of Object.entries(answers)) t.ok(count > 1000, `${count} ${what}`)
})

test('a text holds for as long as it says', async (t) => {
  let ended = 0
  fc.assert(
    fc.property(surroundings(scene), fc.nat(999), (played, part) => {
      play(played, (story) => {
        const row = part % Math.max(1, story.state.fleet.ids.length)
        const { text, goodUntil } = policyText(story.state, row, story.now)
        if (goodUntil <= story.now) throw new Error('it ends before it begins')
        for (const at of [story.now, between(story.now, goodUntil - 1, part / 1000), goodUntil - 1])
          if (plainText(story, row, at) !== text) throw new Error(`it says something else at ${toRfc3339(at)}`)
        if (plainText(story, row, goodUntil) !== text) ended++
      })
    }),
    RUNS,
  )
  t.ok(ended > 100, `${ended} said something else right after`)
})

test('the shortcut and the route give the same answers', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  await controller.submit({
    type: 'ObjectsDeclared',
    source: 'directory',
    revision: 'r1',
    put: WINDOWS.slice(0, 1),
    removed: [],
  })
  const seen = async (path: string, more: Record<string, string> = {}) => {
    const answer = await get(url, path, { ...headers, ...more })
    const { date: _, ...kept } = Object.fromEntries(answer.headers)
    return { ...answer, headers: kept }
  }
  const whole = await seen('/v1/policy')
  t.match(whole, { status: 200, body: { device: 'd' } })
  t.same(await seen('/v1/policy?'), whole)
  const tag = { 'if-none-match': whole.headers.etag ?? '' }
  t.match(await seen('/v1/policy', tag), { status: 304, body: '' })
  t.same(await seen('/v1/policy?', tag), await seen('/v1/policy', tag))
  const stranger = { authorization: 'Bearer rm1.x.y' }
  t.match(await seen('/v1/policy', stranger), { status: 401, body: { code: 'BadToken' } })
  t.same(await seen('/v1/policy?', stranger), await seen('/v1/policy', stranger))
})

test('titles in any script come whole by the shortcut and by the route', async (t) => {
  for (const title of ['Sicherheitsupdate für Größe M', '更新プログラム', 'plain']) {
    const { url, controller } = await serve(t)
    const headers = await enrol(url, 'd')
    await controller.submit(synced(update('update-000', { title })), rolloutOf(updateIds(1)))
    await controller.settled()
    for (const path of ['/v1/policy', '/v1/policy?'])
      t.match(await get(url, path, headers), { status: 200, body: { updates: [{ title }] } }, `${title} by ${path}`)
  }
})

test('polls that take the shortcut are counted like any other', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  await get(url, '/v1/policy', headers)
  await get(url, '/v1/policy?', headers)
  const { body } = await get(url, '/metrics')
  t.match(body, /http_request_duration_seconds_count\{method="GET",route="\/v1\/policy",status="200"\} 2/)
})

test('an instant is written as Date writes it, less the zeros at the end', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -8.64e15, max: 8.64e15 - 1 }),
      fc.constantFrom(1, 10, 100, 1000, HOUR, DAY),
      (n, unit) => {
        const at = Math.trunc(n / unit) * unit
        const text = new Date(at).toISOString()
        const expected = text.endsWith('.000Z') ? `${text.slice(0, -5)}Z` : text.replace(/0+Z$/, 'Z')
        if (toRfc3339(at) !== expected) throw new Error(`${toRfc3339(at)} for ${expected}`)
      },
    ),
  )
})

/** Windows and freezes come and go between the steps of a story, and updates are declined for a while. */
function surroundings(scenes: fc.Arbitrary<Scene>): fc.Arbitrary<Scene> {
  const coming: Step[] = [
    ...WINDOWS.map((object): Step => ({ type: 'Declare', objects: [object] })),
    { type: 'Sync', upserts: 0, declined: 255, reinstated: 0 },
    { type: 'Sync', upserts: 0, declined: 0, reinstated: 255 },
  ]
  const between = fc.array(fc.tuple(fc.nat(60), fc.constantFrom(...coming)), { maxLength: 8 })
  return fc.tuple(scenes, between, fc.subarray([...WINDOWS])).map(([played, later, first]) => {
    const steps = [...played.steps]
    for (const [place, step] of later) steps.splice(place, 0, step)
    return { ...played, objects: [...played.objects, ...first], steps }
  })
}

// As the server does it: each enrolment brings a token of its own.
function play(played: Scene, check: (story: Story) => void): void {
  let tokens = 0
  const enrolled: string[] = []
  const story = begin(played, (_state, _at, fact) => {
    if (fact.type === 'DeviceEnrolled') enrolled.push(fact.device)
  })
  const giveTokens = () => {
    for (const device of enrolled.splice(0)) {
      const row = story.state.fleet.rowOf.get(device) ?? -1
      const { access } = story.state
      if (tokenMark(access.tokens, row) !== 0) putTokenHash(access.tokens, row, hash('sha256', `token ${tokens++}`))
    }
  }
  for (const step of played.steps) {
    take(story, step)
    giveTokens()
    check(story)
    settle(story)
    check(story)
  }
}

function plainText(story: Story, row: number, at: EpochMs): string {
  const policy: Policy = devicePolicy(story.state, row, at)
  return JSON.stringify(policy)
}

function tagOf(text: string): string {
  return `"${hash('sha256', text, 'base64url').slice(0, 32)}"`
}

function between(from: EpochMs, until: EpochMs, part: number): EpochMs {
  return Math.floor(from + (until - from) * part)
}
