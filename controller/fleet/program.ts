// A collection as it is evaluated: its own queries and devices, and the collections that it refers to (semantics.md §2).
import type { BitPlane } from '../model/bit-plane.ts'
import type { Term } from './term.ts'

export type Source = { plane: BitPlane }

export type Program = Source & {
  readonly name: string
  readonly queries: readonly (readonly Term[])[]
  readonly direct: ReadonlySet<string>
  readonly include: readonly Source[]
  readonly limit: Source | undefined
  readonly exclude: readonly Source[]
  /** Programs that refer to this one; all of them come later. */
  readonly dependants: number[]
}
