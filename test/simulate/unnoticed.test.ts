// What nobody looks at is played less often, or not told (docs/decisions/0079, 0105). Whatever a scenario says, the same comes of it;
// `play` compares.
import fc from 'fast-check'
import { test } from 'tap'
import { play } from './play.ts'
import { CATALOG, DECLARATIONS, JANUARY, scenario } from './samples.ts'

const order = { catalog: CATALOG, ...JANUARY }

const rest = fc
  .record({
    reporting: fc.constantFrom(
      '',
      'reporting: {every: PT1H, messagesEvery: PT1M}',
      'reporting: {every: PT3H, jitter: PT50M, messagesEvery: PT2H}',
      'reporting: {every: P1D, messagesEvery: PT1H}',
      'reporting: {every: PT12H, jitter: PT11H, messagesEvery: P2D}',
    ),
    install: fc.constantFrom(
      '',
      'install: {download: {min: PT1M, max: PT9H}, mayRequireRestartPercent: 100, retryAfter: PT10M}',
      'install: {download: {min: P1D, max: P2D}, lasts: {min: PT1M, max: PT2M}, attempts: 10, retryAfter: PT1H}',
      'install: {lasts: {min: PT1M, max: PT5H}, restart: {min: PT1M, max: PT3H}, mayRequireRestartPercent: 30}',
    ),
    failures: fc.constantFrom(
      '',
      'failures: [{updates: ["*"], percent: 12}]',
      'failures: [{updates: ["*"], percent: 60, attempts: 1}]',
      'failures: [{updates: [browser-*], percent: 90, attempts: 2, during: Download}]',
    ),
    offline: fc.constantFrom(
      '',
      'offline: [{percent: 50, times: {schedule: {rrule: FREQ=DAILY, at: "20:00", timeZone: DeviceLocal}, duration: PT13H}}]',
      'offline: [{percent: 30, power: "On", times: {from: "2026-01-14T00:00", until: "2026-01-24T00:00"}}]',
    ),
    commands: fc.constantFrom(
      '',
      'commands: [{at: "2026-01-15T01:00:00Z", pause: monthly-20260113}, {at: "2026-01-17T00:00:00Z", resume: monthly-20260113}]',
      'commands: [{at: "2026-01-15T03:00:00Z", rollback: monthly-20260113}]',
    ),
    changes: fc.constantFrom(
      '',
      'changes: [{at: "2026-01-15T00:00:00Z", percent: 20, attributes: {ring: pilot}}, {at: "2026-01-16T00:00:00Z", percent: 10, remove: true}]',
    ),
  })
  .map((parts) =>
    Object.values(parts)
      .flatMap((line) => (line === '' ? [] : [`  ${line}\n`]))
      .join(''),
  )

test('whatever a scenario says, who looks on, or what is told of progress, changes nothing', async (t) => {
  let decided = 0
  fc.assert(
    fc.property(rest, fc.constantFrom('P1D', 'PT2H', 'PT0S'), fc.nat(10_000), (said, deadline, seed) => {
      const declarations = DECLARATIONS.replace('deadlineAfter: P1D', `deadlineAfter: ${deadline}`)
      const { broken, decisions } = play({ ...order, declarations, seed, scenario: scenario(said) })
      decided += decisions.length
      // Who is cut off while it moves into a window goes on without it; the laws of `play` know nothing of that.
      return !broken.some((law) => law.startsWith('devices that'))
    }),
    { seed: 42, numRuns: 60 },
  )
  t.ok(decided > 600, `${decided} decisions were compared`)
})
