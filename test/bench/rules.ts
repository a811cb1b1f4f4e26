// Rules over a large catalog: all of them from nothing, again at a later instant, and after a synchronisation; beside them a
// plain filter over objects, compiled once for each rule.
import {
  type Catalog,
  copyCatalog,
  newCatalog,
  putUpdates,
  reinstateUpdates,
  setStates,
} from '../../controller/catalog/catalog.ts'
import { columnsOf, SELECTABLE } from '../../controller/catalog/columns.ts'
import { selectUpdates } from '../../controller/catalog/criteria.ts'
import { keepSelections } from '../../controller/catalog/selections.ts'
import { supersededRows } from '../../controller/catalog/supersedence.ts'
import { applySync, type SyncChange } from '../../controller/catalog/sync.ts'
import { hasBit, planeRows, samePlane } from '../../controller/model/bit-plane.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import { DAY, type EpochMs, HOUR } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { generateRules, generateUpdate, generateUpdates, NOW } from './catalog-data.ts'
import { mustBe, type Row, type Size, timeInTurns, timeInTurnsAsync } from './measure.ts'
import { type Plain, plainFilter, plainUpdate } from './plain-filter.ts'
import { dependencyOf, loadRenovate, packageRule, sharedCriteria } from './renovate.ts'

const SYNCED = 500
/** Before one is timed: a process that has been up for a while has compiled what it does with them. */
const SYNCS_BEFORE = 20
const SOURCE = 'generated'
const YEAR = 365 * DAY
/** Updates that Renovate is given. */
const SAMPLE = 200

export async function benchRules(size: Size): Promise<Row[]> {
  const [updateCount, ruleCount] = size === 'full' ? [100_000, 300] : [10_000, 100]
  const updates = generateUpdates(updateCount)
  const catalog = newCatalog()
  putUpdates(catalog, SOURCE, updates)
  const rules = generateRules(ruleCount)
  keepSelections(catalog, rules)
  const matched = compareResults(catalog, rules, NOW)
  const [away = [], anew = [], cold = [], later = [], plain = []] = timeFull(catalog, rules)
  const operations = updateCount * ruleCount
  const row = (name: string, ms: number[], goal?: string): Row => ({
    subject: 'rules',
    name: `${ruleCount} rules × ${updateCount} updates, ${name}`,
    operation: 'rule × update',
    ours: { operations, ms },
    baseline: { operations, ms: plain, what: 'filter over objects, conditions compiled' },
    ...(goal !== undefined && { goal }),
  })
  const notes = [`${matched} matches in all; the same from both`]
  return [
    { ...row('every update judged anew', away, size === 'full' ? '20 ms' : undefined), notes },
    row('supersedence and all tables made anew', anew),
    row('from a catalog just loaded', cold),
    row('an hour later, nothing else changed', later),
    ...(size === 'full' ? [await benchRenovate(catalog, rules)] : []),
    ...syncs(catalog).flatMap((sync) => benchSync(catalog, rules, sync)),
    benchDecline(catalog, rules),
  ]
}

function compareResults(catalog: Catalog, rules: readonly Criteria[], now: EpochMs): number {
  const plain = plainOf(catalog)
  const context = contextAt(now)
  let matched = 0
  for (const [i, criteria] of rules.entries()) {
    const rows = planeRows(selectUpdates(catalog, criteria, context))
    const holds = plainFilter(criteria, now)
    const expected = plain.flatMap((update, row) => (holds(update) ? [row] : []))
    mustBe(rows.length === expected.length && rows.every((row, j) => row === expected[j]), `rule ${i}`)
    matched += rows.length
  }
  mustBe(matched > rules.length, 'rules that match next to nothing measure nothing')
  return matched
}

// An instant years away changes the age of so many updates that each is looked at again; by what has been made of the rules.
function timeFull(catalog: Catalog, rules: readonly Criteria[]): number[][] {
  const plain = plainOf(catalog)
  let hours = 0
  let fresh = catalog
  return timeInTurns(
    {
      prepare: () => selectAll(catalog, rules, NOW - YEAR),
      run: () => selectAll(catalog, rules, NOW),
    },
    {
      prepare: () => {
        catalog.version++
        keepSelections(catalog, rules.slice())
      },
      run: () => selectAll(catalog, rules, NOW),
    },
    {
      prepare: () => {
        fresh = copyCatalog(catalog)
        keepSelections(fresh, rules)
      },
      run: () => selectAll(fresh, rules, NOW),
    },
    {
      prepare: () => selectAll(catalog, rules, NOW + hours++ * HOUR),
      run: () => selectAll(catalog, rules, NOW + hours * HOUR),
    },
    {
      run: () => {
        let total = 0
        for (const criteria of rules) {
          const holds = plainFilter(criteria, NOW)
          for (const update of plain) if (holds(update)) total++
        }
        mustBe(total > 0, 'the number of matches')
      },
    },
  )
}

function selectAll(catalog: Catalog, rules: readonly Criteria[], now: EpochMs): void {
  const context = contextAt(now)
  for (const criteria of rules) selectUpdates(catalog, criteria, context)
}

// Renovate is given some of the updates, one after the other with all rules; ours all of them, as for `every update judged anew`.
async function benchRenovate(catalog: Catalog, rules: readonly Criteria[]): Promise<Row> {
  const applyPackageRules = await loadRenovate()
  const shared = rules.map(sharedCriteria)
  const superseded = supersededRows(catalog)
  const sample = Array.from({ length: SAMPLE }, (_, i) => Math.floor((i * catalog.ids.length) / SAMPLE))
  const packageRules = shared.map((criteria, i) => packageRule(criteria, `rule ${i}`))
  const dependencies = sample.flatMap((row) => {
    const update = catalog.updates[row]
    return update ? [{ ...dependencyOf(update, hasBit(superseded, row), NOW), packageRules }] : []
  })
  keepSelections(catalog, shared)
  const planes = shared.map((criteria) => selectUpdates(catalog, criteria, contextAt(NOW)))
  let pairs = 0
  for (const [i, dependency] of dependencies.entries()) {
    const labels = (await applyPackageRules(dependency)).addLabels ?? []
    const ours = planes.flatMap((plane, rule) => (hasBit(plane, sample[i] ?? -1) ? [`rule ${rule}`] : []))
    mustBe(labels.join() === ours.join(), `the rules of ${catalog.ids[sample[i] ?? -1]} by Renovate`)
    pairs += ours.length
  }
  mustBe(pairs > SAMPLE / 2, 'rules that match next to nothing measure nothing')
  const [ours = [], renovate = []] = await timeInTurnsAsync(
    {
      prepare: () => selectAll(catalog, shared, NOW - YEAR),
      run: async () => selectAll(catalog, shared, NOW),
    },
    {
      run: async () => {
        for (const dependency of dependencies) await applyPackageRules(dependency)
      },
    },
  )
  keepSelections(catalog, rules)
  return {
    subject: 'rules',
    name: `${rules.length} rules, every update judged anew, beside Renovate`,
    operation: 'rule × update',
    ours: { operations: catalog.ids.length * rules.length, ms: ours },
    baseline: {
      operations: SAMPLE * rules.length,
      ms: renovate,
      what: `applyPackageRules of Renovate, on ${SAMPLE} of the updates`,
    },
    goal: '≥ 1,000×',
    notes: [
      `${pairs} matches in the sample; the same from both`,
      'without sizes and `olderThan`, which its rules lack',
    ],
  }
}

type Synced = { readonly name: string; readonly goal?: string; readonly next: (turn: number) => Update[] }

/**
 * Records that came again with another title, size and severity, and some of them naming others than before; and new ones that
 * supersede older ones, and each other.
 */
function syncs(catalog: Catalog): Synced[] {
  const known = catalog.ids.length
  const step = Math.floor(known / SYNCED)
  const numbers = Array.from({ length: SYNCED }, (_, i) => i)
  return [
    {
      name: `a sync of ${SYNCED} changed updates`,
      goal: '0.2 ms',
      next: (turn) => numbers.map((i) => generateUpdate(i * step, turn + 2)),
    },
    {
      name: `a sync of ${SYNCED} new updates`,
      next: (turn) =>
        numbers.map((i) => {
          const update = generateUpdate(known + turn * SYNCED + i, 1)
          return { ...update, supersedes: i % 3 > 0 ? [generateUpdate(known - 1 - i, 1).id] : [] }
        }),
    },
    {
      name: `a sync of ${SYNCED} changed updates that name others than before`,
      next: (turn) =>
        numbers.map((i) => {
          const other = (i * step + 1000 + 7 * turn) % known
          return { ...generateUpdate(i * step, turn + 2), supersedes: [generateUpdate(other, 1).id] }
        }),
    },
    {
      name: `a sync of ${SYNCED} new updates in chains`,
      next: (turn) =>
        numbers.map((i) => {
          const first = 10 * known + turn * SYNCED
          const before = i % 10 === 0 ? known - 1 - i : first + i - 1
          return { ...generateUpdate(first + i, 1), supersedes: [generateUpdate(before, 1).id] }
        }),
    },
  ]
}

// Measured against the least that a plain way could do: its filter on the changed updates alone. What a feed gives is checked and
// folded first, which is a figure of its own; reading the rest of the feed and comparing it with the catalog is in none.
function benchSync(catalog: Catalog, rules: readonly Criteria[], { name, goal, next }: Synced): Row[] {
  let turn = 0
  let now = NOW
  let changed: readonly Update[] = []
  let plain: Plain[] = []
  const prepare = () => {
    changed = next(turn++)
    now += HOUR
  }
  const takeIn = () => applySync(catalog, SOURCE, { ...NO_CHANGE, upserts: changed })
  for (let sync = 0; sync < SYNCS_BEFORE; sync++) {
    prepare()
    takeIn()
    selectAll(catalog, rules, now)
  }
  const [taken = [], ours = [], baseline = []] = timeInTurns(
    { prepare, run: takeIn },
    { run: () => selectAll(catalog, rules, now) },
    {
      prepare: () => {
        plain = changed.map((update) => plainUpdate(update, false))
      },
      run: () => {
        let total = 0
        for (const criteria of rules) {
          const holds = plainFilter(criteria, now)
          for (const update of plain) if (holds(update)) total++
        }
        mustBe(total >= 0, 'a count')
      },
    },
  )
  compareResults(catalog, rules, now)
  compareSupersedence(catalog)
  return [
    {
      subject: 'rules',
      name: `${name} folded into the catalog`,
      operation: 'update',
      ours: { operations: SYNCED, ms: taken },
    },
    {
      subject: 'rules',
      name: `${rules.length} rules after ${name}, an hour later: all selections current`,
      operation: 'rule × changed update',
      ours: { operations: SYNCED * rules.length, ms: ours },
      baseline: {
        operations: SYNCED * rules.length,
        ms: baseline,
        what: 'the filter on the changed updates alone, supersedence not followed',
      },
      ...(goal !== undefined && { goal }),
    },
  ]
}

// An update in the middle of a chain is hidden, and shown again; beside it the same when nobody knows what has changed.
function benchDecline(catalog: Catalog, rules: readonly Criteria[]): Row {
  const row = planeRows(supersededRows(catalog)).find((one) => catalog.updates[one]?.supersedes.length === 1)
  const ids = catalog.ids.slice(row, (row ?? 0) + 1)
  const mark = (look: () => void) => {
    setStates(catalog, ids, 'Declined')
    look()
    reinstateUpdates(catalog, ids)
    look()
  }
  mark(() => compareSupersedence(catalog))
  const [ours = [], anew = []] = timeInTurns(
    { run: () => mark(() => selectAll(catalog, rules, NOW)) },
    {
      run: () =>
        mark(() => {
          catalog.version++
          selectAll(catalog, rules, NOW)
        }),
    },
  )
  return {
    subject: 'rules',
    name: `${rules.length} rules after an update is declined, and after it is reinstated: all selections current`,
    operation: 'mark',
    ours: { operations: 2, ms: ours },
    baseline: { operations: 2, ms: anew, what: 'supersedence made anew, every update judged' },
  }
}

function compareSupersedence(catalog: Catalog): void {
  mustBe(samePlane(supersededRows(catalog), supersededRows(copyCatalog(catalog))), 'supersedence made anew')
}

const NO_CHANGE: SyncChange = { upserts: [], declined: [], reinstated: [], vanished: [], returned: [] }

function plainOf(catalog: Catalog): Plain[] {
  const superseded = supersededRows(catalog)
  const { flags } = columnsOf(catalog)
  mustBe(
    catalog.ids.every((_, row) => ((flags[row] ?? 0) & SELECTABLE) !== 0),
    'every update can be selected',
  )
  return catalog.updates.map((update, row) => plainUpdate(update, hasBit(superseded, row)))
}

function contextAt(now: number) {
  return { now, requiredCount: () => 1, isDeployed: () => false }
}
