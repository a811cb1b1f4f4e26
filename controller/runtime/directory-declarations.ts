// The directory of `ringmaster run PATH` as a source of declarations.
import { DIRECTORY_SOURCE } from '../model/source-names.ts'
import { watchDirectory } from '../sources/directory-source.ts'
import { headOf } from '../sources/git-head.ts'
import type { DeclarationSource } from './declaration-source.ts'

/** Follows the directory: each edit is in force soon after, and names the commit that is checked out. */
export function directorySource(path: string): DeclarationSource {
  return {
    name: DIRECTORY_SOURCE,
    start: async (intake) => {
      const seat = intake.seat(DIRECTORY_SOURCE, () => void watch.recheck())
      const watch = watchDirectory(path, async (load) => seat.offer({ load, head: await headOf(path) }), {
        source: DIRECTORY_SOURCE,
        elsewhere: seat.elsewhere,
        onError: (message) => intake.log.warn(message),
      })
      await watch.ready
      return watch
    },
  }
}
