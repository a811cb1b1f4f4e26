// What simulated devices do with windows, supersedence and collections (semantics.md §1, §2, §5), by the command line.
import { test } from 'tap'
import { simulated } from './simulated.ts'
import { line, rule, window } from './site.ts'

const WEEK = { from: '2026-01-12T08:00:00Z', until: '2026-01-18T00:00:00Z' }
const FLEET = '  devices: [{prefix: pc-, count: 10}]\n  patchedUntil: 2025-12-01T00:00:00Z\n'

test('a preview tells NeverFits with counts when the phase starts, before anything is approved', async (t) => {
  const { lines, text } = await simulated(t, {
    objects: [rule('r'), window('night', '22:00', 'PT1H')],
    updates: [line('u30', { maxRunTimeMinutes: 30 }), line('u90', { maxRunTimeMinutes: 90 })],
    scenario: FLEET,
    ...WEEK,
  })
  const started = lines.findIndex(({ type }) => type === 'PhaseStarted')
  t.match(lines[started], { message: /NeverFits: 1 update fits no window of 10 devices/, devices: 10, updates: 2 })
  t.ok(started < lines.findIndex(({ type }) => type === 'UpdatesApproved'))
  t.match(text, /p: Active, 0 of 10 devices compliant.*1 update fits no window of 10 devices/)
})

test('a started installation runs past the end of the window, and nothing new starts', async (t) => {
  const { text, lines } = await simulated(t, {
    objects: [
      rule('r', 'phases: [{name: p, collection: all, soak: PT1M}]', 'outsideWindow: {restart: true}'),
      window('night', '22:00', 'PT2H'),
    ],
    updates: [
      line('a', { maxRunTimeMinutes: 60, restart: 'Never' }),
      line('b', { maxRunTimeMinutes: 90, restart: 'Never' }),
    ],
    scenario: `${FLEET}  install: {download: {min: PT1M, max: PT1M}, lasts: {min: PT150M, max: PT150M}}\n  reporting: {every: PT10M, messagesEvery: PT1M}\n`,
    ...WEEK,
  })
  const met = lines.find(({ type }) => type === 'ThresholdMet')
  // a runs from 22:00 to 00:30; b does not start then but at 22:00 on the second night, and runs to 00:30 as well.
  t.match(met?.at, /^2026-01-14T00:3/, text)
})

test('several short ones follow each other in one window, the shortest first, each only while it fits', async (t) => {
  const { text, lines } = await simulated(t, {
    objects: [
      rule('r', 'phases: [{name: p, collection: all, soak: PT1M}]', 'outsideWindow: {restart: true}'),
      window('night', '22:00', 'PT2H'),
    ],
    updates: [30, 40, 50].map((minutes) => line(`u${minutes}`, { maxRunTimeMinutes: minutes, restart: 'Never' })),
    scenario: `${FLEET}  install: {download: {min: PT1M, max: PT1M}, lasts: {min: PT40M, max: PT40M}}\n  reporting: {every: PT10M, messagesEvery: PT1M}\n`,
    ...WEEK,
  })
  // 22:00 u30, 22:40 u40, 23:20 leaves 40 minutes: u50 waits for the next night.
  t.match(lines.find(({ type }) => type === 'ThresholdMet')?.at, /^2026-01-13T22:4/, text)
})

test('windows of devices over the night of the spring: a rule at 02:30 is evaluated at the first instant after the gap', async (t) => {
  const [kind, name, spec] = rule('r', 'phases: [{name: p, collection: all, soak: PT1M}]')
  const { lines } = await simulated(t, {
    objects: [[kind, name, spec.replace("at: '12:00'", "at: '02:30', timeZone: Europe/Berlin")]],
    updates: ['2026-03-27', '2026-03-28', '2026-03-29', '2026-03-30'].map((day) =>
      line(day, { released: `${day}T00:00:00Z` }),
    ),
    scenario: '  devices: [{prefix: pc-, count: 2}]\n',
    from: '2026-03-27T12:00:00Z',
    until: '2026-03-31T12:00:00Z',
  })
  t.same(
    lines.filter(({ type }) => type === 'RuleEvaluated').map(({ at }) => at),
    ['2026-03-28T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z', '2026-03-31T00:30:00Z'],
  )
})

test('a rule at 02:30 in the hour that comes twice is evaluated once, at the first', async (t) => {
  const [kind, name, spec] = rule('r', 'phases: [{name: p, collection: all, soak: PT1M}]')
  const { lines } = await simulated(t, {
    objects: [[kind, name, spec.replace("at: '12:00'", "at: '02:30', timeZone: Europe/Berlin")]],
    updates: [line('u')],
    scenario: '  devices: [{prefix: pc-, count: 2}]\n',
    from: '2026-10-24T12:00:00Z',
    until: '2026-10-26T12:00:00Z',
  })
  t.same(
    lines.filter(({ type }) => type === 'RuleEvaluated').map(({ at }) => at),
    ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
  )
})

test('second Tuesday plus an offset lands on the real date, in the next month too; impossible dates never come', async (t) => {
  const evaluated = async (schedule: string, from: string, until: string) => {
    const [kind, name, spec] = rule('r', 'phases: [{name: p, collection: all, soak: PT1M}]')
    const { lines, text } = await simulated(t, {
      objects: [[kind, name, spec.replace("rrule: FREQ=DAILY, at: '12:00'", schedule)]],
      updates: [line('u')],
      scenario: '  devices: [{prefix: pc-, count: 1}]\n',
      from,
      until,
    })
    return { at: lines.filter(({ type }) => type === 'RuleEvaluated').map(({ at }) => at.slice(0, 10)), text }
  }
  const tuesday = 'rrule: FREQ=MONTHLY;BYDAY=2TU, at: "12:00"'
  const plus4 = await evaluated(`${tuesday}, offset: P4D`, '2026-01-01T00:00:00Z', '2026-03-31T00:00:00Z')
  t.same(plus4.at, ['2026-01-17', '2026-02-14', '2026-03-14'])
  const plus21 = await evaluated(`${tuesday}, offset: P21D`, '2026-01-01T00:00:00Z', '2026-03-31T00:00:00Z')
  t.same(
    plus21.at,
    ['2026-02-03', '2026-03-03', '2026-03-31'].slice(0, 2),
    'in January what December gave was the 30th',
  )
  const day31 = await evaluated(
    'rrule: FREQ=MONTHLY;BYMONTHDAY=31, at: "12:00"',
    '2026-01-01T00:00:00Z',
    '2026-06-30T00:00:00Z',
  )
  t.same(day31.at, ['2026-01-31', '2026-03-31', '2026-05-31'])
  const leap = await evaluated(
    'rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29, at: "12:00"',
    '2026-01-01T00:00:00Z',
    '2028-12-31T00:00:00Z',
  )
  t.same(leap.at, ['2028-02-29'])
})

test('an update that is superseded and expires at once is taken from the devices that have it approved', async (t) => {
  const { lines } = await simulated(t, {
    objects: [
      rule('r', 'phases: [{name: p, collection: all, soak: P9D}], onNewer: Parallel'),
      window('never', '03:00', 'PT10M'),
    ],
    updates: [line('old'), line('other'), line('new', { supersedes: ['old'], released: '2026-01-14T17:00:00Z' })],
    source: 'supersedence: {nonFeature: Immediately}',
    scenario: FLEET,
    ...WEEK,
  })
  t.match(
    lines.filter(({ type }) => type === 'UpdatesExpired' || type === 'UpdatesUnapproved'),
    [
      { at: '2026-01-14T17:00:00Z', type: 'UpdatesExpired', updates: 1 },
      { at: '2026-01-14T17:00:00Z', type: 'UpdatesUnapproved', rollout: 'r-20260112', updates: 1, devices: 10 },
    ],
  )
  t.match(
    lines
      .filter(({ type }) => type === 'RuleEvaluated')
      .map(({ updates }) => updates)
      .slice(-1),
    [2],
    'other and new',
  )
})
