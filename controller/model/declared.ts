// A declared object as it stands in facts and state: what an admin wrote, and where it came from.
import type { Kind } from './kinds.ts'
import type { SpecOf } from './specs.ts'

/** Where an object stands: enough to name the line in a message, and the commit and person in an approval. */
export type Origin = {
  /** Name of the declaration source, e.g. `directory`. */
  readonly source: string
  /** The revision of the whole source, e.g. `sha256:…` of its files, or `main@sha1:…`. */
  readonly revision: string
  readonly file: string
  readonly line: number
  readonly commit?: string
  readonly author?: string
  /** The key whose signature of the commit was verified, and whose it is. */
  readonly signedBy?: string
}

/** The commit that a revision is. */
export type SourceCommit = {
  /** Its whole hash. */
  readonly commit: string
  /** As `Name <address>`. */
  readonly author: string
  /** When it was committed, RFC 3339. */
  readonly date: string
  /** First line of its message. */
  readonly subject: string
  /** `Unchecked`: it is signed, and the source names no keys to verify it with. */
  readonly signature: 'Verified' | 'Unchecked' | 'Unsigned' | 'Refused'
  /** Of a verified one. */
  readonly signedBy?: string
}

export type Declared<K extends Kind = Kind> = {
  [P in K]: {
    readonly kind: P
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly spec: SpecOf[P]
    readonly origin: Origin
  }
}[K]

export type ObjectRef = { readonly kind: Kind; readonly name: string }

/** One thing that is wrong with a declaration, and where. `code` has a page in docs/errors. */
export type Problem = {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** In the object, e.g. `spec.phases[1].soak`; empty for the whole file. */
  readonly path: string
  readonly code: string
  readonly message: string
}
