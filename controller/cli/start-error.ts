/** Why a controller could not be started, and what to do about it: for people, without a stack. Exit code 3. */
export class StartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
  }
}
