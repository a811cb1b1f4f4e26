// What one file of declarations gives.
import type { Declared, ObjectRef, Origin, Problem } from '../model/declared.ts'
import type { Path } from './yaml-values.ts'

/** What is known of the whole source; the file and the line are added to each object's origin. */
export type ManifestOrigin = Pick<Origin, 'source' | 'revision' | 'commit' | 'author'>

export type ManifestFile = {
  /** Those without any problem, in the order of the file. */
  readonly objects: readonly Declared[]
  /** By position; at most MAX_PROBLEMS_PER_FILE, then one RM1019. */
  readonly problems: readonly Problem[]
  /** Documents that are no business of ours: of other API groups, scenarios, and without apiVersion and kind. */
  readonly ignored: number
  /** Objects that have problems, as far as they say what they are. */
  readonly refused: readonly ObjectRef[]
}

/** Where a value of an object stands, or its key; of the nearest thing around it when there is no such value. */
export type PlaceOf = (object: Declared, path: Path, what?: 'Key' | 'Value') => { line: number; column: number }

/** How texts of files are read: WHOLE_READER of manifest.ts, or a reader for files that are known to be plain. */
export type ManifestReader = {
  readonly parse: (file: string, text: Uint8Array, origin: ManifestOrigin, explicit: boolean) => ManifestFile
  readonly placesIn: (text: Uint8Array) => PlaceOf
}
