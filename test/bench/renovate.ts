// Renovate's package rules beside ours: the same conditions on the same updates, by its own `applyPackageRules`. What Renovate is
// made of is installed into a cache folder, once, from the lock file in renovate/.
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Criteria } from '../../controller/model/criteria.ts'
import { type EpochMs, MINUTE } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { run } from '../cluster/command.ts'
import { cacheEntry, madeOnce } from '../tools/cache-folder.ts'

const PINS = join(import.meta.dirname, 'renovate')
const INSTALL_MINUTES = 10

/** How many days the ages of rules are in Renovate's terms, which know no calendar months. */
const DAYS: Readonly<Record<string, number>> = { P30D: 30, P1M: 30, P3M: 90, P1Y: 365 }

/** Renovate's configuration of one update; what rules match against, and what they have added. */
export type Dependency = Readonly<Record<string, unknown>>

type ApplyPackageRules = (config: Dependency) => Promise<{ readonly addLabels?: readonly string[] }>

/** Installs Renovate if that has not been done, which takes a minute, and loads it. */
export async function loadRenovate(): Promise<ApplyPackageRules> {
  const pins = ['package.json', 'package-lock.json', '.npmrc']
  const paths = pins.map((name) => join(PINS, name))
  const entry = await cacheEntry('bench', process.env.RINGMASTER_BENCH_CACHE, 'renovate', paths)
  const folder = await madeOnce(entry, async (into) => {
    process.stderr.write('# installing Renovate, once\n')
    for (const name of pins) await fs.copyFile(join(PINS, name), join(into, name))
    await run('npm', ['ci'], { cwd: into, env: process.env, timeoutMs: INSTALL_MINUTES * 60_000 })
  })
  process.env.LOG_LEVEL = 'fatal'
  const module = (path: string) => import(pathToFileURL(join(folder, 'node_modules/renovate/dist', path)).href)
  await (await module('logger/index.js')).init()
  return (await module('util/package-rules/index.js')).applyPackageRules
}

/** The criteria without what Renovate's matchers cannot say (a size; longer ago than), and with ages in days. */
export function sharedCriteria({ sizeBytes: _, released, ...rest }: Criteria): Criteria {
  return { ...rest, ...(released && { released: { within: `P${daysOf(released.within)}D` } }) }
}

/** Products are its categories, classifications its datasources, vendors its managers, severities its update types, CVEs its registry URLs. */
export function packageRule(criteria: Criteria, label: string): Readonly<Record<string, unknown>> {
  const { products, classifications, severities, vendors, titles, cves, released } = criteria
  const list = (texts: readonly string[] | undefined) => texts?.map((text) => text.replace(/^-/, '!'))
  const rule = {
    matchIsBreaking: false,
    matchCategories: list(products),
    matchDatasources: list(classifications),
    matchUpdateTypes: list(severities),
    matchManagers: list(vendors),
    matchRegistryUrls: list(cves),
    matchDepNames: titles?.map((text) => (text.startsWith('-') ? `!/${text.slice(1)}/i` : `/${text}/i`)),
    matchCurrentAge: released && `<= ${daysOf(released.within)} days`,
    addLabels: [label],
  }
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined))
}

/**
 * Renovate looks at the clock: releases are moved as far as it is from `now`, and half an hour on, so that none of the updates, which
 * are released on the hour, comes to be too old meanwhile.
 */
export function dependencyOf(update: Update, superseded: boolean, now: EpochMs): Dependency {
  const released = update.released + (Date.now() - now) + 30 * MINUTE
  return {
    depName: update.title,
    categories: update.products,
    datasource: update.classification,
    updateType: update.severity,
    manager: update.vendor,
    registryUrls: update.cves,
    isBreaking: superseded,
    currentVersionTimestamp: new Date(released).toISOString(),
  }
}

function daysOf(span: string | undefined): number {
  const days = DAYS[span ?? ''] ?? Number(/^P(\d+)D$/.exec(span ?? '')?.[1])
  if (!(days > 0)) throw new Error(`no number of days is known for ${span}`)
  return days
}
