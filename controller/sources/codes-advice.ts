// What makes objects that could come into force as they are do nothing, or something else than was meant: RM15xx. None of
// these keeps a revision from coming into force; each has a severity that ringmaster.yaml can change.
import type { AdvicePage } from './error-page.ts'

export const ADVICE_CODES = {
  RM1501: {
    title: 'UnreachablePhase',
    severity: 'Warning',
    meaning:
      'Every device of the phase belongs to an earlier phase already, whatever the fleet: the same collection, one inside of it, or a smaller percentage of the same one. The phase has no devices, and halts the rollout (`EmptyPhase`) or is skipped. Put the narrower collection first.',
    wrong:
      'phases:\n- {name: broad, collection: workstations}\n- {name: pilot, collection: it-workstations} # limited to workstations',
    right: 'phases:\n- {name: pilot, collection: it-workstations}\n- {name: broad, collection: workstations}',
  },
  RM1502: {
    title: 'EmptyCollection',
    severity: 'Warning',
    meaning:
      'No device can ever be in the collection: the conditions of each query rule each other or the limiting collection out, or what is included is excluded again. A phase of it has no devices, and a window of it opens for nobody.',
    wrong:
      'queries:\n- matchLabels: {ring: pilot}\n  matchExpressions:\n  - {key: ring, operator: NotIn, values: [pilot, early]}',
    right: 'queries:\n- matchLabels: {ring: pilot}',
  },
  RM1503: {
    title: 'WindowTooShort',
    severity: 'Warning',
    meaning:
      'An update starts only while what is left of a window exceeds its maximum run time and 5 minutes for a restart. No update runs for less than 5 minutes, so nothing ever starts in a window of 10 minutes or less.',
    wrong: 'duration: PT10M',
    right: 'duration: PT2H',
  },
  RM1504: {
    title: 'GateNeverMet',
    severity: 'Warning',
    meaning:
      'The success gate asks for more devices than the phase can ever have: its collection lists its devices, and they are fewer. The rollout never gets past this phase.',
    wrong: '# a collection with devices: [pc-1, pc-2]\nsuccessCount: 5',
    right: 'successCount: 2',
  },
  RM1505: {
    title: 'GateGap',
    severity: 'Warning',
    meaning:
      'More failures than the success threshold leaves room for do not halt the phase: it can then neither succeed nor halt, and waits. Without `successPercent` the threshold is 95 %. Lower the failure threshold or the success threshold, or set a `timeout`.',
    wrong: 'failurePercent: 20 # and 95 % must succeed',
    right: 'successPercent: 80\nfailurePercent: 20',
  },
  RM1506: {
    title: 'TimeoutBeforeDeadline',
    severity: 'Warning',
    meaning:
      'The phase times out before its deadline. Devices install from the deadline on, so it halts before any device that needs the updates may begin.',
    wrong: 'timeout: P5D\ndeployment: {deadlineAfter: P7D}',
    right: 'timeout: P14D\ndeployment: {deadlineAfter: P7D}',
  },
  RM1507: {
    title: 'SameSelection',
    severity: 'Warning',
    meaning:
      'Two rules have the same criteria and devices in common. Each update is offered by both; the earliest available and deadline instants count, so that the gates of the slower rule hold nothing back. Remove one, or narrow the criteria or the collections.',
    wrong: '# two rules: criteria: {classifications: [Security Updates]}, phases over all',
    right: '# one rule, or one with classifications: [Critical Updates]',
  },
  RM1508: {
    title: 'RuleWithinRule',
    severity: 'Note',
    meaning:
      'Everything that the rule selects is selected by another rule too, for devices that they have in common. That is right where the narrower rule is the faster one, as for updates that are exploited; the updates go out by the earlier of both, past the gates of the other.',
    wrong: '# a rule for Security Updates, and one for Security Updates of Windows 11, over the same devices',
    right: '# products: ["-Windows 11*"] in the first',
  },
  RM1509: {
    title: 'DeadlineInFreeze',
    severity: 'Warning',
    meaning:
      'The deadline of the first phase after one of the coming evaluations (up to 400 days ahead) lies inside a freeze over all its devices. Nothing starts before the freeze ends, and everything is due at once then. Move the freeze or the schedule, lengthen `deadlineAfter`, or mark the deployment `urgent`.',
    wrong: '# a freeze from 10 to 31 December, and a deadline on 15 December',
    right: '# deadlineAfter: P28D',
  },
  RM1510: {
    title: 'Over',
    severity: 'Note',
    meaning:
      'The hold, freeze, window or schedule has ended: it does nothing any more, and can be removed. An ended hold lets its updates out.',
    wrong: 'until: 2020-01-01T00:00:00Z',
    right: '# the object removed, or a later date',
  },
  RM1511: {
    title: 'NeverHappens',
    severity: 'Warning',
    meaning:
      'The schedule never occurs, in the past or before 2100: there is no such day, or the dates of the window leave none.',
    wrong: 'rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
    right: 'rrule: FREQ=MONTHLY;BYMONTHDAY=-1',
  },
  RM1512: {
    title: 'UnusedTemplate',
    severity: 'Note',
    meaning: 'No rule and no rollout refers to the template.',
    wrong: 'kind: DeploymentTemplate\nmetadata: {name: rings}',
    right: 'template: rings # in a rule',
  },
  RM1513: {
    title: 'UnusedCollection',
    severity: 'Note',
    meaning: 'No phase, window, freeze, hold or other collection refers to the collection.',
    wrong: 'kind: Collection\nmetadata: {name: branch-offices}',
    right: 'collections: [branch-offices] # in a window, or collection: in a phase',
  },
  RM1514: {
    title: 'ApprovalLeadsNowhere',
    severity: 'Warning',
    meaning:
      'The approval names a rollout that no rule here makes and nobody declares, or a phase that it does not have. Rollouts of a rule are named for it and the day of the evaluation: `office-20260113`.',
    wrong: 'rollout: office-20260113\nphase: braod',
    right: 'rollout: office-20260113\nphase: broad',
  },
  RM1515: {
    title: 'ReplacedBeforeDue',
    severity: 'Warning',
    meaning:
      'The rule is evaluated again before the deadline of its last phase can be reached, even when every gate opens at once: soaks and deadlines of the phases add up to more than the time between evaluations. With `onNewer: Replace` the newer rollout then begins with the first phase, and the devices of the last one wait for ever. Shorten soaks or deadlines, evaluate less often, or use `onNewer: Queue` or `Parallel`.',
    wrong: '# monthly; four phases of deadlineAfter: P7D and soak: P3D',
    right: '# monthly; four phases of deadlineAfter: P3D and soak: P1D',
  },
} as const satisfies Record<string, AdvicePage>

export type AdviceCode = keyof typeof ADVICE_CODES

export function isAdvice(code: string): code is AdviceCode {
  return Object.hasOwn(ADVICE_CODES, code)
}
