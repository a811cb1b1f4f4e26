// The fold: what each fact does to the state. Total (an unknown name changes nothing), deterministic, without I/O; what
// must be refused was refused before it came into the journal.
import { setStates } from '../catalog/catalog.ts'
import { applySync, changesCatalog } from '../catalog/sync.ts'
import { reevaluateDevice } from '../fleet/collections.ts'
import { dropDevice } from '../fleet/compliance.ts'
import { enrolDevice, markStale, removeDevice } from '../fleet/fleet.ts'
import { dropTokenHash, putTokenHash } from '../fleet/token-hashes.ts'
import { eachBit, hasBit, newPlane, setBit } from '../model/bit-plane.ts'
import type { Declared, ObjectRef } from '../model/declared.ts'
import { type CatalogSynced, type Command, type Decision, type Fact, type Input, isDecision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Kind } from '../model/kinds.ts'
import { decodePlane } from '../model/plane-text.ts'
import type { DeviceReport } from '../model/report.ts'
import { gitSourceName } from '../model/source-names.ts'
import { isStarted, type PhaseRecord, type RolloutRecord, withRollout, withRule } from '../rollout/control.ts'
import { evolveDecided } from '../rollout/draft.ts'
import {
  countEnrolled,
  countJoined,
  countTargets,
  forgetRow,
  forgetSilent,
  gateFigures,
  recountEvidence,
  refreshEffective,
  refreshRow,
  syncEvidence,
} from '../rollout/evidence.ts'
import type { Objects } from '../rollout/world.ts'
import { applyReport } from './apply-report.ts'
import { sourceAfter, sourceInTrouble } from './source-record.ts'
import { recompileCollections, type State } from './state.ts'

/**
 * Changes the state by one fact of the journal, made at `at`; one that is dated before an earlier one counts as made at the same
 * instant. `row`: of the device that reported, from who knows it.
 */
export function apply(state: State, at: EpochMs, fact: Fact, row?: number): void {
  state.clock = Math.max(state.clock, at)
  if (isDecision(fact)) applyDecision(state, state.clock, fact)
  else applyInput(state, state.clock, fact, row)
}

/** As `apply` does with `DeviceReported`, for who knows the device's row. */
export function applyReportOf(state: State, at: EpochMs, row: number, report: DeviceReport): void {
  state.clock = Math.max(state.clock, at)
  if (applyReport(state, state.clock, row, report)) state.version++
}

function applyDecision(state: State, at: EpochMs, decision: Decision): void {
  state.version++
  const before = state.control
  state.control = evolveDecided(before, at, decision)
  if (decision.type === 'UpdatesExpired') setStates(state.catalog, decision.expired, 'Expired')
  if (decision.type === 'DevicesStale') {
    const silent = newPlane()
    eachBit(decodePlane(decision.targets), (row) => {
      if (markStale(state.fleet, row)) setBit(silent, row)
    })
    forgetSilent(state, silent)
  }
  syncEvidence(state)
  if (decision.type === 'RolloutPlanned') recountEvidence(state, decision.rollout)
  if (decision.type === 'PhaseStarted') countTargets(state, decision.rollout)
  if (decision.type === 'TargetsJoined') countJoined(state, before, decision)
  if (decision.type === 'UpdatesExpired' || decision.type === 'UpdatesHeld' || decision.type === 'HoldEnded')
    refreshEffective(state)
}

function applyInput(state: State, at: EpochMs, fact: Input, known?: number): void {
  if (fact.type === 'DeviceReported') {
    const row = known ?? state.fleet.rowOf.get(fact.device)
    if (row !== undefined) applyReportOf(state, at, row, fact.report)
    return
  }
  state.version++
  switch (fact.type) {
    case 'SettingsChanged':
      state.settings = fact.settings
      return
    case 'ObjectsDeclared':
      state.sources.set(fact.source, sourceAfter(at, fact))
      declare(state, at, fact.put, fact.removed)
      return
    case 'DeclarationsRejected':
    case 'SourceFailed':
      state.sources.set(fact.source, sourceInTrouble(state.sources.get(fact.source), at, fact))
      return
    case 'SourceRemoved':
      state.sources.delete(fact.source)
      return
    case 'CatalogSynced':
      catalogSynced(state, at, fact)
      return
    case 'CatalogSyncFailed': {
      const before = state.feeds.get(fact.source) ?? { setAside: [], setAsideTotal: 0, notes: [] }
      state.feeds.set(fact.source, { ...before, triedAt: at, failure: fact.message })
      return
    }
    case 'EnrolmentKeyIssued':
      state.access.spent.delete(fact.keyHash)
      state.access.keys.set(fact.keyHash, {
        once: fact.once,
        ...(fact.expires !== undefined && { expires: fact.expires }),
      })
      return
    case 'DeviceEnrolled':
      enrol(state, at, fact)
      return
    case 'DeviceRemoved':
      removeNamed(state, fact.device)
      return
    case 'CommandGiven':
      state.control = commanded(state, at, fact.command, fact.by)
      return
  }
}

function declare(state: State, at: EpochMs, put: readonly Declared[], removed: readonly ObjectRef[]): void {
  const gone = removed.flatMap(({ kind, name }) => state.objects[kind].get(name) ?? [])
  const all = [...gone, ...gone.flatMap((object) => declaredBy(state, object, put))]
  state.objects = withObjects(state.objects, put, all)
  for (const object of all) undeclare(state, object)
  for (const object of put) {
    if (object.kind === 'AutomaticDeploymentRule') declareRule(state, at, object.name)
    if (object.kind === 'DeploymentTemplate') retryRulesOf(state, object.name)
    keepAfterAll(state, object)
  }
  if ([...put, ...all].some((object) => object.kind === 'Collection')) recompileCollections(state)
}

// A GitSource takes with it what came from its repository, apart from what is declared elsewhere in the same revision.
function declaredBy(state: State, object: Declared, put: readonly Declared[]): Declared[] {
  if (object.kind !== 'GitSource' || object.spec.prune === 'Orphan') return []
  const source = gitSourceName(object.name)
  const kept = new Set(put.map(({ kind, name }) => `${kind}/${name}`))
  return Object.values(state.objects)
    .flatMap((ofKind) => [...ofKind.values()])
    .filter(({ kind, name, origin }) => origin.source === source && !kept.has(`${kind}/${name}`))
}

// Copies the maps that change, once for all that is declared together.
function withObjects(objects: Objects, put: readonly Declared[], gone: readonly Declared[]): Objects {
  const changed = new Map<Kind, Map<string, Declared>>()
  const mapOf = (kind: Kind) => {
    const copy = changed.get(kind) ?? new Map(objects[kind])
    changed.set(kind, copy)
    return copy
  }
  for (const { kind, name } of gone) mapOf(kind).delete(name)
  for (const object of put) mapOf(object.kind).set(object.name, object)
  return { ...objects, ...Object.fromEntries(changed) }
}

function declareRule(state: State, at: EpochMs, name: string): void {
  const before = state.control.rules.get(name) ?? { since: at, catalogChanged: state.catalogChangedAt > 0 }
  const record = { ...before, declarationChanged: true }
  state.control = { ...state.control, rules: new Map(state.control.rules).set(name, record) }
}

// A rule is what it says together with its template.
function retryRulesOf(state: State, template: string): void {
  for (const rule of state.objects.AutomaticDeploymentRule.values())
    if (rule.kind === 'AutomaticDeploymentRule' && rule.spec.template === template)
      state.control = withRule(state.control, rule.name, (record) => ({ ...record, declarationChanged: true }))
}

// Removed and declared again before anything was decided: nothing has happened.
function keepAfterAll(state: State, object: Declared): void {
  for (const { name, rollbackAsked } of ownedBy(state, object))
    if (rollbackAsked?.reason === 'RuleRemoved' || rollbackAsked?.reason === 'RolloutRemoved')
      state.control = withRollout(state.control, name, (rollout) => {
        const { rollbackAsked: _, ...rest } = rollout
        return rollout.status === 'RolledBack' ? rollout : rest
      })
}

function ownedBy(state: State, { kind, name }: Declared): RolloutRecord[] {
  if (kind !== 'AutomaticDeploymentRule' && kind !== 'Rollout') return []
  return [...state.control.rollouts.values()].filter((rollout) =>
    kind === 'Rollout' ? rollout.rule === undefined && rollout.name === name : rollout.rule === name,
  )
}

// `prune` is read from the object as it last stood: what is gone cannot be asked any more.
function undeclare(state: State, object: Declared): void {
  // Its updates stay; what was said of its reading does not, so that one of the same name is read at once.
  if (object.kind === 'UpdateSource') state.feeds.delete(object.name)
  if (object.kind === 'GitSource') state.sources.delete(gitSourceName(object.name))
  if (object.kind !== 'AutomaticDeploymentRule' && object.kind !== 'Rollout') return
  const isRule = object.kind === 'AutomaticDeploymentRule'
  const reason = isRule ? 'RuleRemoved' : 'RolloutRemoved'
  const message = `${object.kind} ${object.name} was removed`
  const stopped = object.spec.suspend ? 'suspend: true' : object.spec.enabled === false ? 'enabled: false' : undefined
  for (const rollout of ownedBy(state, object))
    if (object.spec.prune !== 'Orphan') state.control = askRollback(state, rollout, reason, message)
    else if (stopped !== undefined) state.control = keepStopped(state, rollout, `${message} and had ${stopped}`)
  if (!isRule) return
  const rules = new Map(state.control.rules)
  rules.delete(object.name)
  state.control = { ...state.control, rules }
}

function askRollback(
  state: State,
  { name }: RolloutRecord,
  reason: 'RuleRemoved' | 'RolloutRemoved' | 'RollbackByCommand',
  message: string,
): State['control'] {
  return withRollout(state.control, name, (rollout) => ({
    ...rollout,
    rollbackAsked: rollout.rollbackAsked ?? { reason, message },
  }))
}

// What was held back by its declaration does not go out because the declaration is gone.
function keepStopped(state: State, { name }: RolloutRecord, reason: string): State['control'] {
  return withRollout(state.control, name, (rollout) => ({
    ...rollout,
    pauseAsked: rollout.pauseAsked ?? { by: 'prune: Orphan', reason },
  }))
}

function catalogSynced(state: State, at: EpochMs, fact: CatalogSynced): void {
  const { setAside, setAsideTotal, notes, nextRelease, partial } = fact
  const before = state.feeds.get(fact.source)
  const syncedAt = partial ? before?.syncedAt : at
  state.feeds.set(fact.source, {
    ...(syncedAt !== undefined && { syncedAt }),
    triedAt: at,
    setAside,
    setAsideTotal,
    notes,
    ...(nextRelease !== undefined && { nextRelease }),
    ...(partial && { partial }),
  })
  const changes = changesCatalog(fact.change)
  if (changes) applySync(state.catalog, fact.source, fact.change)
  if (changes || before?.partial) catalogChanged(state, at, partial)
}

// Rules that are evaluated after a synchronisation hear of the whole of it.
function catalogChanged(state: State, at: EpochMs, partial: true | undefined): void {
  refreshEffective(state)
  if (partial) return
  state.catalogChangedAt = at
  const rules = [...state.control.rules].map(([name, rule]) => [name, { ...rule, catalogChanged: true }] as const)
  state.control = { ...state.control, rules: new Map(rules) }
}

function enrol(state: State, at: EpochMs, fact: Extract<Input, { readonly type: 'DeviceEnrolled' }>): void {
  // Two replicas may have let two devices in with it at the same time.
  if (state.access.spent.has(fact.keyHash)) return
  const known = state.fleet.rowOf.get(fact.device)
  const isBack = known !== undefined && !hasBit(state.fleet.present, known)
  if (known !== undefined) forgetDevice(state, known)
  const row = enrolDevice(state.fleet, fact.device, fact.attributes, at)
  if (isBack) countEnrolled(state, row)
  putTokenHash(state.access.tokens, row, fact.tokenHash)
  if (state.access.keys.get(fact.keyHash)?.once) {
    state.access.keys.delete(fact.keyHash)
    state.access.spent.set(fact.keyHash, at)
  }
  reevaluateDevice(state.fleet, state.collections, row, 'All')
  state.membershipVersion++
  refreshRow(state, row)
}

function removeNamed(state: State, device: string): void {
  const row = state.fleet.rowOf.get(device)
  if (row === undefined || !removeDevice(state.fleet, row)) return
  countEnrolled(state, row)
  dropTokenHash(state.access.tokens, row)
  forgetDevice(state, row)
  reevaluateDevice(state.fleet, state.collections, row, 'All')
  state.membershipVersion++
}

function forgetDevice(state: State, row: number): void {
  dropDevice(state.compliance, row)
  forgetRow(state, row)
}

function commanded(state: State, at: EpochMs, command: Command, by: string): State['control'] {
  const { control } = state
  switch (command.type) {
    case 'Evaluate':
      return withRule(control, command.rule, (rule) => ({ ...rule, requestedBy: by }))
    case 'Approve':
      return withRollout(control, command.rollout, (rollout) => ({
        ...rollout,
        approvals: new Map(rollout.approvals).set(command.phase, by),
      }))
    case 'Signal':
      return withRollout(control, command.rollout, (rollout) => ({
        ...rollout,
        signals: new Map(rollout.signals).set(command.phase, command.signal),
      }))
    case 'Pause':
      return withRollout(control, command.rollout, (rollout) => ({
        ...rollout,
        pauseAsked: { by, ...(command.reason !== undefined && { reason: command.reason }) },
      }))
    case 'Resume':
      return withRollout(control, command.rollout, (rollout) => resumed(state, at, rollout))
    case 'Rollback':
      return withRollout(control, command.rollout, (rollout) => ({
        ...rollout,
        rollbackAsked: {
          reason: 'RollbackByCommand',
          message: command.reason === undefined ? `asked for by ${by}` : `asked for by ${by}: ${command.reason}`,
        },
      }))
  }
}

function resumed(state: State, at: EpochMs, rollout: RolloutRecord): RolloutRecord {
  const { pauseAsked: _, ...rest } = rollout
  if (rollout.status !== 'Halted') return rest
  const phases = rollout.phases.map((phase, index): PhaseRecord => {
    if (!isStarted(phase)) return phase
    const acceptedFailures = gateFigures(state, rollout, index).failed
    if (phase.status !== 'Halted') return { ...phase, acceptedFailures }
    if (phase.devices === 0) return { status: 'Waiting', approvalAwaited: false }
    const { halt: __, ...going } = phase
    return { ...going, status: 'Active', acceptedFailures, timeoutFrom: at }
  })
  return { ...rest, status: 'Progressing', phases }
}
