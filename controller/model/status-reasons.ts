// What statuses and explanations can give as a reason besides the reasons of decisions (model/reasons.ts).
import { REASONS, type Reason } from './reasons.ts'

export const STATUS_REASONS = {
  // Statuses
  NotDecidedYet: 'Nothing has been decided about the object yet.',
  InUse: 'It is declared, and what refers to it uses it.',
  BuiltIn: 'It is always there and need not be declared.',
  BrokenReference:
    'Collections refer to each other in a circle, or to one that does not exist; the last good members stay.',
  CannotBeEvaluated: 'Its times cannot be worked out, for example because a time zone is not known here.',
  Open: 'The window is open on at least one device.',
  Closed: 'The window is not open on any device.',
  Active: 'The freeze holds on at least one device.',
  Inactive: 'The freeze holds on no device.',
  NotSyncedYet: 'The source has not been synchronised yet.',
  SyncFailed: 'The last synchronisation failed; it is tried again.',
  Synced: 'The last synchronisation went through.',
  NotFetchedYet: 'The repository has not been read yet.',
  FetchFailed: 'The repository cannot be read; it is tried again, and what is in force stays so.',
  NotTrusted: 'The newest commit is not signed as the source asks; what is in force stays so.',
  RevisionRejected: 'The newest revision has problems and changes nothing; what is in force stays so.',
  InForce: 'The newest revision is in force.',
  RolloutNotFound: 'There is no rollout of that name yet; a go-ahead given early counts.',
  PhaseNotFound: 'The rollout has no phase of that name.',
  NotNeededYet: 'The phase does not wait for a go-ahead yet; one given early counts.',
  Refused:
    'The object has mistakes, which the message names; what was in force of it before stays so. Only in a Kubernetes cluster.',
  Reporting: 'The device has reported lately.',
  // Explanations
  NotEnrolled: 'There is no enrolled device of that name.',
  NotInCatalog: 'There is no such update in the catalog.',
  SeveralUpdates: 'The article is that of several updates.',
  InCatalog: 'The update is in the catalog and can be deployed.',
  Superseded: 'A newer update replaces it; it can still be deployed.',
  MetadataOnly: 'The update has no content and cannot be deployed.',
  CriteriaMatch: 'The update meets all criteria of the rule.',
  CriteriaDiffer: 'The update does not meet all criteria of the rule.',
  InGroup: 'The group contains the update.',
  NoGroup: 'No group contains the update.',
  UnderWay: 'The rollout is under way.',
  InPhase: 'The device belongs to the phase.',
  NotInPhase: 'The device does not belong to the phase.',
  NotTargeted: 'The device belongs to no phase of the rollout.',
  LeftCollection: 'The device has left the collection of its phase and is offered nothing more from it.',
  JoinedLate: 'The device joined the collection after the phase had started.',
  LaterPhase: 'The device belongs to a phase that has not started.',
  Approved: 'The update is approved for the device.',
  NotHeld: 'No hold covers the update on the device.',
  Frozen: 'A freeze holds on the device.',
  FreezeAhead: 'A freeze will hold on the device.',
  NotFrozen: 'No freeze is ahead on the device.',
  Urgent: 'The deployment is urgent and passes freezes.',
  NoWindows: 'The device has no maintenance window: it acts at the deadline.',
  WindowsAhead: 'When the maintenance windows of the device are open next.',
  NoWindowAhead: 'No maintenance window of the device opens in the time looked at.',
  NeverFits: 'No maintenance window of the device is long enough for the update.',
  StartsAhead: 'When the update may start on the device.',
  NoStartAhead: 'The update may not start on the device in the time looked at.',
  Times: 'When the update is available and due on the device.',
  NothingReported: 'The device has said nothing of the update.',
  NotRequired: 'The device says that it does not need the update.',
  Required: 'The device says that it needs the update.',
  Installed: 'The device says that the update is installed.',
  InProgress: 'The device is at work on the update.',
  RestartPending: 'The update is installed but for a restart.',
  Failed: 'The device says that the update failed.',
  WillBeInstalled: 'The update is approved and will be installed.',
  MayStartNow: 'The update is approved and may start now.',
  WillBeRemoved: 'The removal of the update is approved.',
  NotSelected: 'No rule has selected the update, and no declared rollout contains it.',
} as const

export type StatusReason = Reason | keyof typeof STATUS_REASONS

/** What a reason means, for when nothing more exact is known. */
export function meaningOf(reason: StatusReason): string {
  return { ...REASONS, ...STATUS_REASONS }[reason]
}
