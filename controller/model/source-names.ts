// How declaration sources are called in facts, origins and approvals.

/** The directory of `ringmaster run PATH`. */
export const DIRECTORY_SOURCE = 'directory'

/** The Git source of `ringmaster run --git`; no declared GitSource may have this name. */
export const COMMAND_LINE_GIT = 'default'

/** The source that a GitSource of this name is. */
export function gitSourceName(name: string): string {
  return `git/${name}`
}
