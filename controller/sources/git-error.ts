// What can go wrong with a Git source, apart from what its declarations say.
import type { Code } from './codes.ts'

/** `code` has a page in docs/errors. The message holds no credentials. */
export class GitSourceError extends Error {
  readonly code: Code

  constructor(code: Code, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'GitSourceError'
    this.code = code
  }
}
