// `ringmaster simulate` as its command runs, on folders of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { simulateCommand } from '../../controller/cli/simulate.ts'
import type { DecisionLine } from '../../controller/simulate/story.ts'
import { type Written, written } from './site.ts'

export type Simulated = {
  readonly objects: readonly Written[]
  /** Lines of the catalog, which the source `feed` reads; without them the objects have a source of their own. */
  readonly updates?: readonly object[]
  /** Of the source `feed`. */
  readonly source?: string
  /** The scenario's spec, in YAML. */
  readonly scenario: string
  readonly from: string
  readonly until: string
}

export async function simulated(
  t: Test,
  order: Simulated,
): Promise<{ readonly lines: readonly DecisionLine[]; readonly text: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { updates, objects, source } = order
  const spec = `{format: Ringmaster, path: catalog.ndjson${source === undefined ? '' : `, ${source}`}}`
  const all: Written[] = [...objects, ...(updates === undefined ? [] : [['UpdateSource', 'feed', spec] as const])]
  writeFileSync(join(folder, 'site.yaml'), all.map(written).join('---\n'))
  writeFileSync(join(folder, 'catalog.ndjson'), (updates ?? []).map((one) => `${JSON.stringify(one)}\n`).join(''))
  const scenario = join(tmpdir(), `${folder.split('/').at(-1)}-scenario.yaml`)
  writeFileSync(scenario, `apiVersion: ringmaster.dev/v1alpha1\nkind: Scenario\nspec:\n${order.scenario}`)
  t.teardown(() => rmSync(scenario))
  const common = [folder, '--scenario', scenario, '--from', order.from, '--until', order.until]
  const ndjson = await run(common, 'ndjson')
  const lines = ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DecisionLine)
  return { lines, text: await run(common, 'text') }
}

async function run(args: readonly string[], format: string): Promise<string> {
  let [out, err] = ['', '']
  const exit = await simulateCommand.run([...args, '--format', format], {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  if (exit !== 0) throw new Error(`simulate ended with ${exit}: ${err}`)
  return out
}
