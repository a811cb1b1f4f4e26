// Inputs for `ringmaster validate` that nobody would write: good and broken manifests changed at random. The same for the
// same seed.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { EXAMPLES } from '../../controller/sources/examples.ts'
import { edited } from '../sources/mutations.ts'

const BROKEN = join(import.meta.dirname, '../sources/broken')
const QUICKSTART = join(import.meta.dirname, '../../examples/quickstart')

const TEXTS: readonly string[] = [
  ...Object.values(EXAMPLES),
  ...textsIn(BROKEN, '.txt'),
  ...textsIn(QUICKSTART, '.yaml'),
  'apiVersion: ringmaster.dev/v1alpha1\nkind: Project\nspec: {severities: {RM1502: Error}, ignore: ["x/**"]}\n',
]

function textsIn(folder: string, ending: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
}

/** Lines said again many times, and one value put in the place of another: what single edits do not come to. */
const repeated = fc
  .record({ from: fc.nat(), length: fc.nat(6), times: fc.integer({ min: 2, max: 300 }) })
  .map(({ from, length, times }) => (text: string) => {
    const lines = text.split('\n')
    const at = from % lines.length
    const some = lines.slice(at, at + length + 1)
    return [...lines.slice(0, at), ...Array.from({ length: times }, () => some).flat(), ...lines.slice(at)].join('\n')
  })
const moved = fc.record({ from: fc.nat(), to: fc.nat() }).map(({ from, to }) => (text: string) => {
  const lines = text.split('\n')
  const value = lines[from % lines.length]?.replace(/^[^:]*: ?/, '') ?? ''
  return lines
    .with(
      to % lines.length,
      (lines[to % lines.length] ?? '').replace(/:.*$/, () => `: ${value}`),
    )
    .join('\n')
})

const change = fc.oneof(
  { weight: 4, arbitrary: edited },
  { weight: 2, arbitrary: moved },
  { weight: 1, arbitrary: repeated },
)
const text = fc
  .tuple(
    fc.array(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 4 }),
    fc.array(change, { minLength: 1, maxLength: 3 }),
  )
  .map(([texts, changes]) => changes.reduce((whole, one) => one(whole), texts.join('\n---\n')))
const bytes = fc.oneof(
  { weight: 19, arbitrary: text.map((one) => Buffer.from(one)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2000 }).map((one) => Buffer.from(one)) },
)

/** Names and contents of the files of one directory. */
export type Input = Readonly<Record<string, Uint8Array>>

/** `count` inputs from a seed. */
export function inputsOf(seed: number, count: number): Input[] {
  const name = fc.constantFrom('a.yaml', 'b.yml', 'sub/c.yaml', 'ringmaster.yaml', 'sub/ringmaster.yaml')
  const files = fc.dictionary(name, bytes, { minKeys: 1, maxKeys: 3 })
  return fc.sample(files, { seed, numRuns: count })
}
