import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { assemble } from '../../controller/sources/assemble.ts'
import { CODES } from '../../controller/sources/codes.ts'

const folder = join(import.meta.dirname, 'broken')
const seen = new Set<string>()

// They are .txt so that no formatter mends them. The first lines of each say what is expected: `# expect: CODE LINE:COLUMN PATH`, in order.
for (const name of readdirSync(folder).sort()) {
  test(`broken/${name} gives exactly the problems that it names`, async (t) => {
    const bytes = readFileSync(join(folder, name))
    const { problems } = assemble('test', [{ name, folder, bytes }], [], new Map(), new Set([name]))
    const expected = [...bytes.toString().matchAll(/^# expect: (.*)$/gm)].map(([, text]) => text)
    t.not(expected.length, 0)
    t.strictSame(
      problems.map(({ code, line, column, path }) => `${code} ${line}:${column} ${path}`.trimEnd()),
      expected,
    )
    for (const { code, message } of problems) {
      seen.add(code)
      t.ok(code in CODES, `${code} is documented`)
      t.notMatch(message, /Invalid input|expected \w+, received|undefined|\[object/, 'no words of the validator')
      t.notMatch(message, /[\n\r]/, 'one line')
    }
  })
}

test('the broken files show nearly every code', async (t) => {
  const elsewhere = /^RM(1001|1002|1003|1006|1014|1015|1016|1017|1018|1019|1020|14\d\d)$/
  t.strictSame(
    Object.keys(CODES).filter((code) => !seen.has(code) && !elsewhere.test(code)),
    [],
  )
})
