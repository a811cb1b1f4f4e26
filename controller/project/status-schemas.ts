// The statuses of views.ts as an API server keeps them and `kubectl explain` explains them: a field that is added to a status
// there has to be explained here. Values are not constrained, so that a newer controller never fails at older CRDs.
import type { Structural } from '../model/cluster-rules.ts'
import type { SourceCommit } from '../model/declared.ts'
import type { Kind } from '../model/kinds.ts'
import type { PhaseView, ViewOf } from './views.ts'

/** One schema for every field that is ever shown. */
type FieldsOf<Shown> = { readonly [Field in Exclude<keyof Shown, 'conditions'>]-?: Structural }

const WAIT = {
  reason: text('For machines: one word of the documented list.'),
  message: text('For people.'),
}

const GATE = {
  targets: count('Devices that the gate counts.'),
  compliant: count('Those that have every update, or do not need it.'),
  failed: count('Those on which an update failed.'),
  unknown: count('Those that are silent, or have not told of every update.'),
}

const COMMIT: FieldsOf<SourceCommit> = {
  commit: text('Its whole hash.'),
  author: text('Who wrote it.'),
  date: instant('When it was committed.'),
  subject: text('The first line of its message.'),
  signature: text('Verified, Unchecked, Unsigned or Refused.'),
  signedBy: text('The key that signed it, when that was verified.'),
}

const PHASE: FieldsOf<PhaseView> = {
  name: text('As in the plan.'),
  collection: text('The collection whose devices it updates.'),
  state: text('Waiting, AwaitingApproval, Skipped, Active, Halted or Succeeded.'),
  devices: count('Its targets; before it starts, the devices that it would have.'),
  approved: flag('Whether its updates are approved for its devices now.'),
  started: instant('When it started.'),
  available: instant('When its updates became available, or will.'),
  deadline: instant('When its updates are due.'),
  gate: mapping('What its gate counts; of an ended rollout, what it counted last.', {
    ...GATE,
    needed: count('Compliant devices that it takes to go on.'),
    mayFail: count('Devices that may fail; with one more the phase halts.'),
  }),
  thresholdMet: instant('Since when enough devices are compliant.'),
  soakUntil: instant('When the soak ends.'),
  succeeded: instant('When it succeeded.'),
  halt: mapping('Why it halted.', { ...WAIT, at: instant('When.') }),
  neverFits: mapping('Updates that fit no maintenance window of its devices.', {
    updates: count('So many of its updates.'),
    devices: count('On so many of its devices.'),
    atLeast: flag('Whether there may be more.'),
    message: text('For people.'),
  }),
}

/** By kind and field; conditions and observedGeneration, which all have, stand in sources/crd.ts. */
export const STATUS_SCHEMAS: { readonly [K in Kind]: FieldsOf<ViewOf[K]['status']> } = {
  Collection: {
    devices: count('Devices that are members.'),
    stale: count('Those of them that have not reported for too long, and count as unknown.'),
  },
  MaintenanceWindow: {
    open: flag('Whether it is open on any device.'),
    devices: count('Devices of its collections.'),
    openOn: count('Devices on which it is open.'),
    doubtfulOn: count('Devices on which it cannot be worked out, and counts as closed.'),
    closes: instant('When it closes on the first of the devices on which it is open.'),
    opens: instant('When it opens next on any device.'),
  },
  Freeze: {
    active: flag('Whether it holds on any device.'),
    devices: count('Devices that it is about.'),
    activeOn: count('Devices on which it holds.'),
    ends: instant('When it ends on the last of the devices on which it holds.'),
    begins: instant('When it begins next.'),
  },
  AutomaticDeploymentRule: {
    lastEvaluation: mapping('How the last evaluation ended.', {
      at: instant('When it was made.'),
      scheduled: instant('When it was due.'),
      failed: flag('Whether it failed, and changed nothing.'),
      ...WAIT,
    }),
    selected: count('Updates that the last evaluation that made rollouts selected.'),
    matchingNow: count('Updates of the catalog that meet the criteria now.'),
    nextEvaluation: instant('When it is evaluated next.'),
    rollouts: list('Its newest rollouts, the newest first.', {
      name: text('The Rollout.'),
      state: text('How far it is.'),
      updates: count('Updates in it.'),
    }),
  },
  DeploymentTemplate: { rules: texts('Rules that use it.') },
  GitSource: {
    revision: text('What of it is in force, such as main@sha1:….'),
    since: instant('Since when.'),
    commit: mapping('The commit of that.', COMMIT),
    objects: count('Objects that are in force from it.'),
    note: text('What is odd and does no harm.'),
    rejected: mapping('What came later, and is not in force.', {
      revision: text('Which revision.'),
      since: instant('Since when it has been refused.'),
      commit: mapping('The commit of that.', COMMIT),
      problems: texts('What is wrong with it, the first of it.'),
      total: count('Problems in all.'),
    }),
    failure: mapping('Why the remote could not be read.', {
      code: text('For machines.'),
      message: text('For people.'),
      since: instant('Since when.'),
    }),
  },
  UpdateSource: {
    lastSync: instant('When the catalog was last synchronised.'),
    lastTry: instant('When that was last tried.'),
    nextSync: instant('When it is tried next.'),
    updates: count('Updates that come from here.'),
    setAside: list('Records that could not be read.', {
      position: text('Where in the feed.'),
      reason: text('What is wrong with it.'),
    }),
    setAsideTotal: count('Records that could not be read, in all.'),
    notes: texts('What was odd and did no harm.'),
  },
  UpdateHold: {
    active: flag('Whether it holds now.'),
    updates: count('Updates that it covers.'),
    known: count('Those of them that the catalog knows.'),
    until: instant('When it ends.'),
  },
  PhaseApproval: {
    state: text(
      'Used: the phase has started by it. Early: the phase does not wait yet. Unmatched: there is no such phase.',
    ),
  },
  SoftwareUpdateGroup: {
    updates: count('Updates in it.'),
    superseded: count('Those that a newer update replaces.'),
    expired: count('Those that are deployed no more.'),
    declined: count('Those that are hidden and never offered.'),
    held: count('Those that an UpdateHold covers.'),
    unknown: count('Those that the catalog does not know.'),
    rule: text('The rule that made it.'),
    rollouts: texts('Rollouts of it.'),
  },
  Rollout: {
    state: text('Declared, Planned, Progressing, Halted, RolledBack, Superseded or Succeeded.'),
    paused: flag('Whether it is paused.'),
    planned: instant('When it was planned.'),
    updates: count('Updates that it brings: a snapshot, the same in every phase.'),
    devices: count('Devices of the phases that have started.'),
    phases: list('Its phases, in order.', PHASE),
    waitsFor: mapping('The one thing that it waits for. Absent when it is finished.', {
      ...WAIT,
      phase: text('The phase that waits.'),
      until: instant('When the wait ends by itself.'),
    }),
    provenance: mapping('Where it comes from.', {
      rule: text('The rule.'),
      evaluation: instant('The evaluation of the rule that made it.'),
      source: text('Which source of declarations.'),
      revision: text('Which revision of that.'),
      file: text('The file in it.'),
      commit: text('The commit.'),
      author: text('Who wrote that.'),
    }),
    ended: mapping('How it ended.', { ...WAIT, at: instant('When.') }),
    uninstall: texts('Updates whose removal is approved after a rollback.'),
  },
  UpdateDeployment: {
    ...GATE,
    devices: count('Devices that it is for.'),
    approved: flag('Whether the updates are approved for them now.'),
    updates: count('Updates in it.'),
  },
}

function text(description: string): Structural {
  return { description, type: 'string' }
}

function texts(description: string): Structural {
  return { description, type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' }
}

function count(description: string): Structural {
  return { description, type: 'integer', format: 'int64' }
}

function flag(description: string): Structural {
  return { description, type: 'boolean' }
}

function instant(description: string): Structural {
  return { description: `${description} RFC 3339.`, type: 'string' }
}

function mapping(description: string, properties: Structural): Structural {
  return { description, type: 'object', properties, 'x-kubernetes-preserve-unknown-fields': true }
}

function list(description: string, properties: Structural): Structural {
  const items = { type: 'object', properties, 'x-kubernetes-preserve-unknown-fields': true }
  return { description, type: 'array', items, 'x-kubernetes-list-type': 'atomic' }
}
