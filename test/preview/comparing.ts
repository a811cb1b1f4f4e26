// Worlds and sides for the tests of the preview: random ones, and the quickstart in the middle of October's rollouts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedSide } from '../../controller/cli/declared-side.ts'
import { feedsOf, loadScenario, type Play, worldOf } from '../../controller/cli/declared-world.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { type Comparison, effectOf, type Side } from '../../controller/preview/compare.ts'
import type { Effect } from '../../controller/preview/effect.ts'
import { inForce } from '../../controller/preview/fork.ts'
import { assemble } from '../../controller/sources/assemble.ts'
import { decodeState, encodeState, type State } from '../../controller/state/state.ts'
import type { Scene } from '../support/arbitrary.ts'
import { begin, take } from '../support/play.ts'
import { type Story, settle } from '../support/story.ts'

export function side(label: string, objects: readonly Declared[]): Side {
  return { label, revision: `${label}@r`, objects }
}

export function compare(
  world: State,
  base: readonly Declared[],
  head: readonly Declared[],
  now: number,
  over: Partial<Comparison> = {},
): Effect {
  return effectOf({
    world,
    about: { type: 'Snapshot', label: 'world' },
    base: side('base', base),
    head: side('head', head),
    now,
    weeks: 2,
    unknown: [],
    ...over,
  })
}

/** The story of a scene, told to its end. */
export function told(scene: Scene): Story {
  const story = begin(scene)
  for (const step of scene.steps) {
    take(story, step)
    settle(story)
  }
  return story
}

/** The scene's objects in place of those in force that have their names. */
export function withObjects(state: State, objects: readonly Declared[]): Declared[] {
  const fresh = new Map(objects.map((object) => [`${object.kind}/${object.name}`, object]))
  const kept = inForce(state).filter(({ kind, name }) => !fresh.has(`${kind}/${name}`))
  return [...kept, ...fresh.values()]
}

export function copyOf(state: State): State {
  return decodeState(encodeState(state))
}

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'examples/quickstart')
const FILES = ['collections.yaml', 'rules.yaml', 'source.yaml', 'windows.yaml']

/** In a file: this text, once, in place of that one; with `''` for what is looked for, a new file. */
export type Edit = readonly [file: string, from: string, to: string]

/** The quickstart's declarations, edited. */
export function quickstart(label: string, edits: readonly Edit[] = []): LoadedSide {
  const texts = new Map(FILES.map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]))
  for (const [file, from, to] of edits) {
    const text = texts.get(file) ?? ''
    if (from !== '' && !text.includes(from)) throw new Error(`${file} has no ${from}`)
    texts.set(file, from === '' ? to : text.replace(from, () => to))
  }
  const files = [...texts].sort(([a], [b]) => (a < b ? -1 : 1))
  const sources = files.map(([name, text]) => ({ name, folder: '/site', bytes: new TextEncoder().encode(text) }))
  const { objects, problems, total, revision } = assemble('directory', sources, [])
  if (total > 0) throw new Error(problems.map(({ message }) => message).join('; '))
  const pathed = (root: string) =>
    objects.map((object) =>
      object.kind === 'UpdateSource' && object.spec.path !== undefined
        ? { ...object, spec: { ...object.spec, path: object.spec.path.replace('/site/', root) } }
        : object,
    )
  return { label, prefix: '', revision, objects: pathed(''), placed: pathed(`${FOLDER}/`), problems, total }
}

export const OCTOBER = Date.parse('2025-10-15T06:00:00Z')

/** The morning after October's Patch Tuesday: each rule's rollout is in its pilot. */
export async function october(base: LoadedSide, now = OCTOBER): Promise<{ state: State; play: Play }> {
  const file = await loadScenario(join(FOLDER, 'fleet.yaml'))
  if (!('spec' in file)) throw new Error('the scenario of the quickstart is broken')
  const { feeds } = await feedsOf([base])
  const play: Play = { scenario: file.spec, feeds, from: Date.parse('2025-10-01T00:00:00Z'), now }
  return { state: worldOf(play, base), play }
}
