// The catalog's feeds in a simulation: read once before it begins, and synchronised on the virtual clock. An update is
// in a feed from its release on.
import type { FeedResult } from '../catalog/feeds/feed-result.ts'
import { parseFeed } from '../catalog/feeds/parse-feed.ts'
import { readFeed } from '../catalog/feeds/read-feed.ts'
import { planSync } from '../catalog/sync.ts'
import { counts } from '../fleet/compliance.ts'
import type { Declared } from '../model/declared.ts'
import type { CatalogSynced } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { isUnfinished } from '../rollout/control.ts'
import type { World } from '../rollout/world.ts'

export type Source = Extract<Declared, { readonly kind: 'UpdateSource' }>

/** By `feedKey`. */
export type Feeds = ReadonlyMap<string, FeedResult>

/** Where a source's feed comes from, and how it is read. */
export function feedKey({ spec }: Source): string {
  return `${spec.format} ${spec.url ?? spec.path ?? ''}`
}

/** Reads the feeds of all sources among the objects. Throws an Error that says which one cannot be read. */
export async function readFeeds(objects: Iterable<Declared>): Promise<Map<string, FeedResult>> {
  const feeds = new Map<string, FeedResult>()
  for (const object of objects) {
    if (object.kind !== 'UpdateSource' || object.spec.suspend || feeds.has(feedKey(object))) continue
    const { format, url, path } = object.spec
    const read = await readFeed(url ?? path ?? '', { folder: '.' })
    if (read.type === 'Failed') throw new Error(`UpdateSource ${object.name}: ${read.error.message}`)
    if (read.type === 'Read') feeds.set(feedKey(object), parseFeed(format, read.files))
  }
  return feeds
}

const MAX_NOTES = 100

/** What a synchronisation of the source at `now` comes to; undefined for one whose feed was not read. */
export function syncFact(world: World, source: Source, feeds: Feeds, now: EpochMs): CatalogSynced | undefined {
  const feed = feeds.get(feedKey(source))
  if (feed === undefined) return undefined
  const deployed = new Set([...world.control.rollouts.values()].filter(isUnfinished).flatMap(({ updates }) => updates))
  const plan = planSync(
    world.catalog,
    feed,
    {
      source: source.name,
      declines: source.spec.decline ?? [],
      requiredCount: (id) => counts(world.compliance, id).required,
      isDeployed: (id) => deployed.has(id),
      isGone: (other) => !world.objects.UpdateSource.has(other),
    },
    now,
  )
  const { upserts, declined, reinstated, vanished, returned, setAside, setAsideTotal, nextRelease } = plan
  return {
    type: 'CatalogSynced',
    source: source.name,
    change: { upserts, declined, reinstated, vanished, returned },
    setAside: setAside.map(({ position, reason }) => ({ position, reason })),
    setAsideTotal,
    notes: plan.conflicts.slice(0, MAX_NOTES).map(({ message }) => message),
    ...(nextRelease !== undefined && { nextRelease }),
  }
}
