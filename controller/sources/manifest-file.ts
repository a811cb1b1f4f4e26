// What one file of declarations gives.
import type { Declared, ObjectRef, Origin, Problem } from '../model/declared.ts'

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
