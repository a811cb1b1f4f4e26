// Facts as they come back from a journal. What the journal holds was checked before it went in, and has a checksum: only the
// type is looked at, so that the journal of a newer Ringmaster is refused and not folded wrongly.
import { type Fact, type Input, isDecisionType } from '../model/facts.ts'

const INPUT_TYPES = {
  SettingsChanged: true,
  ObjectsDeclared: true,
  DeclarationsRejected: true,
  SourceFailed: true,
  SourceRemoved: true,
  CatalogSynced: true,
  CatalogSyncFailed: true,
  EnrolmentKeyIssued: true,
  DeviceEnrolled: true,
  DeviceReported: true,
  DeviceRemoved: true,
  CommandGiven: true,
} as const satisfies Record<Input['type'], true>

/** Throws on what is no fact, or of a type that this version does not know. */
export function decodeFact(json: unknown): Fact {
  if (isFact(json)) return json
  throw new Error('it is of no type that this version knows; run the Ringmaster that wrote it, or a newer one')
}

function isFact(json: unknown): json is Fact {
  if (typeof json !== 'object' || json === null || !('type' in json) || typeof json.type !== 'string') return false
  return Object.hasOwn(INPUT_TYPES, json.type) || isDecisionType(json.type)
}
