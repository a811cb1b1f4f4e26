// The quickstart's terminal, drawn from a simulation of the same example.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { test } from 'tap'
import {
  decisionLine,
  drawTable,
  isWorthTelling,
  type Scene,
  type Screen,
  type Told,
  toldOf,
} from '../../controller/cli/quickstart-table.ts'
import { newDraft } from '../../controller/rollout/draft.ts'
import { readFeeds } from '../../controller/simulate/feeds.ts'
import { readScenario } from '../../controller/simulate/scenario.ts'
import { simulate } from '../../controller/simulate/simulation.ts'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import { newState } from '../../controller/state/state.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/quickstart')
const URL = 'http://127.0.0.1:8080'

async function play(until: string): Promise<{ scene: Scene; lines: readonly string[] }> {
  const read = readScenario('fleet.yaml', readFileSync(join(EXAMPLE, 'fleet.yaml')))
  if (read.type === 'Problems') throw new Error(JSON.stringify(read.problems))
  const { objects, revision } = await loadDirectory(EXAMPLE)
  const times = { from: Date.parse('2025-10-13T12:00:00Z'), until: Date.parse(until) }
  const feeds = await readFeeds(objects)
  const declarations = [{ at: times.from, revision, objects }]
  const told: Told[] = []
  const lines: string[] = []
  const { state, notes } = simulate(
    { scenario: read.scenario.spec, seed: 7, ...times, declarations, feeds },
    {
      onDecision: (_state, at, decision) => {
        if (!isWorthTelling(decision)) return
        lines.push(decisionLine(decision, at))
        const one = toldOf(decision, at)
        if (one !== undefined) told.push(one)
      },
    },
  )
  return { scene: { state, notes, now: times.until, url: URL, told }, lines }
}

function draw(scene: Scene, screen: Omit<Screen, 'colours'>): string[] {
  const plain = drawTable(scene, { ...screen, colours: false })
  const coloured = drawTable(scene, { ...screen, colours: true })
  if (stripVTControlCharacters(coloured) !== stripVTControlCharacters(plain)) throw new Error('colours change the text')
  return stripVTControlCharacters(plain).split('\n')
}

test('the table fits the terminal, lines its columns up, and shows what is important', async (t) => {
  const { scene, lines } = await play('2025-10-16T12:00:00Z')
  for (const screen of [
    { columns: 100, rows: 30 },
    { columns: 160, rows: 50 },
    { columns: 80, rows: 24 },
    { columns: 20, rows: 5 },
  ]) {
    const drawn = draw(scene, screen)
    t.ok(drawn.length < screen.rows, `${drawn.length} lines in ${screen.rows} rows`)
    if (screen.columns < 80) continue
    t.same(
      drawn.filter((line) => line.length > screen.columns),
      [],
      `nothing is wider than ${screen.columns}`,
    )
    const text = drawn.join('\n').replaceAll(/\n +/g, ' ')
    t.match(text, /^Ringmaster quickstart {3}2025-10-16 12:00 UTC {3}1000 devices {3}http/)
    t.match(text, /RolledBack: .* more than 5 % failed/, 'why it was rolled back')
    t.match(text, /Progressing: phase pilot: .* soaks until 2025-10-1[67] \d\d:\d\d/, 'what the others wait for')
    t.match(text, /Next evaluation: 2025-11-11 18:00 UTC, of office, servers, workstations/)
    t.match(text, /10-15 \d\d:\d\d {2}office-20251014: ROLLED BACK/)
    const rows = drawn.filter((line) => /^[a-z]+-20251014 /.test(line))
    t.equal(rows.length, 3)
    t.equal(new Set(rows.map((row) => row.indexOf(' pilot '))).size, 1, 'phases stand below each other')
  }
  t.ok(
    lines.some((line) => /^2025-10-14 18:00 {2}UpdatesApproved {4}servers-20251014\/pilot .* updates on /.test(line)),
  )
  t.notMatch(lines.join('\n'), /T\d\d:\d\d:\d\d/, 'instants are to the minute')
})

test('before anything has happened it says when something will', async (t) => {
  const { scene } = await play('2025-10-13T13:00:00Z')
  t.match(draw(scene, { columns: 100, rows: 30 })[2], /^Next evaluation: 2025-10-14 18:00 UTC/)
  const empty = { state: newState(), notes: newDraft(newState(), 0).notes, now: 0, url: URL, told: [] }
  t.match(draw(empty, { columns: 100, rows: 30 })[0], /^Ringmaster quickstart {3}1970-01-01 00:00 UTC {3}0 devices/)
})
