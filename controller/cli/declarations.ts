// A load of the directory as facts: what is sound comes into force as a whole, what is broken changes nothing and is reported.
import { JournalError } from '../journal/journal.ts'
import type { Declared, Problem } from '../model/declared.ts'
import { KIND_NAMES } from '../model/kinds.ts'
import { MAX_PROBLEMS_LISTED } from '../model/limits.ts'
import type { Controller } from '../runtime/controller.ts'
import type { Log } from '../runtime/log.ts'
import type { Declarations } from '../sources/assemble.ts'
import { diffDeclared } from '../sources/diff-declared.ts'
import { headOf } from '../sources/git-head.ts'
import type { State } from '../state/state.ts'

export const DIRECTORY_SOURCE = 'directory'
const PROBLEMS_LOGGED = 20

/** What to do with each load of the directory. Rejects when the journal refuses; then the load is to be offered again. */
export function takeDeclarations(
  controller: Controller,
  path: string,
  log: Log,
): (load: Declarations) => Promise<void> {
  return (load) => {
    if (load.total > 0) return reject(controller, load, log)
    if (load.files.length === 0 && inForce(controller.state).length > 0)
      return reject(controller, { ...load, problems: [EMPTIED], total: 1 }, log)
    return accept(controller, path, load, log)
  }
}

// A volume that is not mounted, or a wrong path, must not withdraw every approval there is.
const EMPTIED: Problem = {
  file: '.',
  line: 1,
  column: 1,
  path: '',
  code: 'RM1020',
  message:
    'the directory has no YAML file any more: nothing is removed; to remove everything, leave one file with a comment in it',
}

// With aliases written out, and where each object comes from, it may be more than its files.
const TOO_LARGE: Problem = {
  file: '.',
  line: 1,
  column: 1,
  path: '',
  code: 'RM1001',
  message:
    'what has changed is too large to come into force at once: change fewer objects at a time, or use fewer aliases',
}

async function reject(controller: Controller, { revision, problems, total }: Declarations, log: Log): Promise<void> {
  if (controller.state.sources.get(DIRECTORY_SOURCE)?.rejected?.revision !== revision)
    await controller.submit({
      type: 'DeclarationsRejected',
      source: DIRECTORY_SOURCE,
      revision,
      problems: problems.slice(0, MAX_PROBLEMS_LISTED),
      total,
    })
  log.warn(`the declarations have ${total} problems; what was in force before stays so`, { revision, total })
  for (const { file, line, column, code, path, message } of problems.slice(0, PROBLEMS_LOGGED))
    log.warn(`${file}:${line}:${column}: ${code} ${path === '' ? '' : `${path}: `}${message}`)
}

// The same revision may read differently: in another folder, or by another version of Ringmaster.
async function accept(controller: Controller, path: string, load: Declarations, log: Log): Promise<void> {
  const { revision, objects } = load
  const before = controller.state.sources.get(DIRECTORY_SOURCE)
  const { put, removed } = diffDeclared(inForce(controller.state), objects)
  const isKnown = before?.revision === revision && before.rejected === undefined
  if (isKnown && put.length === 0 && removed.length === 0) return
  const head = await headOf(path)
  try {
    await controller.submit({
      type: 'ObjectsDeclared',
      source: DIRECTORY_SOURCE,
      revision,
      put: put.map((object) => ({ ...object, origin: { ...object.origin, ...head } })),
      removed,
    })
  } catch (error) {
    if (!(error instanceof JournalError) || error.code !== 'TooLarge') throw error
    return reject(controller, { ...load, problems: [TOO_LARGE], total: 1 }, log)
  }
  log.info(
    `declarations in force: ${objects.length} objects, of which ${put.length} are new or changed; ${removed.length} removed`,
    { revision },
  )
}

function inForce({ objects }: State): Declared[] {
  return KIND_NAMES.flatMap((kind) => [...objects[kind].values()]).filter(
    ({ origin }) => origin.source === DIRECTORY_SOURCE,
  )
}
