// What the state keeps of a declaration source: the revision in force, and what is wrong with what came after it.
import type { Input } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { SourceRecord } from '../rollout/world.ts'

export function sourceAfter(at: EpochMs, fact: Extract<Input, { readonly type: 'ObjectsDeclared' }>): SourceRecord {
  const { revision, commit, note } = fact
  return { revision, at, ...(commit !== undefined && { commit }), ...(note !== undefined && { note }) }
}

/** What is in force stays so; since when it has been like this is kept. */
export function sourceInTrouble(
  before: SourceRecord | undefined,
  at: EpochMs,
  fact: Extract<Input, { readonly type: 'DeclarationsRejected' | 'SourceFailed' }>,
): SourceRecord {
  if (fact.type === 'SourceFailed') {
    const { code, message } = fact
    return { at, ...before, failure: { code, message, since: before?.failure?.since ?? at } }
  }
  const { failure: _, ...kept } = before ?? { at }
  const { revision, problems, total, commit } = fact
  const since = before?.rejected?.since ?? at
  return { ...kept, rejected: { revision, problems, total, since, ...(commit !== undefined && { commit }) } }
}
