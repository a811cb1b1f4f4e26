// `ringmaster explain` of a code or a reason, which needs no controller.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import { REASONS } from '../../controller/model/reasons.ts'
import { STATUS_REASONS } from '../../controller/model/status-reasons.ts'
import { ALL_CODES } from '../../controller/sources/codes.ts'

async function explain(...args: string[]) {
  let out = ''
  let err = ''
  const exit = await main(['explain', ...args], {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  return { exit, out, err }
}

test('each code prints its page of the documentation', async (t) => {
  for (const code of ALL_CODES) {
    const page = readFileSync(join(import.meta.dirname, `../../docs/errors/${code}.md`), 'utf8')
    const { exit, out } = await explain(code)
    t.equal(exit, 0)
    t.equal(out, page.replace(/^<!--.*\n/, '').replace('[ringmaster.yaml](../reference/Project.md)', 'ringmaster.yaml'))
  }
})

test('each reason prints what it means, in any case of letters', async (t) => {
  for (const [reason, meaning] of Object.entries({ ...REASONS, ...STATUS_REASONS }))
    t.match(await explain(reason.toLowerCase()), { exit: 0, out: `# ${reason}\n\n${meaning}\n` })
})

test('result codes of Windows, JSON, and what is not known', async (t) => {
  t.match(await explain('0x80070643'), { exit: 0, out: /installer failed/ })
  t.match(JSON.parse((await explain('rm1503', '--format', 'json')).out), {
    code: 'RM1503',
    severity: 'Warning',
    title: 'WindowTooShort',
  })
  t.match(JSON.parse((await explain('Soaking', '--format', 'json')).out), { reason: 'Soaking' })
  t.match(await explain('RM1599'), { exit: 1, err: /no code and no reason .*did you mean RM1509\?/ })
  t.match(await explain('Soakign'), { exit: 1, err: /did you mean Soaking\?/ })
  t.match(await explain('RM1503', '--device', 'x'), { exit: 2 })
  t.match(await explain('RM1503', '--format', 'xml'), { exit: 2 })
  t.match(await explain(), { exit: 2, err: /--device DEVICE and --update UPDATE, or one code or reason/ })
})
