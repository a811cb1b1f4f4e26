// The laws of status (architecture.md, law 9) and of explanations, on random worlds: after every step, for every object.
import fc from 'fast-check'
import { test } from 'tap'
import { hasBit } from '../../controller/model/bit-plane.ts'
import { SPECS } from '../../controller/model/specs.ts'
import { decisionView } from '../../controller/project/decisions.ts'
import { describeObject } from '../../controller/project/describe.ts'
import { explain } from '../../controller/project/explain.ts'
import { objectNamed, pageObjects, VIEW_KINDS } from '../../controller/project/objects.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { STATUS_SCHEMAS } from '../../controller/project/status-schemas.ts'
import { tableOf } from '../../controller/project/tables.ts'
import type { ObjectView } from '../../controller/project/views.ts'
import { isRecord } from '../../controller/sources/records.ts'
import { type Scene, scene } from '../support/arbitrary.ts'
import { declared } from '../support/declare.ts'
import { begin, take } from '../support/play.ts'
import { type Story, settle } from '../support/story.ts'

const RUNS = { seed: 42, numRuns: 25 }

/** Windows that are open, shut and too short when it matters, in the zones of devices and in their own. */
const WINDOWS = [
  declared('MaintenanceWindow', 'nights', {
    collections: ['x'],
    schedule: { rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'DeviceLocal' },
    duration: 'PT6H',
  }),
  declared('MaintenanceWindow', 'short', {
    collections: ['c'],
    schedule: { rrule: 'FREQ=WEEKLY;BYDAY=SA', at: '03:00', timeZone: 'Europe/Berlin' },
    duration: 'PT30M',
  }),
]

test('every object is Ready or says why not, is never reconciling and stalled at once, and each wait has a reason', async (t) => {
  let seen = 0
  const types = new Set<string>()
  play((story) => {
    for (const view of allViews(story)) {
      const problem = conditionProblem(view)
      if (problem !== undefined) throw new Error(`${view.kind} ${view.metadata.name}: ${problem}`)
      for (const condition of view.status.conditions) types.add(condition.type)
      seen++
    }
  })
  t.ok(seen > 10_000, `${seen} objects were looked at`)
  t.same([...types].sort(), ['Ready', 'Reconciling', 'Stalled'])
})

test('a rollout that is under way names what it waits for, and one that has ended waits for nothing', async (t) => {
  let waiting = 0
  play((story) => {
    for (const view of allViews(story)) {
      if (view.kind !== 'Rollout') continue
      const { state, waitsFor, ended } = view.status
      const isOver = state === 'RolledBack' || state === 'Superseded'
      if (isOver && (ended === undefined || waitsFor !== undefined))
        throw new Error(`${view.metadata.name} has ended and waits`)
      if (state === 'Progressing' || state === 'Halted' || state === 'Planned') {
        if (waitsFor === undefined || waitsFor.message === '')
          throw new Error(`${view.metadata.name} waits for nothing`)
        waiting++
      }
    }
  })
  t.ok(waiting > 300, `${waiting} waits were looked at`)
})

test('what is shown survives being sent as JSON, and tables and descriptions can be made of it', async (t) => {
  let rows = 0
  play((story, step) => {
    if (step % 10 !== 0) return
    for (const kind of VIEW_KINDS) {
      const { items } = pageObjects(story.state, story.notes, kind, story.now, { offset: 0, limit: 1000 })
      const sent: typeof items = JSON.parse(JSON.stringify(items))
      const table = tableOf(kind, sent, story.now)
      if (JSON.stringify(table) !== JSON.stringify(tableOf(kind, items, story.now)))
        throw new Error(`${kind}: another table`)
      for (const row of table.rows)
        if (row.length !== table.columns.length || row.includes('')) throw new Error(`${row}`)
      for (const item of sent) {
        if (describeObject(item, [], story.now).includes('[object')) throw new Error(`${kind} ${item.metadata.name}`)
        const one = objectNamed(story.state, story.notes, kind, item.metadata.name, story.now)
        if (JSON.stringify(one) !== JSON.stringify(item)) throw new Error(`${item.metadata.name} by name is another`)
      }
      rows += table.rows.length
    }
  })
  t.ok(rows > 1000, `${rows} rows were made`)
})

test('what a status shows is what the CRD of its kind explains, of the type that it says', async (t) => {
  const kinds = new Set<string>()
  play((story, step) => {
    if (step % 10 !== 0) return
    for (const view of allViews(story)) {
      if (view.kind === 'Device' || view.kind === 'Update') continue
      const { conditions: _, ...fields } = JSON.parse(JSON.stringify(view.status))
      const strangers = strangersIn(fields, { type: 'object', properties: STATUS_SCHEMAS[view.kind] }, view.kind)
      if (strangers.length > 0) throw new Error(strangers.join(', '))
      kinds.add(view.kind)
    }
  })
  t.ok(kinds.size >= 8, [...kinds].join())
})

test('the spec shown of a rollout that a rule made is one that the Rollout kind accepts', async (t) => {
  let made = 0
  play((story) => {
    for (const view of allViews(story))
      if (view.kind === 'Rollout' && view.status.provenance?.rule !== undefined) {
        SPECS.Rollout.parse(view.spec)
        made++
      }
  })
  t.ok(made > 50, `${made} specs were parsed`)
})

test('an explanation agrees with the policy: it promises an installation exactly when the policy offers one', async (t) => {
  const tally = { offered: 0, not: 0, startable: 0 }
  play((story, step) => {
    const { fleet, catalog } = story.state
    for (const [row, device] of fleet.ids.entries()) {
      if ((row + step) % 7 !== 0 || !hasBit(fleet.present, row)) continue
      const policy = devicePolicy(story.state, row, story.now)
      for (const id of catalog.ids) {
        const { verdict } = explain(story.state, story.notes, device, id, story.now)
        const offer = policy.updates.find((one) => one.id === id)
        const promised = PROMISES.includes(verdict.reason)
        if (promised !== (offer?.action === 'Install'))
          throw new Error(`${device} ${id}: ${verdict.reason}, ${offer?.action}`)
        if ((verdict.reason === 'WillBeRemoved') !== (offer?.action === 'Uninstall'))
          throw new Error(`${device} ${id}: ${verdict.reason}`)
        const first = offer?.start[0]
        const startable = first !== undefined && Date.parse(first.from) <= story.now
        if (verdict.reason === 'MayStartNow' && !startable) throw new Error(`${device} ${id} may not start`)
        if (promised) tally.offered++
        else tally.not++
        if (startable) tally.startable++
      }
    }
  })
  t.ok(tally.offered > 100 && tally.not > 5000 && tally.startable > 50, JSON.stringify(tally))
})

test('a decision in a line has a reason and a message, and carries no sets of devices', async (t) => {
  let seen = 0
  play((story, step) => {
    if (step % 20 !== 0) return
    for (const [i, { at, fact }] of story.log.entries()) {
      const view = decisionView({ seq: i + 1, at, fact })
      if (view === undefined || view.message === '' || 'targets' in view) throw new Error(JSON.stringify(view))
      seen++
    }
  })
  t.ok(seen > 40, `${seen} decisions were shown`)
})

const PROMISES: readonly string[] = [
  'WillBeInstalled',
  'MayStartNow',
  'NeverFits',
  'Frozen',
  'NoStartAhead',
  'InProgress',
  'RestartPending',
]

/** Paths of values that are not in the schema, or of another type. */
function strangersIn(value: unknown, schema: unknown, path: string): string[] {
  if (!isRecord(schema)) return [`${path} is not explained`]
  const { type, items, properties } = schema
  if (Array.isArray(value))
    return type === 'array' ? value.flatMap((item) => strangersIn(item, items, `${path}[]`)) : [`${path} is a list`]
  if (isRecord(value) && type === 'object' && isRecord(properties))
    return Object.entries(value).flatMap(([name, inner]) => strangersIn(inner, properties[name], `${path}.${name}`))
  const own = typeof value === 'number' ? 'integer' : typeof value
  return own === type && own !== 'object' ? [] : [`${path} is a ${own}`]
}

function conditionProblem({ status: { conditions } }: ObjectView): string | undefined {
  const ready = conditions.filter(({ type }) => type === 'Ready')
  const truly = (type: string) => conditions.some((one) => one.type === type && one.status === 'True')
  if (ready.length !== 1) return `${ready.length} Ready conditions`
  if (truly('Reconciling') && truly('Stalled')) return 'reconciling and stalled'
  if (truly('Ready') && (truly('Reconciling') || truly('Stalled'))) return 'ready and not'
  if (!truly('Ready') && !truly('Reconciling') && !truly('Stalled'))
    return 'not ready, and neither reconciling nor stalled'
  if (conditions.some(({ reason, message }) => !reason || !message)) return 'a condition without reason or message'
  return undefined
}

function allViews(story: Story): ObjectView[] {
  return VIEW_KINDS.flatMap((kind) => [
    ...pageObjects(story.state, story.notes, kind, story.now, { offset: 0, limit: 1000 }).items,
  ])
}

function play(check: (story: Story, step: number) => void): void {
  fc.assert(
    fc.property(scene, (played: Scene) => {
      const story = begin({ ...played, objects: [...played.objects, ...WINDOWS] })
      check(story, 0)
      for (const [i, step] of played.steps.entries()) {
        take(story, step)
        settle(story)
        check(story, i + 1)
      }
    }),
    RUNS,
  )
}
