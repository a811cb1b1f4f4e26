// What a source of declarations is: something with a name that gives declarations from when it is started until it is closed.
import type { Intake } from './intake.ts'

/**
 * A directory, a Git repository, a cluster. Sources that give a whole at a time take a `Seat` of the intake and offer each
 * revision to it; one that gives objects one by one may submit `ObjectsDeclared` itself, with its name as the source.
 */
export type DeclarationSource = {
  /** In facts, origins and approvals; no two have the same. */
  readonly name: string
  /** Resolves when it has given its declarations for the first time, or has said why it cannot. */
  readonly start: (intake: Intake) => Promise<RunningSource>
}

export type RunningSource = {
  /** Nothing is given any more when this has resolved. */
  readonly close: () => Promise<void>
}
