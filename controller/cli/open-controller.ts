// The controller on its journal: a file of its own, or a database that several replicas share.
import { hostname } from 'node:os'
import { PostgresElection } from '../journal/postgres-election.ts'
import { openPostgresJournal, type PostgresJournal } from '../journal/postgres-journal.ts'
import { isPostgresUrl } from '../journal/postgres-url.ts'
import { openSqliteJournal } from '../journal/sqlite-journal.ts'
import type { Fact } from '../model/facts.ts'
import { reasonOf } from '../model/reason.ts'
import { Controller, type ControllerOptions } from '../runtime/controller.ts'
import { decodeFact } from '../runtime/fact-codec.ts'
import type { Leadership } from '../runtime/leadership.ts'
import type { Log } from '../runtime/log.ts'
import { hashSecret } from '../serve/auth.ts'
import type { Secrets } from './data-folder.ts'
import { StartError } from './start-error.ts'

/** Where the journal is. */
export type JournalPlace =
  | { readonly type: 'File'; readonly file: string }
  | { readonly type: 'Postgres'; readonly url: string; readonly replica: string }

export type Hooks = Pick<ControllerOptions, 'clock' | 'onDecisions' | 'onError' | 'snapshotEvery'>

export type Opened = {
  readonly controller: Controller
  /** Makes sure that every replica goes by the same secrets. Rejects with a StartError. */
  readonly agreeOn: (secrets: Secrets) => Promise<void>
}

/** The name of a replica that was given none: it is shown, and tells the replicas of one journal apart. */
export function defaultReplica(): string {
  return `${hostname()}-${process.pid}`
}

/**
 * What `--journal` and RINGMASTER_JOURNAL name: `sqlite`, the file in the data folder, or a URL of PostgreSQL. Of anything else
 * it says what is wrong.
 */
export function journalPlace(named: string, replica: string | undefined, file: string): JournalPlace | string {
  if (isPostgresUrl(named)) return { type: 'Postgres', url: named, replica: replica ?? defaultReplica() }
  // Not quoted: it may hold a password all the same.
  if (named !== 'sqlite')
    return '--journal must be sqlite, or a URL such as postgres://USER@HOST/DATABASE?schema=ringmaster'
  if (replica !== undefined)
    return '--replica is for several replicas of one journal: name a PostgreSQL database with --journal'
  return { type: 'File', file }
}

/** `elected`: who leads, where that is not for the database to say. Rejects with a StartError. */
export async function openController(
  place: JournalPlace,
  hooks: Hooks,
  log: Log,
  elected?: Leadership,
): Promise<Opened> {
  try {
    if (place.type === 'Postgres') return await openReplica(place, hooks, log, elected)
    const controller = await Controller.open({ journal: openSqliteJournal(place.file, decodeFact), ...hooks })
    return { controller, agreeOn: async () => {} }
  } catch (error) {
    throw error instanceof StartError ? error : new StartError(reasonOf(error), error)
  }
}

async function openReplica(
  { url, replica }: Extract<JournalPlace, { readonly type: 'Postgres' }>,
  hooks: Hooks,
  log: Log,
  elected: Leadership | undefined,
): Promise<Opened> {
  const journal = await openPostgresJournal<Fact>(url, decodeFact)
  const onTrouble = (message: string) => log.warn(`the election: ${message}; it is tried again`, { replica })
  const leadership = elected ?? new PostgresElection(url, replica, { onTrouble })
  try {
    const controller = await Controller.open({ replication: { journal, leadership }, ...hooks })
    log.info(`replica ${replica}${controller.leading ? ' leads' : ' follows'}`, { replica })
    controller.follower?.subscribe((leads) =>
      log.info(`replica ${replica} ${leads ? 'leads' : 'does not lead any more'}`, {
        replica,
        term: controller.follower?.term,
      }),
    )
    return { controller, agreeOn: (secrets) => agree(journal, replica, secrets) }
  } catch (error) {
    await leadership.close()
    await journal.close()
    throw error
  }
}

// A secret that this replica made up by itself, because nobody gave it one, would be good here and nowhere else.
async function agree(
  journal: PostgresJournal<Fact>,
  replica: string,
  { adminToken, enrolmentKey, made }: Secrets,
): Promise<void> {
  for (const [name, secret] of Object.entries({ 'admin.token': adminToken, 'enrolment.key': enrolmentKey })) {
    const hash = hashSecret(secret)
    const before = await journal.tellSecret(name, hash, replica, made.includes(name))
    if (before !== undefined)
      throw new StartError(
        `the journal is shared, and replica ${before} has another ${name}: give this replica the same one, as the file ${name} in its data folder or by ${ENVIRONMENT[name]}`,
      )
  }
}

const ENVIRONMENT: Readonly<Record<string, string>> = {
  'admin.token': '$RINGMASTER_ADMIN_TOKEN',
  'enrolment.key': '$RINGMASTER_ENROLMENT_KEY',
}
