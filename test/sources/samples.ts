// What several tests of the sources share.
import { assemble } from '../../controller/sources/assemble.ts'
import type { Declarations } from '../../controller/sources/assemble-by.ts'
import { EXAMPLES } from '../../controller/sources/examples.ts'

/** Every writable kind, as on the reference pages. */
export const GOOD = Object.entries(EXAMPLES)
  .filter(([kind]) => kind !== 'UpdateDeployment')
  .map(([, text]) => text.trimStart())
  .join('---\n')

export function manifest(kind: string, name: string, spec: string): string {
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: ${kind}\nmetadata:\n  name: ${name}\nspec: ${spec}\n`
}

/** The texts as files of one source: a.yaml, b.yaml, … */
export function assembled(...texts: readonly string[]): Declarations {
  const encoder = new TextEncoder()
  const files = texts.map((text, i) => ({
    name: `${String.fromCharCode(97 + i)}.yaml`,
    folder: '/srv/declarations',
    bytes: encoder.encode(text),
  }))
  return assemble('test', files, [])
}
