// docs/guides/pull-requests.md is run as it stands, block by block.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const GUIDE = readFileSync(join(ROOT, 'docs/guides/pull-requests.md'), 'utf8')
const ENV = {
  GIT_AUTHOR_NAME: 'Grace',
  GIT_AUTHOR_EMAIL: 'grace@example.com',
  GIT_COMMITTER_NAME: 'Grace',
  GIT_COMMITTER_EMAIL: 'grace@example.com',
}

type Block = { readonly note: string; readonly code: string }

function blocks(text: string): Block[] {
  return [...text.matchAll(/(?:^<!-- (.*) -->\n)?^```sh\n([\s\S]*?)^```$/gm)].map(([, note = '', code = '']) => ({
    note,
    code,
  }))
}

/** Runs blocks in one folder after the other, as a person would in one terminal. */
function terminal(t: Test, port: number) {
  const base = t.testdir({ bin: {} })
  const bin = join(base, 'bin')
  mkdirSync(bin, { recursive: true })
  // Ports are the test's own, so that nothing else answers.
  const address = `127.0.0.1:${port}`
  const wrapper = `#!/usr/bin/env bash\nif [ "$1" = run ]; then set -- "$@" --listen ${address}; fi\nexec "${join(ROOT, 'bin/ringmaster')}" "$@"\n`
  writeFileSync(join(bin, 'ringmaster'), wrapper)
  chmodSync(join(bin, 'ringmaster'), 0o755)
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH: `${bin}:${PATH}`, HOME, RINGMASTER_SERVER: `http://${address}`, ...ENV }
  let folder = base
  return {
    env,
    folder: () => folder,
    run(code: string): { exit: number | null; out: string } {
      const script = `${code.replaceAll('http://127.0.0.1:8080', `http://${address}`)}\ncode=$?\npwd > "${base}/folder"\nexit $code\n`
      const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
        cwd: folder,
        env,
        encoding: 'utf8',
        timeout: 120_000,
      })
      folder = readFileSync(join(base, 'folder'), 'utf8').trim()
      return { exit: status, out: stdout + stderr }
    },
  }
}

test('the guide works as it stands', { timeout: 280_000 }, async (t) => {
  const all = blocks(GUIDE)
  t.ok(all.length >= 12)
  const shell = terminal(t, 18_000 + (process.pid % 10_000))
  let controller: ChildProcess | undefined
  for (const { note, code } of all) {
    const first = code.split('\n')[0] ?? ''
    if (note === 'runs on') {
      controller = spawn('bash', ['-c', `exec ${code}`], { cwd: shell.folder(), env: shell.env, stdio: 'ignore' })
      t.teardown(() => controller?.kill())
      await until(t, () => shell.run('ringmaster get adr').out.includes('workstations'))
      continue
    }
    const [, wanted = ''] = /^waits for: (.*)$/.exec(note) ?? []
    if (wanted === 'RolledBack') await until(t, () => shell.run(code).out.includes('RolledBack'))
    else if (wanted !== '') await until(t, () => shell.run('ringmaster get adr').out.includes('office'))
    const { exit, out } = shell.run(code)
    const [, expected = '0'] = /^exits (\d)$/.exec(note) ?? []
    t.equal(exit, Number(expected), `${first}\n${out}`)
    if (first === 'ringmaster test tests') showsWhatTheGuideShows(t, out)
  }
})

function showsWhatTheGuideShows(t: Test, out: string): void {
  const [, shown = ''] = /^((?: {4}.*\n)+)/m.exec(GUIDE.slice(GUIDE.indexOf('    FAILED  office'))) ?? []
  t.ok(shown.length > 100)
  for (const line of shown.trimEnd().split('\n')) t.ok(out.includes(line.slice(4)), line)
}

async function until(t: Test, so: () => boolean): Promise<void> {
  for (let i = 0; i < 20; i++) {
    if (so()) return
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  t.fail('what the guide waits for has not come about')
}
