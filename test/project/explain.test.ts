// What `explain` answers first, for every answer that there is, and the trace behind it.
import { test } from 'tap'
import type { Declared } from '../../controller/model/declared.ts'
import type { StatusReason } from '../../controller/model/status-reasons.ts'
import { explain } from '../../controller/project/explain.ts'
import type { Explanation } from '../../controller/project/explanation.ts'
import {
  changed,
  command,
  declare,
  declared,
  enrolled,
  id,
  removed,
  ring,
  synced,
  update,
  type Written,
} from '../support/declare.ts'
import { given, newStory, type Story, says, wait } from '../support/story.ts'

type RuleSpec = Written<'AutomaticDeploymentRule'>

const PHASES: RuleSpec['phases'] = [
  { name: 'pilot', collection: 'pilot', soak: 'P1D', promotion: 'Manual' },
  { name: 'broad', collection: 'broad' },
]

function rule(over: Partial<RuleSpec> = {}): Declared {
  return declared('AutomaticDeploymentRule', 'monthly', {
    criteria: { classifications: ['Security Updates'] },
    evaluate: { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00' } },
    deployment: { deadlineAfter: 'P2D', spread: 'PT0S' },
    phases: PHASES,
    ...over,
  })
}

/** Friday night, four hours, on the pilot. */
function window(duration = 'PT4H'): Declared {
  return declared('MaintenanceWindow', 'friday', {
    collections: ['pilot'],
    schedule: { rrule: 'FREQ=WEEKLY;BYDAY=FR', at: '22:00' },
    duration,
  })
}

/** Before the evaluation of 13 January 2026: three devices of a pilot, three others, one of neither. */
function scene(...objects: readonly Declared[]): Story {
  const story = newStory('2026-01-12T00:00:00Z')
  const devices = [1, 2, 3].flatMap((n) => [enrolled(`p${n}`, { ring: 'pilot' }), enrolled(`b${n}`, { ring: 'broad' })])
  given(
    story,
    declare(ring('pilot'), ring('broad'), rule(), ...objects),
    synced(update('u1')),
    ...devices,
    enrolled('x'),
  )
  return story
}

/** After the evaluation: the pilot has begun. */
function begun(...objects: readonly Declared[]): Story {
  const story = scene(...objects)
  wait(story, 'P2D')
  return story
}

function ask(story: Story, device = 'p1', wanted = 'u1'): Explanation {
  return explain(story.state, story.notes, device, wanted, story.now)
}

type Case = {
  readonly about: string
  readonly story: () => Story
  readonly device?: string
  readonly update?: string
  readonly reason: StatusReason
  readonly message: RegExp
}

const ROLLOUT = 'monthly-20260113'

const CASES: readonly Case[] = [
  { about: 'a device nobody knows', story: scene, device: 'zzz', reason: 'NotEnrolled', message: /never enrolled/ },
  {
    about: 'a device that was removed',
    story: () => {
      const story = scene()
      given(story, removed('p1'))
      return story
    },
    reason: 'NotEnrolled',
    message: /was removed/,
  },
  { about: 'an update nobody knows', story: scene, update: 'u9', reason: 'NotInCatalog', message: /no update u9/ },
  {
    about: 'an article of several updates',
    story: () => {
      const story = scene()
      given(story, synced(update('u2', { articleIds: ['KB-u1'] })))
      return story
    },
    update: 'kb-U1',
    reason: 'SeveralUpdates',
    message: /2 updates, name one: u1, u2$/,
  },
  {
    about: 'a rule that matches and was not evaluated yet',
    story: scene,
    reason: 'NotSelected',
    message: /^Not selected yet: rule monthly would select it.*next evaluation at 2026-01-13T18:00:00Z/,
  },
  {
    about: 'criteria that are not met',
    story: () => scene(rule({ criteria: { severities: ['Critical'] } })),
    reason: 'NotSelected',
    message: /^Not offered: no rule selects it \(rule monthly: severities: wants Critical, is None\)/,
  },
  {
    about: 'a declined update',
    story: () => {
      const story = begun(
        declared('UpdateSource', 'vendor', {
          format: 'Ringmaster',
          path: 'f',
          decline: [{ titles: ['other'] }, { titles: ['u1'] }],
        }),
      )
      given(story, changed({ declined: [id('u1')] }))
      return story
    },
    reason: 'Declined',
    message: /^Not offered: declined by spec.decline\[1\] of source vendor/,
  },
  {
    about: 'an expired update',
    story: () => {
      const story = begun(
        declared('UpdateSource', 'vendor', {
          format: 'Ringmaster',
          path: 'f',
          supersedence: { nonFeature: 'Immediately' },
        }),
      )
      given(story, synced(update('u2', { supersedes: ['u1'], released: '2026-01-14T00:00:00Z' })))
      return story
    },
    reason: 'Expired',
    message: /^Not offered: expired: the supersedence policy of source vendor lets it expire by u2/,
  },
  {
    about: 'an update without content',
    story: () => {
      const story = scene()
      given(story, synced(update('u3', { state: 'MetadataOnly' })))
      return story
    },
    update: 'u3',
    reason: 'MetadataOnly',
    message: /no content/,
  },
  {
    about: 'a hold',
    story: () =>
      begun(
        declared('UpdateHold', 'printing', {
          updates: ['u1'],
          until: '2026-02-01T00:00:00Z',
          reason: 'it breaks printing',
        }),
      ),
    reason: 'Held',
    message: /^Not offered: hold printing until 2026-02-01T00:00:00Z because: it breaks printing/,
  },
  {
    about: 'a phase that comes later',
    story: begun,
    device: 'b1',
    reason: 'GateOpen',
    message: new RegExp(
      `^Not approved yet: rollout ${ROLLOUT} waits: phase pilot: of 3 devices 0 compliant.*is for phase broad`,
    ),
  },
  {
    about: 'a phase that waits for a go-ahead',
    story: () => {
      const story = begun()
      given(story, ...['p1', 'p2', 'p3'].map((device) => says(story, device, { installed: ['u1'] })))
      wait(story, 'P2D')
      return story
    },
    device: 'b1',
    reason: 'AwaitingApproval',
    message: /^Not approved yet: .*ringmaster approve monthly-20260113 broad/,
  },
  {
    about: 'a device in no phase',
    story: begun,
    device: 'x',
    reason: 'NotTargeted',
    message: /^Not offered: the device is in no phase/,
  },
  {
    about: 'a device that has left the collection',
    story: () => {
      const story = begun()
      given(story, says(story, 'p1', { attributes: { ring: 'broken' } }))
      return story
    },
    reason: 'LeftCollection',
    message: /^Not approved yet: the device has left collection pilot/,
  },
  {
    about: 'a rollout that a person paused',
    story: () => {
      const story = begun()
      given(story, command({ type: 'Pause', rollout: ROLLOUT, reason: 'lunch' }))
      return story
    },
    reason: 'PausedByCommand',
    message: /^Not approved yet: .*paused by ada \(lunch\)/,
  },
  {
    about: 'a rollout that was rolled back',
    story: () => {
      const story = begun()
      given(story, command({ type: 'Rollback', rollout: ROLLOUT, reason: 'bad' }))
      return story
    },
    reason: 'RollbackByCommand',
    message: /^Not offered: rollout monthly-20260113 was rolled back: asked for by ada: bad/,
  },
  {
    about: 'a rule behind a review gate',
    story: () => begun(rule({ enabled: false })),
    reason: 'ReviewGate',
    message: /^Not approved yet: .*enabled: false/,
  },
  {
    about: 'a device without windows',
    story: begun,
    reason: 'WillBeInstalled',
    message: /^Will be installed at its deadline, 2026-01-15T18:00:00Z$/,
  },
  {
    about: 'a window after the deadline',
    story: () => begun(window()),
    reason: 'WillBeInstalled',
    message: /^Will be installed in the window 2026-01-16T22:00:00Z–2026-01-17T02:00:00Z$/,
  },
  {
    about: 'a window that is open',
    story: () => {
      const story = begun(window())
      wait(story, 'P2DT22H30M')
      return story
    },
    reason: 'MayStartNow',
    message: /^May be installed now, in the window 2026-01-16T22:00:00Z–/,
  },
  {
    about: 'a window that opened yesterday',
    story: () => {
      const story = begun(window())
      wait(story, 'P3DT30M')
      return story
    },
    reason: 'MayStartNow',
    message: /^May be installed now, in the window 2026-01-16T22:00:00Z–2026-01-17T02:00:00Z$/,
  },
  {
    about: 'a window that is too short',
    story: () => begun(window('PT1H')),
    reason: 'NeverFits',
    message: /^Approved, but never fits a maintenance window: it needs more than 65 minutes/,
  },
  {
    about: 'a freeze for the next weeks',
    story: () =>
      begun(
        window(),
        declared('Freeze', 'audit', { from: '2026-01-14T00:00', until: '2026-02-01T00:00', reason: 'the audit' }),
      ),
    reason: 'WillBeInstalled',
    message:
      /^Will be installed in the window 2026-02-06T22:00:00Z–2026-02-07T02:00:00Z, after the freeze that holds now$/,
  },
  {
    about: 'a freeze beyond what is looked at',
    story: () =>
      begun(declared('Freeze', 'audit', { from: '2026-01-13T00:00', until: '2026-12-01T00:00', reason: 'the audit' })),
    reason: 'Frozen',
    message: /^Approved, but a freeze holds/,
  },
  {
    about: 'a window that never opens again',
    story: () =>
      begun(
        declared('MaintenanceWindow', 'once', {
          collections: ['pilot'],
          schedule: { startsOn: '2026-06-01', at: '22:00' },
          duration: 'PT4H',
        }),
      ),
    reason: 'NoStartAhead',
    message: /^Approved, but no time to start is within 60 days/,
  },
  {
    about: 'an update that is installed',
    story: () => {
      const story = begun()
      given(story, says(story, 'p1', { installed: ['u1'] }))
      return story
    },
    reason: 'Installed',
    message: /^Installed/,
  },
  {
    about: 'an update that is not needed',
    story: () => {
      const story = begun()
      given(story, says(story, 'p1', { notRequired: ['u1'] }))
      return story
    },
    reason: 'NotRequired',
    message: /^Not needed/,
  },
  {
    about: 'an update that is being installed',
    story: () => {
      const story = begun()
      given(story, says(story, 'p1', { enforcing: { update: 'u1', state: 1 } }))
      return story
    },
    reason: 'InProgress',
    message: /^Being installed since 2026-01-14/,
  },
  {
    about: 'a restart that is due',
    story: () => {
      const story = begun()
      given(story, says(story, 'p1', { enforcing: { update: 'u1', state: 5 } }))
      return story
    },
    reason: 'RestartPending',
    message: /^Waits for a restart/,
  },
  {
    about: 'a failure before the next try',
    story: () => {
      const story = begun(
        rule({ phases: [{ name: 'pilot', collection: 'pilot', failurePercent: 50, successPercent: 50 }] }),
      )
      given(story, says(story, 'p1', { failed: ['u1'] }))
      return story
    },
    reason: 'WillBeInstalled',
    message: /^Failed before: failed.*\. Will be installed at its deadline/,
  },
  {
    about: 'a removal after a rollback',
    story: () => {
      const story = begun(rule({ rollback: { uninstall: true } }))
      given(story, says(story, 'p1', { installed: ['u1'] }))
      given(story, command({ type: 'Rollback', rollout: ROLLOUT }))
      return story
    },
    reason: 'WillBeRemoved',
    message: /^Will be removed, because of: rollback of monthly-20260113$/,
  },
  {
    about: 'a device that is silent',
    story: () => {
      const story = begun(window())
      wait(story, 'P8D')
      return story
    },
    reason: 'WillBeInstalled',
    message: /The device is silent since 2026-01-12T00:00:00Z$/,
  },
]

for (const { about, story, device, update: wanted, reason, message } of CASES)
  test(`explains ${about}`, async (t) => {
    const told = story()
    const { verdict, steps } = ask(told, device, wanted)
    t.equal(verdict.reason, reason, verdict.message)
    t.match(verdict.message, message)
    t.ok(steps.length > 0 && steps.every((step) => step.message !== ''), 'every step says something')
    t.same(ask(told, device, wanted), ask(told, device, wanted), 'asking twice gives the same')
  })

test('the trace goes from the catalog to the device, and names what each step is about', async (t) => {
  const { steps, title } = ask(begun(window()), 'b1')
  t.equal(title, 'Update u1')
  t.same(
    [...new Set(steps.map(({ step }) => step))],
    ['Device', 'Catalog', 'Rule', 'Group', 'Rollout', 'Phase', 'Approval', 'Hold', 'Freeze', 'Window', 'Reported'],
  )
  const phases = steps.filter(({ step }) => step === 'Phase')
  t.match(phases[0], {
    outcome: 'No',
    message: /not in collection pilot \(query 1 fails: ring In \(pilot\): ring is "broad"\)/,
  })
  t.match(phases[1], { outcome: 'Yes', reason: 'LaterPhase', message: /in collection broad/ })
  t.match(
    steps.find(({ step }) => step === 'Rule'),
    {
      outcome: 'Yes',
      message:
        /last evaluated at 2026-01-13T18:00:00Z, its selection contains the update, next at 2026-02-10T18:00:00Z/,
    },
  )
})

test('a ring position that is not in the percentage is named', async (t) => {
  const story = begun(rule({ phases: [{ name: 'one', collection: 'all', percent: 1, whenEmpty: 'Skip' }] }))
  const { steps } = ask(story, 'p1')
  t.match(
    steps.find(({ step }) => step === 'Phase')?.message ?? '',
    /ring position \d+\.\d\d is not below the 1 % of the phase/,
  )
})

test('an approval names rule, evaluation, revision and commit, and an error code its meaning', async (t) => {
  const story = begun(
    rule({ phases: [{ name: 'pilot', collection: 'pilot', failurePercent: 50, successPercent: 50 }] }),
  )
  given(story, {
    type: 'DeviceReported',
    device: 'p1',
    report: { sequence: 1, at: story.now, messages: [{ topic: 301, update: id('u1'), state: 6, code: '0x80240022' }] },
  })
  const { steps } = ask(story)
  t.match(
    steps.find(({ step }) => step === 'Approval')?.message ?? '',
    /rule monthly, evaluation 2026-01-13T18:00:00Z, revision r1, commit c0ffee/,
  )
  t.match(
    steps.find(({ reason }) => reason === 'Failed')?.message ?? '',
    /failed with 0x80240022 \(all updates of the operation failed\)/,
  )
})
