// Broken declarations, each with the code, line and column that is to be told: written by hand in broken/, and made from the
// good examples of every kind by one change each.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { checkSet, type Remark } from '../../controller/sources/check-set.ts'
import { CODES } from '../../controller/sources/codes.ts'
import { EXAMPLES } from '../../controller/sources/examples.ts'
import { WHOLE_READER } from '../../controller/sources/manifest.ts'

const folder = join(import.meta.dirname, 'broken')
const AT = Date.parse('2026-01-15T00:00:00Z')
const seen = new Set<string>()
let manifests = 0

function remarksOf(name: string, bytes: Uint8Array): readonly Remark[] {
  manifests++
  return checkSet({ files: [{ name, folder, bytes }], unread: [], explicit: new Set([name]) }, AT, WHOLE_READER).remarks
}

function isForPeople(t: Test, remarks: readonly Remark[]): void {
  for (const { code, message } of remarks) {
    seen.add(code)
    t.ok(code in CODES, `${code} is documented`)
    t.notMatch(
      message,
      /Invalid input|expected \w+, received|undefined|\[object|\bat .*\.ts:/,
      'no words of the validator',
    )
    t.notMatch(message, /[\n\r]/, 'one line')
  }
}

// They are .txt so that no formatter mends them. The first lines of each say what is expected: `# expect: CODE LINE:COLUMN PATH`, in order.
for (const name of readdirSync(folder).sort()) {
  test(`broken/${name} gives exactly the findings that it names`, async (t) => {
    const bytes = readFileSync(join(folder, name))
    const remarks = remarksOf(name, bytes)
    const expected = [...bytes.toString().matchAll(/^# expect: (.*)$/gm)].map(([, text]) => text)
    t.not(expected.length, 0)
    t.strictSame(
      remarks.map(({ code, line, column, path }) => `${code} ${line}:${column} ${path}`.trimEnd()),
      expected,
    )
    isForPeople(t, remarks)
  })
}

test('the broken files show nearly every code', async (t) => {
  // What needs a repository, a policy test or a cluster is shown where these are tested.
  const elsewhere = /^RM(1001|1002|1003|1006|1014|1015|1016|1017|1018|1019|1020|1[467]\d\d)$/
  t.strictSame(
    Object.keys(CODES).filter((code) => !seen.has(code) && !elsewhere.test(code)),
    [],
  )
})

type Broken = { readonly text: string; readonly code: RegExp; readonly line: number; readonly column: number }

/** A field on a line of its own: how far it is indented (a dash counts), its name, and what follows the colon. */
const FIELD = /^((?: |- )*)([A-Za-z]+):( *)(.*)$/

/** One change of one line each, and what has to be told of it and where. */
const CHANGES: Readonly<Record<string, (lines: readonly string[], at: number) => Broken | undefined>> = {
  'with a misspelt field': (lines, at) => {
    const [, indent = '', name = '', space = '', value = ''] = FIELD.exec(lines[at] ?? '') ?? []
    if (name === '' || indent.length === 0 || isFree(lines, at)) return undefined
    const code = /^RM1201$/
    return {
      text: replaced(lines, at, `${indent}${name}zz:${space}${value}`),
      code,
      line: at + 1,
      column: indent.length + 1,
    }
  },
  'with a field twice': (lines, at) => {
    const [line = '', indent = '', name = '', , value = ''] = FIELD.exec(lines[at] ?? '') ?? []
    if (name === '' || value === '' || value.startsWith('#') || indent.includes('-')) return undefined
    return { text: replaced(lines, at, `${line}\n${line}`), code: /^RM1009$/, line: at + 2, column: indent.length + 1 }
  },
  'with a value of another type': (lines, at) => {
    const [, indent = '', name = '', space = '', value = ''] = FIELD.exec(lines[at] ?? '') ?? []
    if (name === '' || value === '' || value.startsWith('#') || isFree(lines, at)) return undefined
    const text = replaced(lines, at, `${indent}${name}:${space}[[{}]]`)
    const column = indent.length + name.length + 1 + space.length + 1
    // Inside of a list that should have been, the first item is at fault.
    return { text, code: /^RM(1102|1103|1105|1203|1204|1207)$/, line: at + 1, column }
  },
  'with a tab': (lines, at) => {
    const [, indent = ''] = FIELD.exec(lines[at] ?? '') ?? []
    if (!/^ +$/.test(indent)) return undefined
    return {
      text: replaced(lines, at, `\t${(lines[at] ?? '').trimStart()}`),
      code: /^RM1004$/,
      line: at + 1,
      column: 1,
    }
  },
  'with a tag': (lines, at) => {
    const [, indent = '', name = '', space = '', value = ''] = FIELD.exec(lines[at] ?? '') ?? []
    if (!/^[A-Za-z0-9"]/.test(value)) return undefined
    const text = replaced(lines, at, `${indent}${name}:${space}!x ${value}`)
    return { text, code: /^RM1008$/, line: at + 1, column: indent.length + name.length + 1 + space.length + 4 }
  },
}

/** Labels and matchLabels may have any names and texts. */
function isFree(lines: readonly string[], at: number): boolean {
  return /labels|annotations/i.test(lines[at - 1] ?? '') || /labels|annotations/i.test(lines[at] ?? '')
}

function replaced(lines: readonly string[], at: number, by: string): string {
  return lines.with(at, by).join('\n')
}

const GOOD = Object.entries(EXAMPLES)
  .filter(([kind]) => kind !== 'UpdateDeployment')
  .flatMap(([kind, text]) =>
    text
      .trim()
      .split(/\n---\n/)
      .map((one, i) => ({ name: `${kind} ${i + 1}`, lines: one.split('\n') })),
  )

for (const [what, change] of Object.entries(CHANGES)) {
  test(`a good example of each kind, ${what}: told at its line and column`, async (t) => {
    for (const { name, lines } of GOOD) {
      for (const at of lines.keys()) {
        const broken = change(lines, at)
        if (broken === undefined) continue
        const remarks = remarksOf('a.yaml', new TextEncoder().encode(broken.text))
        const told = remarks.filter(({ code }) => broken.code.test(code))
        const here = told.some(
          ({ line, column }) => line === broken.line && column >= broken.column && column <= broken.column + 2,
        )
        if (!here)
          t.fail(`${name}, line ${at + 1}: ${broken.code.source} at ${broken.line}:${broken.column} expected`, {
            text: broken.text,
            told: remarks.map(({ code, line, column, message }) => `${code} ${line}:${column} ${message}`),
          })
        isForPeople(t, remarks)
      }
    }
  })
}

test('there are more than two hundred of them', async (t) => {
  t.ok(manifests > 200, `${manifests} broken manifests`)
})
