// Whether the process lives, and whether it can do its work: /healthz and /readyz.
import { JournalError, type JournalErrorCode } from '../journal/journal.ts'
import { HOUR, toRfc3339 } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import type { FeedRecord } from '../rollout/world.ts'
import type { Controller } from '../runtime/controller.ts'
import type { App } from './app.ts'
import type { Check, ServeContext } from './context.ts'

export type Readiness = { readonly ready: boolean; readonly checks: readonly Check[] }

/** After a full disk for so long, writing is worth another try: nobody sends anything to a controller that is not ready. */
const TROUBLE_MS = 10_000

export function registerHealth(app: App, context: ServeContext): void {
  app.get('/healthz', async (_request, reply) => {
    const check = journalCheck(context.controller)
    // Only opening the journal anew helps: whoever watches over the process should start it again.
    const alive = check.ok || !isLasting(context.controller.trouble)
    reply.code(alive ? 200 : 503).header('cache-control', 'no-store')
    return alive ? { status: 'alive' } : { status: 'broken', message: check.message }
  })
  app.get('/readyz', async (_request, reply): Promise<Readiness> => {
    const readiness = readinessOf(context)
    reply.code(readiness.ready ? 200 : 503).header('cache-control', 'no-store')
    return readiness
  })
}

export function readinessOf({
  controller,
  declarations,
  checks: more,
}: Omit<ServeContext, 'log' | 'adminTokenHash'>): Readiness {
  const checks = [
    journalCheck(controller),
    ...replicaCheck(controller),
    clockCheck(controller),
    ...declarations.map((source) => declarationsCheck(controller, source, declarations.length > 1)),
    catalogCheck(controller),
    ...(more?.() ?? []),
  ]
  return { ready: checks.every(({ ok }) => ok), checks }
}

function journalCheck({ trouble, troubledAt, journal }: Controller): Check {
  const name = 'journal'
  const lasting = isLasting(trouble)
  const passing = trouble instanceof JournalError && ['DiskFull', 'Unavailable'].includes(trouble.code)
  if (lasting || (passing && performance.now() - troubledAt < TROUBLE_MS))
    return { name, ok: false, message: reasonOf(trouble) }
  return { name, ok: true, message: `${journal.lastSeq} facts` }
}

/** A replica with so many facts to fold yet answers from a state that is seconds old at most. */
const MAX_LAG = 10_000

// Devices are served by followers as well; what they must not be served is an old state.
function replicaCheck(controller: Controller): Check[] {
  const { follower } = controller
  if (follower === undefined) return []
  const database = databaseCheck(controller)
  if (!database.ok) return [database]
  const { term, lag } = follower
  const part = term === undefined ? 'it follows' : `it leads, term ${term}`
  return [{ name: 'replica', ok: lag <= MAX_LAG, message: `${part}; ${lag} facts behind` }]
}

/** Whether the database that replicas share was heard from; a journal of one controller alone always is. */
export function databaseCheck({ journal }: Controller): Check {
  const silentMs = 'heardAt' in journal && typeof journal.heardAt === 'number' ? performance.now() - journal.heardAt : 0
  const seconds = Math.floor(silentMs / 1000)
  return { name: 'replica', ok: silentMs <= TROUBLE_MS, message: `the database was silent for ${seconds} s` }
}

/** A clock that is set back by less puts off what is due, and no more. */
const BEHIND_MS = HOUR

// Time never goes back in the state: after a fact from a wrong future nothing becomes due until that has come.
export function clockCheck({ state, clock }: Controller): Check {
  const behind = state.clock - clock.nowMs()
  if (behind <= BEHIND_MS) return { name: 'clock', ok: true, message: 'it goes forward' }
  const hours = Math.floor(behind / HOUR)
  const message = `it is ${hours} hours behind the newest fact (${toRfc3339(state.clock)}), and nothing becomes due by time until then: set it right, or restore the data folder from before it was wrong`
  return { name: 'clock', ok: false, message }
}

// About what was sent, or about a database that others look after: starting this process anew would not help.
const PASSING: readonly JournalErrorCode[] = ['Busy', 'TooLarge', 'Invalid', 'DiskFull', 'Unavailable', 'Fenced']

function isLasting(trouble: unknown): boolean {
  if (trouble === undefined) return false
  return !(trouble instanceof JournalError) || !PASSING.includes(trouble.code)
}

function declarationsCheck({ state }: Controller, source: string, isOneOfSeveral: boolean): Check {
  const name = isOneOfSeveral ? `declarations ${source}` : 'declarations'
  const record = state.sources.get(source)
  if (record?.revision !== undefined) {
    const rejected = record.rejected ? `; a later edit is not in force: ${record.rejected.total} problems` : ''
    return { name, ok: true, message: `revision ${record.revision} is in force${rejected}` }
  }
  if (record?.rejected === undefined)
    return { name, ok: false, message: record?.failure?.message ?? `${source} has not been read yet` }
  const { problems, total } = record.rejected
  const first = problems[0]
  const where = first === undefined ? '' : `: ${first.file}:${first.line}: ${first.message}`
  return { name, ok: false, message: `nothing is in force, because of ${total} problems${where}` }
}

function isTried(feed: FeedRecord | undefined): boolean {
  return feed?.syncedAt !== undefined || feed?.failure !== undefined
}

function catalogCheck({ state }: Controller): Check {
  const untried: string[] = []
  for (const object of state.objects.UpdateSource.values())
    if (object.kind === 'UpdateSource' && !object.spec.suspend && !isTried(state.feeds.get(object.name)))
      untried.push(object.name)
  const waiting = untried.sort().slice(0, 10).join(', ')
  return untried.length === 0
    ? { name: 'catalog', ok: true, message: `${state.catalog.ids.length} updates` }
    : { name: 'catalog', ok: false, message: `not synchronised yet: ${waiting}` }
}
