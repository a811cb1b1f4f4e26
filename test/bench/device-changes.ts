// One device after the other changes, all over a large fleet: its collections and the phases of a rollout are brought up to date,
// beside tables in SQLite in which the same is kept.
import { DatabaseSync } from 'node:sqlite'
import {
  type Collections,
  compileCollections,
  evaluateAll,
  reevaluateDevice,
} from '../../controller/fleet/collections.ts'
import { enrolDevice, type Fleet, newFleet, readAttributes, setAttributes } from '../../controller/fleet/fleet.ts'
import { hasBit, newPlane } from '../../controller/model/bit-plane.ts'
import type { CollectionSpec } from '../../controller/model/collection.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import { isStarted } from '../../controller/rollout/control.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { declare, declared, enrolled, reported } from '../support/declare.ts'
import { NOW } from './catalog-data.ts'
import { COLUMNS, conditionSql, threeConditions, valuesOf } from './collection-sql.ts'
import { catalogOf, deviceAttributes, deviceName, foldAll, foldAndDecide, updateIds } from './fleet-data.ts'
import { mustBe, type Row, type Size, timeInTurns } from './measure.ts'

type Change = { readonly row: number; readonly attributes: Record<string, string> }

/** Devices of a run, others in each. The database is asked for the first of them only. */
const CHANGED = 20_000
const CHANGED_SQL = 200
/** Reports between two decisions. */
const BATCH = 1000
/**
 * Changes that are made up at a time, as a controller reads what it folds next. Were they made up all before, the collector would
 * move them while the clock runs, which takes a fifth of what is measured.
 */
const MADE_UP = 1000
/** Every tenth device of a batch comes into the collection of the phase under way. */
const JOINS = 10
/** Devices that are read ahead together, as the controller does with what comes in one turn. */
const AHEAD = 32

export function benchDeviceChanges(size: Size): Row[] {
  const [devices, count] = size === 'full' ? [1_000_000, 1000] : [50_000, 100]
  return [...collectionsRows(devices, count), ...collectionsRows(devices, 50), phasesRow(devices)]
}

function collectionsRows(devices: number, count: number): Row[] {
  const fleet = newFleet()
  for (let i = 0; i < devices; i++) enrolDevice(fleet, deviceName(i), deviceAttributes(i), i)
  const specs = new Map(Array.from({ length: count }, (_, i) => [`c${i}`, threeConditions(i)]))
  const collections = compileCollections(specs)
  evaluateAll(fleet, collections)
  const sql = tables(devices, specs)
  let turn = 0
  const [ahead, alone]: [Change[], Change[]] = [[], []]
  const changing = (changes: Change[], together: number) => ({
    prepare: () => {
      changes.length = 0
      for (let i = 0; i < MADE_UP; i++) changes.push(changeOf(turn * MADE_UP + i, devices))
      turn++
    },
    run: () => changeDevices(fleet, collections, changes, together),
    parts: CHANGED / MADE_UP,
  })
  const some = () => [ahead, alone].flatMap((changes) => changes.slice(0, CHANGED_SQL / 2))
  const [ours = [], oursAlone = [], theirs = []] = timeInTurns(changing(ahead, AHEAD), changing(alone, 1), {
    run: () => {
      for (const { row, attributes } of some()) sql.change(row, attributes)
    },
  })
  for (const { row } of some()) compareRows(collections, row, sql.membersOf(row))
  sql.close()
  const row = (how: string, ms: readonly number[], notes: readonly string[]): Row => ({
    subject: 'changes',
    operation: 'changed device',
    name: `one device changes, ${count} collections × ${devices} devices current${how}`,
    ours: { operations: CHANGED, ms },
    baseline: {
      operations: CHANGED_SQL,
      ms: theirs,
      what: 'node:sqlite: its row, a query a collection, its memberships',
    },
    goal: '1,000,000/s; ≥ 1,000×',
    notes,
  })
  return [row('', ours, [`${AHEAD} devices read ahead at a time`]), row(', nothing read ahead', oursAlone, [])]
}

function changeDevices(fleet: Fleet, collections: Collections, changes: readonly Change[], together: number): void {
  for (const [i, { row, attributes }] of changes.entries()) {
    if (together > 1 && i % together === 0)
      readAttributes(
        fleet,
        changes.slice(i, i + together).map((next) => next.row),
      )
    reevaluateDevice(fleet, collections, row, setAttributes(fleet, row, attributes))
  }
}

/** Reports through the fold, decided upon in batches, with a rollout whose phase takes in who comes into its collection. */
function phasesRow(devices: number): Row {
  const state = newState()
  const names = Array.from({ length: 49 }, (_, i) => `c${i}`)
  const specs = new Map<string, CollectionSpec>([
    ...names.map((name, i): [string, CollectionSpec] => [name, threeConditions(i)]),
    ['early', { queries: [{ matchExpressions: [{ key: 'ring', operator: 'Lt', value: 10 }] }] }],
  ])
  const ids = updateIds(5)
  foldAndDecide(state, NOW, [
    catalogOf(ids),
    declare(...[...specs].map(([name, spec]) => declared('Collection', name, spec))),
    ...Array.from({ length: devices }, (_, i) => enrolled(deviceName(i), deviceAttributes(i))),
  ])
  foldAndDecide(state, NOW, [
    declare(
      ...[...specs].map(([name, spec]) => declared('Collection', name, spec)),
      declared('SoftwareUpdateGroup', 'group', { updates: ids }),
      declared('Rollout', 'rollout', {
        group: 'group',
        phases: [
          { name: 'early', collection: 'early', successPercent: 100 },
          { name: 'broad', collection: 'all' },
        ],
      }),
    ),
  ])
  const sql = tables(devices, specs, 'early')
  let turn = 0
  let reports: ReturnType<typeof reported>[] = []
  let changed: Change[] = []
  const [ours = [], theirs = []] = timeInTurns(
    {
      prepare: () => {
        turn++
        changed = Array.from({ length: CHANGED }, (_, i) => {
          const { row, attributes } = changeOf(turn * CHANGED + i, devices)
          return { row, attributes: { ...attributes, ...(i % JOINS === 0 && { ring: '5' }) } }
        })
        reports = changed.map(({ row, attributes }) =>
          reported(deviceName(row), { sequence: turn, at: instantOf(NOW), attributes }),
        )
      },
      run: () => {
        for (let i = 0; i < CHANGED; i += BATCH) {
          foldAll(state, NOW, reports.slice(i, i + BATCH))
          foldAndDecide(state, NOW, [])
        }
      },
    },
    {
      run: () => {
        for (const { row, attributes } of changed.slice(0, CHANGED_SQL)) sql.change(row, attributes)
      },
    },
  )
  for (const { row } of changed.slice(0, CHANGED_SQL)) {
    compareRows(state.collections, row, sql.membersOf(row))
    mustBe(isTarget(state, row) === sql.isTarget(row), `the phase of row ${row}`)
  }
  sql.close()
  return {
    subject: 'changes',
    operation: 'report of a changed device',
    name: `one device changes, 50 collections × ${devices} devices and the phases of a rollout current`,
    ours: { operations: CHANGED, ms: ours },
    baseline: { operations: CHANGED_SQL, ms: theirs, what: 'node:sqlite: the same, and the phase it is a target of' },
    goal: '1,000,000/s; ≥ 1,000×',
    notes: [`reports folded and decided upon, ${BATCH} at a time; one in ${JOINS} comes into the phase`],
  }
}

/** One device after the other, all over the fleet (7919 is a prime); each has another build than the last time. */
function changeOf(i: number, devices: number): Change {
  const row = (i * 7919) % devices
  return { row, attributes: rebuilt(row, 1 + Math.floor(i / devices)) }
}

/** The attributes of a device with another build in every turn. */
function rebuilt(row: number, turn: number): Record<string, string> {
  const attributes = deviceAttributes(row)
  const [major, minor, build, patch] = (attributes.build ?? '').split('.')
  return { ...attributes, build: `${major}.${minor}.${26100 + ((Number(build) - 26100 + turn) % 40)}.${patch}` }
}

function instantOf(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toString()
}

function isTarget(state: State, row: number): boolean {
  const [phase] = state.control.rollouts.get('rollout')?.phases ?? []
  if (phase === undefined || !isStarted(phase)) throw new Error('the phase has not begun')
  return hasBit(phase.targets, row)
}

function compareRows({ members, specs }: Collections, row: number, found: ReadonlySet<number>): void {
  for (const [i, name] of [...specs.keys()].entries())
    mustBe(hasBit(members.get(name) ?? newPlane(), row) === found.has(i), `${name} of row ${row}`)
}

/**
 * A row a device, and a row for each membership, of those devices that have changed. A query for each collection, prepared once,
 * looks at the one device, by its number: faster than one query for all collections, as columns or as a union.
 */
function tables(devices: number, specs: ReadonlyMap<string, CollectionSpec>, phase?: string) {
  const database = new DatabaseSync(':memory:')
  database.exec(`CREATE TABLE devices (id INTEGER PRIMARY KEY, ${COLUMNS});
    CREATE TABLE memberships (device INTEGER, collection INTEGER, PRIMARY KEY (device, collection)) WITHOUT ROWID;
    CREATE TABLE targets (device INTEGER PRIMARY KEY); BEGIN`)
  const insert = database.prepare('INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?, ?)')
  for (let i = 0; i < devices; i++) insert.run(i, ...valuesOf(deviceAttributes(i)))
  const names = [...specs.keys()]
  const queries = names.map((name) =>
    database.prepare(`SELECT 1 FROM devices WHERE id = ? AND ${conditionSql(specs, name)}`),
  )
  const phaseAt = phase === undefined ? -1 : names.indexOf(phase)
  if (phase !== undefined)
    database.exec(`INSERT INTO targets SELECT id FROM devices WHERE ${conditionSql(specs, phase)}`)
  database.exec('COMMIT')
  const update = database.prepare('UPDATE devices SET os=?, build=?, site=?, ring=?, model=?, ram=? WHERE id=?')
  const known = database.prepare('SELECT collection FROM memberships WHERE device = ?')
  const join = database.prepare('INSERT INTO memberships VALUES (?, ?)')
  const leave = database.prepare('DELETE FROM memberships WHERE device = ? AND collection = ?')
  const target = database.prepare('INSERT OR IGNORE INTO targets VALUES (?)')
  const wasTarget = database.prepare('SELECT 1 FROM targets WHERE device = ?')
  const membersOf = (device: number) => new Set(known.all(device).map(({ collection }) => Number(collection)))
  return {
    membersOf,
    isTarget: (device: number) => wasTarget.get(device) !== undefined,
    close: () => database.close(),
    change: (device: number, attributes: Readonly<Record<string, string>>) => {
      update.run(...valuesOf(attributes), device)
      const before = membersOf(device)
      for (const [i, query] of queries.entries()) {
        const isIn = query.get(device) !== undefined
        if (isIn && !before.has(i)) join.run(device, i)
        else if (!isIn && before.has(i)) leave.run(device, i)
        if (isIn && i === phaseAt) target.run(device)
      }
    },
  }
}
