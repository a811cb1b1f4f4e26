// What many rules select of a catalog at an instant, all of them together. There is one way: to judge rows by all the rules at once,
// and to put what has become different into each rule's plane. At first these rows are the whole catalog; after that, of selections
// that are kept, those that changed and those whose age is judged in another way now.
import { type BitPlane, clearBit, newPlane, setBit } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { grown, haveRead } from '../model/typed-arrays.ts'
import type { Catalog } from './catalog.ts'
import { rowsChangedSince } from './changes.ts'
import { type Columns, columnsOf, EXPLOITED, KNOWN_ISSUE, rowsBetween, SELECTABLE } from './columns.ts'
import { type Age, ageBounds, type CompiledCriteria, compileCriteria } from './compiled-criteria.ts'
import { judgeNumbers, moveRanges, newRangeTable, type Range, type RangeTable } from './range-table.ts'
import { BLOCK, type Block, newBlock } from './rule-masks.ts'
import { supersededRows, supersededSince } from './supersedence.ts'
import { textProperties } from './text-properties.ts'
import { forgetValues, judgeTexts, newTextTable, type TextTable } from './text-table.ts'

/** Beyond this, so many updates have come of another age that to look for them is no gain. */
const NEAR = 31 * DAY

/** The bit after those of a row's flags. */
const SUPERSEDED = 8

/** What there are tables of. */
const TABLES = [...textProperties, 'released', 'revised', 'sizeBytes'] as const

/**
 * Which updates may be selected at all. `Selectable`: what is neither expired, declined nor without content, and superseded only where
 * the criteria say so. `Any`: whatever its state, with the superseded updates given.
 */
export type Scope = { readonly type: 'Selectable' } | { readonly type: 'Any'; readonly superseded: BitPlane }

type Selections = {
  readonly scope: Scope
  readonly columns: Columns
  /** Of a verdict: a bit for each rule. */
  readonly words: number
  /** By the flags of a row, and whether it is superseded; a mask of all words each. */
  readonly flags: Uint32Array
  /** By the same: 1 where any rule is left. */
  readonly suited: Uint8Array
  readonly texts: readonly TextTable[]
  readonly sizes: RangeTable<Range> | undefined
  readonly ages: readonly RangeTable<Age>[]
  readonly block: Block
  /** What the verdicts hold for; −1 before there are any. */
  version: number
  now: EpochMs
  /** Row after row. */
  verdicts: Uint32Array
  /** Row → 1 where the verdict selects it for any rule, else 0. */
  open: Uint8Array
  /** The same for each of the criteria, and for each rule: the same planes in another order. */
  readonly planes: readonly BitPlane[]
  readonly ruled: readonly BitPlane[]
}

type Kept = {
  readonly criteria: readonly Criteria[]
  readonly places: ReadonlyMap<Criteria, number>
  selections: Selections | undefined
}

const kept = new WeakMap<Catalog, Kept>()

/** From now on, until it is called with others, keeps what these criteria select: asking again costs what has changed. */
export function keepSelections(catalog: Catalog, criteria: readonly Criteria[]): void {
  if (kept.get(catalog)?.criteria === criteria) return
  const places = new Map(criteria.map((one, place) => [one, place]))
  kept.set(catalog, { criteria, places, selections: undefined })
}

/** Rows by criteria, whatever these ask besides the catalog and the time. The planes are shared: do not change them. */
export function selectRows(
  catalog: Catalog,
  criteria: readonly Criteria[],
  now: EpochMs,
  scope: Scope = { type: 'Selectable' },
): readonly BitPlane[] {
  const selections = newSelections(catalog, criteria, scope)
  bringUp(catalog, selections, now)
  return selections.planes
}

/** The same by one criteria that are kept; undefined when they are not. */
export function keptRows(catalog: Catalog, criteria: Criteria, now: EpochMs): BitPlane | undefined {
  const own = kept.get(catalog)
  const place = own?.places.get(criteria)
  if (own === undefined || place === undefined) return undefined
  const { selections } = own
  if (selections?.version === catalog.version && selections.now === now) return selections.planes[place]
  const columns = columnsOf(catalog)
  if (selections?.columns !== columns) own.selections = newSelections(catalog, own.criteria, { type: 'Selectable' })
  if (own.selections) bringUp(catalog, own.selections, now)
  return own.selections?.planes[place]
}

function newSelections(catalog: Catalog, criteria: readonly Criteria[], scope: Scope): Selections {
  const columns = columnsOf(catalog)
  const order = arranged(criteria)
  const rules = order.map(({ one }) => compileCriteria(one))
  const words = (rules.length + 31) >>> 5
  const asked = (property: 'released' | 'revised') =>
    newRangeTable<Age>(
      columns,
      property,
      rules.map((rule) => rule[property]),
      words,
    )
  const planes = criteria.map(() => newPlane(catalog.ids.length))
  const flags = flagMasks(rules, words, scope)
  return {
    scope,
    columns,
    words,
    flags,
    suited: Uint8Array.from({ length: 16 }, (_, i) =>
      flags.subarray(i * words, (i + 1) * words).some(Boolean) ? 1 : 0,
    ),
    texts: textProperties.flatMap((property) => newTextTable(columns, rules, words, property) ?? []),
    sizes: sizeTable(columns, rules, words),
    ages: [asked('released'), asked('revised')].flatMap((table) => table ?? []),
    block: newBlock(words),
    version: -1,
    now: 0,
    verdicts: new Uint32Array(0),
    open: new Uint8Array(0),
    planes,
    ruled: order.flatMap(({ place }) => planes[place] ?? []),
  }
}

/** Those that ask for the same properties side by side, so that each property concerns few words of a verdict. */
function arranged(criteria: readonly Criteria[]): { readonly one: Criteria; readonly place: number }[] {
  const asked = (one: Criteria) => TABLES.filter((property) => one[property] !== undefined).join()
  const named = criteria.map((one, place) => ({ one, place, asked: asked(one) }))
  return named.sort((a, b) => (a.asked < b.asked ? -1 : a.asked > b.asked ? 1 : 0))
}

function flagMasks(rules: readonly CompiledCriteria[], words: number, { type }: Scope): Uint32Array {
  const masks = new Uint32Array(16 * words)
  for (const [rule, { criteria }] of rules.entries())
    for (let flags = 0; flags < 16; flags++) {
      const suits = (flag: number, wanted: boolean | 'Any' | undefined) =>
        typeof wanted !== 'boolean' || wanted === ((flags & flag) !== 0)
      const at = flags * words + (rule >>> 5)
      if (
        (type === 'Any' || (flags & SELECTABLE) !== 0) &&
        suits(SUPERSEDED, criteria.superseded ?? (type === 'Any' ? 'Any' : false)) &&
        suits(KNOWN_ISSUE, criteria.knownIssue) &&
        suits(EXPLOITED, criteria.exploited)
      )
        masks[at] = (masks[at] ?? 0) | (1 << (rule & 31))
    }
  return masks
}

function sizeTable(columns: Columns, rules: readonly CompiledCriteria[], words: number): RangeTable<Range> | undefined {
  const asked = rules.map(({ sizeBytes }) => sizeBytes && { from: sizeBytes.min, until: sizeBytes.max })
  const table = newRangeTable<Range>(columns, 'sizeBytes', asked, words)
  if (table) moveRanges(table, (range) => range)
  return table
}

function bringUp(catalog: Catalog, selections: Selections, now: EpochMs): void {
  if (selections.version === catalog.version && selections.now === now) return
  const { words, scope, columns, block } = selections
  const total = catalog.ids.length
  const superseded = scope.type === 'Any' ? scope.superseded : supersededRows(catalog)
  const rows = rowsToJudge(catalog, selections, now)
  selections.verdicts = grown(selections.verdicts, total * words, (length) => new Uint32Array(length))
  selections.open = grown(selections.open, total, (length) => new Uint8Array(length))
  const count = rows?.length ?? total
  for (let i = 0; i < count; i++) {
    const row = rows ? (rows[i] ?? 0) : i
    const isSuperseded = ((superseded.words[row >>> 5] ?? 0) >>> (row & 31)) & 1
    const flags = (columns.flags[row] ?? 0) + isSuperseded * SUPERSEDED
    // What no rule selects, and none did, needs no more.
    if (selections.suited[flags] === 0 && selections.open[row] === 0) continue
    block.rows[block.count] = row
    block.masks[block.count++] = flags * words
    if (block.count === BLOCK) judge(catalog, selections, block)
  }
  if (block.count > 0) judge(catalog, selections, block)
  selections.version = catalog.version
  selections.now = now
}

/** Rows on which the verdict may be another one than before, some more than once; undefined for all. Moves the ages to `now`. */
function rowsToJudge(catalog: Catalog, selections: Selections, now: EpochMs): readonly number[] | undefined {
  const { version, texts, ages } = selections
  const isNear = version >= 0 && Math.abs(now - selections.now) <= NEAR
  const moved: number[] = []
  for (const table of now === selections.now && version >= 0 ? [] : ages)
    for (const [from, until] of moveRanges(table, (age) => ageBounds(age, now)))
      for (const row of isNear ? rowsBetween(table.column, catalog.ids.length, from, until) : []) moved.push(row)
  const changed = rowsChangedSince(catalog, version)
  for (const table of texts) forgetValues(table, changed)
  const flipped = supersededSince(catalog, version)
  return isNear && changed && flipped ? [...changed, ...flipped, ...moved] : undefined
}

/** Judges the rows of the block, of which `masks` has the flags, and empties it. */
function judge({ updates }: Catalog, selections: Selections, block: Block): void {
  const { words, flags, texts, sizes, ages } = selections
  const { verdicts, masks, count } = block
  for (let word = 0; word < words; word++)
    for (let i = 0; i < count; i++) verdicts[word * BLOCK + i] = flags[(masks[i] ?? 0) + word] ?? 0
  for (const table of ages) judgeNumbers(table, block)
  if (sizes) judgeNumbers(sizes, block)
  for (const table of texts) judgeTexts(table, updates, block)
  settle(selections, block)
  block.count = 0
}

function settle({ words, verdicts, open, ruled }: Selections, block: Block): void {
  haveRead(readVerdicts(verdicts, words, block))
  for (let i = 0; i < block.count; i++) {
    const row = block.rows[i] ?? 0
    let any = 0
    for (let word = 0; word < words; word++) {
      const at = row * words + word
      const after = block.verdicts[word * BLOCK + i] ?? 0
      any |= after
      const different = (verdicts[at] ?? 0) ^ after
      if (different === 0) continue
      verdicts[at] = after
      putInPlanes(ruled, word * 32, row, different, after)
    }
    open[row] = any === 0 ? 0 : 1
  }
}

// These reads do not depend on each other, so that the processor waits for many at once.
function readVerdicts(verdicts: Uint32Array, words: number, { rows, count }: Block): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += (verdicts[(rows[i] ?? 0) * words] ?? 0) & 1
  return sum
}

function putInPlanes(ruled: readonly BitPlane[], first: number, row: number, changed: number, after: number): void {
  let different = changed
  while (different !== 0) {
    const bit = 31 - Math.clz32(different)
    different ^= 1 << bit
    const plane = ruled[first + bit]
    if (plane === undefined) continue
    if ((after >>> bit) & 1) setBit(plane, row)
    else clearBit(plane, row)
  }
}
