// One test of a PolicyTest made ready to be played: its devices, catalog, actions and instants as input of the simulation.
import { type FeedResult, joinFeeds } from '../catalog/feeds/feed-result.ts'
import { globMatches } from '../catalog/terms.ts'
import type { Declared, Problem } from '../model/declared.ts'
import { DAY, durationMs, type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { Update } from '../model/update.ts'
import { feedKey } from '../simulate/feeds.ts'
import type { Roster, RosterDevice } from '../simulate/roster.ts'
import { ScenarioSpec } from '../simulate/scenario.ts'
import type { Edit, SimulationInput } from '../simulate/simulation.ts'
import { crossChecks } from '../sources/cross-checks.ts'
import { pathText } from '../sources/problems.ts'
import type { Path } from '../sources/yaml-values.ts'
import { behaviourOf, type Report, rosterOf } from './devices.ts'
import type { Loaded } from './load.ts'
import { momentAt } from './moments.ts'
import { devicesNamed, namesUpdate } from './names.ts'
import { type Action, MAX_TEST_DAYS, type Step, type TestCase, type TestUpdate } from './policy-test.ts'
import type { ReadTest } from './read-tests.ts'

export type Arranged = {
  readonly input: SimulationInput
  /** Every update that the catalog will ever have. */
  readonly updates: readonly Update[]
  readonly devices: readonly string[]
  readonly steps: readonly ArrangedStep[]
  readonly zone: string
}
export type ArrangedStep = { readonly at: EpochMs; readonly path: Path; readonly step: Step }

export type Arrangement =
  | { readonly type: 'Arranged'; readonly arranged: Arranged }
  | { readonly type: 'Problems'; readonly problems: readonly Problem[] }

/** Ready to be played, or what is wrong with it. */
export function arrange(file: string, read: ReadTest, index: number, loaded: Loaded): Arrangement {
  const { spec } = read.test
  const test = spec.tests[index]
  const problems: Problem[] = []
  const report: Report = (path, code, message) =>
    problems.push({ file, ...read.place(path), path: pathText(path), code, message })
  const failed = () => ({ type: 'Problems', problems }) as const
  if (test === undefined) return failed()
  const path: Path = ['spec', 'tests', index]
  const zone = spec.timeZone
  const start = momentAt(test.start, zone)
  const steps = stepTimes(test, start, zone, path, report)
  const roster = rosterOf(read.test.spec, test, path, start, report)
  const source = sourceOf(file, read, loaded.objects, report)
  if (problems.length > 0 || source === undefined || roster === undefined) return failed()
  const feed = feedOf(read, test, loaded, start, report, path)
  const updates = feed.records.map(({ update }) => update)
  const edits = editsOf(file, read, loaded, steps, source, start, report)
  const ids = roster.map(({ id }) => id)
  const until = steps.at(-1)?.at ?? start
  const scenario: ScenarioSpec = {
    ...BASE,
    devices: [],
    reporting: { ...BASE.reporting, every: spec.every },
    ...behaviourOf(roster, updates, zone, start, until),
    ...actionsOf(steps, ids, report),
  }
  if (problems.length > 0) return failed()
  const feeds = new Map(
    edits.flatMap(({ objects }) =>
      objects.flatMap((object) =>
        object.kind === 'UpdateSource' && object.name === source.name ? [[feedKey(object), feed] as const] : [],
      ),
    ),
  )
  const finds: Roster['finds'] = (device, update) => foundOn(roster[device], update)
  const devices = roster.map(
    ({ id, attributes, joins, installMinutes }): RosterDevice => ({ id, attributes, joins, installMinutes }),
  )
  const input = { scenario, seed: 1, from: start, until, declarations: edits, feeds, roster: { devices, finds } }
  return { type: 'Arranged', arranged: { input, updates, devices: ids, steps, zone } }
}

const ONE_MINUTE = { min: 'PT1M', max: 'PT1M' }

// Nothing is left to chance: what a test does not say is the same on each device, every time.
const BASE = ScenarioSpec.parse({
  devices: [{ prefix: 'none-', count: 1 }],
  reporting: { messagesEvery: 'PT1M' },
  install: {
    download: ONE_MINUTE,
    lasts: { min: 'PT10M', max: 'PT10M' },
    restart: { min: 'PT2M', max: 'PT2M' },
    mayRequireRestartPercent: 0,
  },
})

function stepTimes(test: TestCase, start: EpochMs, zone: string, path: Path, report: Report): ArrangedStep[] {
  let clock = start
  let last = -Infinity
  return test.steps.map((step, i) => {
    const here: Path = [...path, 'steps', i]
    const { at: until, after } = step
    const at =
      until === undefined
        ? clock + (after === undefined ? 0 : durationMs(Temporal.Duration.from(after)))
        : momentAt(until, zone)
    if (at < clock)
      report(
        [...here, 'at'],
        'RM1602',
        `this is before ${toRfc3339(clock)}, at which the clock stands: steps go forward`,
      )
    else if (at - start > MAX_TEST_DAYS * DAY)
      report(
        [...here, until === undefined ? 'after' : 'at'],
        'RM1601',
        `more than ${MAX_TEST_DAYS} days after the start`,
      )
    else if (step.do !== undefined && at === last)
      report(
        [...here, 'do'],
        'RM1602',
        'the step before is at the same instant: do it there, or move the clock with after',
      )
    clock = Math.max(clock, at)
    last = at
    return { at, path: here, step }
  })
}

type Source = Extract<Declared, { readonly kind: 'UpdateSource' }>

/** The declared source that the updates come from; one of the test's own where none is declared. */
function sourceOf(file: string, { test }: ReadTest, objects: readonly Declared[], report: Report): Source | undefined {
  const wanted = test.spec.catalog.source
  const sources = objects.flatMap((object) => (object.kind === 'UpdateSource' ? [object] : []))
  const names = sources.map(({ name }) => name).join(', ')
  const found = wanted === undefined && sources.length === 1 ? sources[0] : sources.find(({ name }) => name === wanted)
  if (found !== undefined) return found
  const path = ['spec', 'catalog', ...(wanted === undefined ? [] : ['source'])]
  if (wanted !== undefined && sources.length > 0)
    report(path, 'RM1606', `there is no UpdateSource ${wanted}: write one of ${names}`)
  else if (sources.length > 0) report(path, 'RM1606', `several UpdateSources are declared: add source, one of ${names}`)
  else
    return {
      kind: 'UpdateSource',
      name: wanted ?? 'test',
      labels: {},
      annotations: {},
      spec: { format: 'Ringmaster', path: `${file}#catalog`, interval: 'PT8H' },
      origin: { source: 'directory', revision: 'test', file, line: 1 },
    }
  return undefined
}

function feedOf(
  read: ReadTest,
  test: TestCase,
  loaded: Loaded,
  start: EpochMs,
  report: Report,
  path: Path,
): FeedResult {
  const { catalog, timeZone } = read.test.spec
  const written: readonly (readonly [Path, TestUpdate])[] = [
    ...catalog.updates.map((update, i) => [['spec', 'catalog', 'updates', i], update] as const),
    ...(test.updates ?? []).map((update, i) => [[...path, 'updates', i], update] as const),
  ]
  const seen = new Set<string>()
  const records = written.map(([at, update], i) => {
    if (seen.has(update.id)) report([...at, 'id'], 'RM1603', `there are two updates ${update.id}`)
    seen.add(update.id)
    return { position: `update ${i + 1}`, update: completed(update, start, timeZone) }
  })
  const inline: FeedResult = { records, setAside: [], setAsideTotal: 0, skipped: 0, total: records.length }
  return loaded.feed === undefined ? inline : joinFeeds([loaded.feed, inline])
}

function completed({ released, revised, ...rest }: TestUpdate, start: EpochMs, zone: string): Update {
  const { title = rest.id, articleIds = /^KB\d+$/i.test(rest.id) ? [rest.id] : [] } = rest
  return {
    ...rest,
    title,
    articleIds,
    released: released === undefined ? start : momentAt(released, zone),
    ...(revised !== undefined && { revised: momentAt(revised, zone) }),
  }
}

function editsOf(
  file: string,
  read: ReadTest,
  loaded: Loaded,
  steps: readonly ArrangedStep[],
  source: Source,
  start: EpochMs,
  report: Report,
): Edit[] {
  const own = loaded.objects.includes(source) ? [] : [source]
  let objects: readonly Declared[] = [...loaded.objects, ...own]
  const edits: Edit[] = [{ at: start, revision: 'test', objects }]
  for (const { at, path, step } of steps) {
    const before = objects
    for (const [a, action] of (step.do ?? []).entries())
      objects = edited(objects, action, [...path, 'do', a], read, loaded, report)
    if (objects === before) continue
    for (const { object, message, code } of crossChecks(objects).slice(0, 5))
      report(
        [...path, 'do'],
        'RM1605',
        `after this step the declarations are not valid: ${object.kind} ${object.name}: ${code} ${message}`,
      )
    edits.push({ at, revision: `${file}:${read.place(path).line}`, objects })
  }
  return edits
}

function edited(
  objects: readonly Declared[],
  { declare, objects: inline, remove }: Action,
  path: Path,
  read: ReadTest,
  loaded: Loaded,
  report: Report,
): readonly Declared[] {
  if (declare !== undefined) return over(objects, loaded.declared.get(pathText(path)) ?? [])
  if (inline !== undefined)
    return over(
      objects,
      inline.flatMap((_, i) => read.objects.get(pathText([...path, 'objects', i])) ?? []),
    )
  if (remove === undefined) return objects
  for (const [i, { kind, name }] of remove.entries())
    if (!objects.some((object) => object.kind === kind && object.name === name))
      report([...path, 'remove', i], 'RM1605', `there is no ${kind} ${name} to remove`)
  return objects.filter((object) => !remove.some(({ kind, name }) => object.kind === kind && object.name === name))
}

function over(objects: readonly Declared[], newer: readonly Declared[]): Declared[] {
  const names = new Set(newer.map(({ kind, name }) => `${kind}/${name}`))
  return [...objects.filter(({ kind, name }) => !names.has(`${kind}/${name}`)), ...newer]
}

function actionsOf(
  steps: readonly ArrangedStep[],
  ids: readonly string[],
  report: Report,
): Pick<ScenarioSpec, 'commands' | 'changes'> {
  const commands: ScenarioSpec['commands'] = []
  const changes: ScenarioSpec['changes'] = []
  for (const { at, path, step } of steps)
    for (const [a, action] of (step.do ?? []).entries()) {
      const { change, leave } = action
      if (isCommand(action)) commands.push({ ...commandFields(action), at })
      if (change !== undefined)
        changes.push({
          at,
          devices: named(change.devices, ids, [...path, 'do', a, 'change', 'devices'], report),
          percent: 100,
          attributes: change.attributes,
        })
      if (leave !== undefined)
        changes.push({
          at,
          devices: named(leave, ids, [...path, 'do', a, 'leave'], report),
          percent: 100,
          remove: true,
        })
    }
  return { commands, changes }
}

const COMMANDS = ['approve', 'signal', 'pause', 'resume', 'rollback', 'evaluate'] as const

/** Whether the action is an order to the controller. */
export function isCommand(action: Action): boolean {
  return COMMANDS.some((name) => action[name] !== undefined)
}

/** The action's order, as a scenario has it. */
export function commandFields({ approve, signal, pause, resume, rollback, evaluate, by, reason }: Action) {
  return { approve, signal, pause, resume, rollback, evaluate, by, reason }
}

function named(names: readonly string[], ids: readonly string[], path: Path, report: Report): string[] {
  return names.flatMap((name, i) => {
    const found = devicesNamed(name, ids)
    if (found.length === 0) report([...path, i], 'RM1604', `no device of this test is named ${name}`)
    return found
  })
}

type Presence = {
  readonly products?: readonly string[] | undefined
  readonly installed?: readonly string[] | undefined
  readonly notRequired?: readonly string[] | undefined
}

function foundOn(device: Presence | undefined, update: Update): 'Required' | 'Installed' | 'NotRequired' {
  const { products, installed = [], notRequired = [] } = device ?? {}
  if (installed.some((name) => namesUpdate(name, update))) return 'Installed'
  if (notRequired.some((name) => namesUpdate(name, update))) return 'NotRequired'
  const fits = (glob: string) =>
    update.products.some((product) => globMatches(glob.toLowerCase(), product.toLowerCase()))
  return products === undefined || products.some(fits) ? 'Required' : 'NotRequired'
}
