// What all routes share.
import type { Controller } from '../runtime/controller.ts'
import type { GitWebhooks } from '../runtime/git-declarations.ts'
import type { Log } from '../runtime/log.ts'

/** Something that has to be well, and how it is. */
export type Check = { readonly name: string; readonly ok: boolean; readonly message: string }

export type ServeContext = {
  readonly controller: Controller
  readonly log: Log
  /** SHA-256 of the admin token, hex; without one nobody is an admin. */
  readonly adminTokenHash: string | undefined
  /** Names of the sources whose declarations have to be there before the controller is ready. */
  readonly declarations: readonly string[]
  /** Git sources that a webhook may wake. */
  readonly gitWebhooks?: GitWebhooks | undefined
  /** What else has to be well before the controller is ready. */
  readonly checks?: (() => readonly Check[]) | undefined
}
