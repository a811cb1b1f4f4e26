// How Git sources stand: the commit in force, and why a newer one is not.
import type { Problem } from '../model/declared.ts'
import { toRfc3339 } from '../model/instant.ts'
import { gitSourceName } from '../model/source-names.ts'
import type { SourceRecord } from '../rollout/world.ts'
import type { StatusNote } from './conditions.ts'
import { declaredMetadata, declaredNames, declaredOf, instantText, type Seen, type Shown, viewOf } from './seen.ts'
import type { GitSourceStatus, ViewOf } from './views.ts'

export const gitSources: Shown<ViewOf['GitSource']> = {
  names: (seen) => declaredNames(seen, 'GitSource'),
  view(seen, name) {
    const object = declaredOf(seen, 'GitSource', name)
    if (object === undefined) return undefined
    const source = gitSourceName(name)
    const record = seen.state.sources.get(source)
    const note = noteOf(record, object.spec.suspend === true)
    return viewOf(object.kind, declaredMetadata(object), object.spec, statusOf(seen, source, record), [note])
  },
}

const MAX_PROBLEMS = 20

function statusOf({ state }: Seen, source: string, record: SourceRecord | undefined): GitSourceStatus {
  let objects = 0
  for (const ofKind of Object.values(state.objects))
    for (const { origin } of ofKind.values()) if (origin.source === source) objects++
  const { rejected, failure } = record ?? {}
  return {
    revision: record?.revision,
    since: record?.revision === undefined ? undefined : instantText(record.at),
    commit: record?.commit,
    objects,
    note: record?.note,
    rejected: rejected && {
      revision: rejected.revision,
      since: toRfc3339(rejected.since),
      commit: rejected.commit,
      problems: rejected.problems.slice(0, MAX_PROBLEMS).map(problemText),
      total: rejected.total,
    },
    failure: failure && { ...failure, since: toRfc3339(failure.since) },
  }
}

function problemText({ file, line, column, code, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${code} ${path === '' ? '' : `${path}: `}${message}`
}

/** Verification codes begin so; sources/codes has their pages. */
const NOT_TRUSTED = ['RM1404', 'RM1405']

function noteOf(record: SourceRecord | undefined, isSuspended: boolean): StatusNote {
  if (isSuspended) return { state: 'Waiting', reason: 'Suspended', message: 'suspend is true: it is not read' }
  const { rejected, failure } = record ?? {}
  if (rejected !== undefined) {
    const [first] = rejected.problems
    const reason = first !== undefined && NOT_TRUSTED.includes(first.code) ? 'NotTrusted' : 'RevisionRejected'
    const where = first === undefined ? '' : `: ${problemText(first)}`
    const more = rejected.total > 1 ? ` (and ${rejected.total - 1} more)` : ''
    const message = `revision ${rejected.revision} is not in force${where}${more}`
    return { state: 'Stalled', reason, message, since: rejected.since }
  }
  if (failure !== undefined)
    return {
      state: 'Waiting',
      reason: 'FetchFailed',
      message: `${failure.code} ${failure.message}`,
      since: failure.since,
    }
  if (record?.revision === undefined) return { state: 'Waiting', reason: 'NotFetchedYet', message: '' }
  const note = record.note === undefined ? '' : `; ${record.note}`
  const message = `revision ${record.revision} is in force${note}`
  return { state: 'Ready', reason: 'InForce', message, since: record.at }
}
