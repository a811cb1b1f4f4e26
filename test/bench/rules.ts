// Rules over a large catalog: all of them from nothing, again at a later instant, and after a synchronisation; beside them a
// plain filter over objects, compiled once for each rule.
import { type Catalog, copyCatalog, newCatalog, putUpdates } from '../../controller/catalog/catalog.ts'
import { selectUpdates } from '../../controller/catalog/criteria.ts'
import { indexOf } from '../../controller/catalog/criteria-index.ts'
import { supersededRows } from '../../controller/catalog/supersedence.ts'
import { countBits, hasBit, planeRows } from '../../controller/model/bit-plane.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import { HOUR } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { generateRules, generateUpdate, generateUpdates, NOW } from './catalog-data.ts'
import { mustBe, type Row, type Size, timeInTurns } from './measure.ts'
import { type Plain, plainFilter, plainUpdate } from './plain-filter.ts'

const SYNCED = 500
const SOURCE = 'generated'

export function benchRules(size: Size): Row[] {
  const [updateCount, ruleCount] = size === 'full' ? [100_000, 300] : [10_000, 100]
  const updates = generateUpdates(updateCount)
  const catalog = newCatalog()
  putUpdates(catalog, SOURCE, updates)
  const rules = generateRules(ruleCount)
  const matched = compareResults(catalog, rules)
  const [again = [], anew = [], cold = [], plain = []] = timeFull(catalog, rules)
  const operations = updateCount * ruleCount
  const row = (name: string, ms: number[], goal?: string): Row => ({
    subject: 'rules',
    name,
    operation: 'rule × update',
    ours: { operations, ms },
    baseline: { operations, ms: plain, what: 'filter over objects, conditions compiled' },
    ...(goal !== undefined && { goal }),
  })
  const title = `${ruleCount} rules × ${updateCount} updates`
  const notes = [`${matched} matches in all; the same from both`]
  return [
    { ...row(`${title}, at a later instant`, again, size === 'full' ? '20 ms' : undefined), notes },
    row(`${title}, every plane made anew`, anew),
    row(`${title}, from a catalog just loaded`, cold),
    ...syncs(catalog).map((sync) => benchSync(catalog, rules, sync)),
  ]
}

function compareResults(catalog: Catalog, rules: readonly Criteria[]): number {
  const plain = plainOf(catalog)
  const context = contextAt(NOW)
  let matched = 0
  for (const [i, criteria] of rules.entries()) {
    const rows = planeRows(selectUpdates(catalog, criteria, context))
    const holds = plainFilter(criteria, NOW)
    const expected = plain.flatMap((update, row) => (holds(update) ? [row] : []))
    mustBe(rows.length === expected.length && rows.every((row, j) => row === expected[j]), `rule ${i}`)
    matched += rows.length
  }
  mustBe(matched > rules.length, 'rules that match next to nothing measure nothing')
  return matched
}

function timeFull(catalog: Catalog, rules: readonly Criteria[]): number[][] {
  const plain = plainOf(catalog)
  let now = NOW
  let fresh = catalog
  let expected = -1
  const evaluate = (over: Catalog, at: number) => {
    let total = 0
    for (const criteria of rules) total += countBits(selectUpdates(over, criteria, contextAt(at)))
    mustBe(expected < 0 || at !== NOW || total === expected, 'the number of matches')
    if (at === NOW) expected = total
  }
  return timeInTurns(
    {
      prepare: () => {
        now += HOUR
      },
      run: () => evaluate(catalog, now),
    },
    {
      prepare: () => {
        catalog.version++
      },
      run: () => evaluate(catalog, NOW),
    },
    {
      prepare: () => {
        fresh = copyCatalog(catalog)
      },
      run: () => evaluate(fresh, NOW),
    },
    {
      run: () => {
        let total = 0
        for (const criteria of rules) {
          const holds = plainFilter(criteria, NOW)
          for (const update of plain) if (holds(update)) total++
        }
        mustBe(expected < 0 || total === expected, 'the number of matches')
      },
    },
  )
}

type Synced = { readonly name: string; readonly goal?: string; readonly next: (turn: number) => Update[] }

/** Records that came again with another title, size and severity, and new ones that supersede older ones. */
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
  ]
}

// Measured against the least that a plain way could do: its filter on the changed updates alone.
function benchSync(catalog: Catalog, rules: readonly Criteria[], { name, goal, next }: Synced): Row {
  let turn = 0
  let changed: Update[] = []
  let plain: Plain[] = []
  const [ours = [], baseline = []] = timeInTurns(
    {
      prepare: () => {
        changed = next(turn++)
      },
      run: () => {
        putUpdates(catalog, SOURCE, changed)
        for (const criteria of rules) selectUpdates(catalog, criteria, contextAt(NOW))
      },
    },
    {
      prepare: () => {
        plain = changed.map((update) => plainUpdate(update, false))
      },
      run: () => {
        let total = 0
        for (const criteria of rules) {
          const holds = plainFilter(criteria, NOW)
          for (const update of plain) if (holds(update)) total++
        }
        mustBe(total >= 0, 'a count')
      },
    },
  )
  compareResults(catalog, rules)
  const operations = SYNCED * rules.length
  return {
    subject: 'rules',
    name: `${rules.length} rules after ${name}`,
    operation: 'rule × changed update',
    ours: { operations, ms: ours },
    baseline: { operations, ms: baseline, what: 'the filter on the changed updates alone, supersedence not followed' },
    ...(goal !== undefined && { goal }),
  }
}

function plainOf(catalog: Catalog): Plain[] {
  const superseded = supersededRows(catalog)
  const { selectable } = indexOf(catalog)
  mustBe(countBits(selectable) === catalog.ids.length, 'every update can be selected')
  return catalog.updates.map((update, row) => plainUpdate(update, hasBit(superseded, row)))
}

function contextAt(now: number) {
  return { now, requiredCount: () => 1, isDeployed: () => false }
}
