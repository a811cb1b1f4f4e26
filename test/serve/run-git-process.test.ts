// `ringmaster run --git` as a process of its own: killed while it fetches, it goes on where it was; its options are checked.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { serveGit } from '../support/git-http-server.ts'
import { newRepository, publish, temporary } from '../support/git-repository.ts'
import { get } from './harness.ts'
import { ringmaster, startProcess } from './process.ts'

const COLLECTION =
  'apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: a}\nspec: {queries: [{matchLabels: {a: b}}]}\n'

test('killed in the middle of a fetch, it goes on from what was in force, and then takes the new commit', async (t) => {
  const repository = newRepository(t)
  const first = repository.commit({ 'a.yaml': COLLECTION })
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const folder = temporary(t)
  const data = join(folder, 'data')
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'the secret')
  const args = ['--git', `${server.url}/rollouts.git`, '--interval', '1h', '--webhook-secret-file', secret]
  let before = first
  for (let round = 0; round < 2; round++) {
    const running = await startProcess(t, args, data)
    await inForce(running.url, before)
    const next = repository.commit({ 'big.yaml': `# ${randomBytes(300_000).toString('base64')}\n` }, `round ${round}`)
    push()
    server.fault = 'Stall'
    const stalled = server.stalled()
    const headers = { 'x-gitlab-token': 'the secret' }
    const woken = await fetch(`${running.url}/v1/webhooks/git/default`, { method: 'POST', headers })
    t.equal(woken.status, 202)
    while (server.stalled() === stalled) await delay(10)
    running.child.kill('SIGKILL')
    t.same(await running.ended, [null, 'SIGKILL'])
    // What git was left behind by the kill ends with its connection.
    server.cut()
    server.fault = undefined
    const again = await startProcess(t, args, data)
    await inForce(again.url, next)
    again.child.kill('SIGTERM')
    t.same(await again.ended, [0, null], again.output())
    before = next
  }
  t.notMatch(readFileSync(join(data, 'journal.db'), 'latin1'), /the secret/)
})

test('options that make no sense are refused before anything is begun', async (t) => {
  const data = join(temporary(t), 'data')
  const cases: (readonly [string[], RegExp])[] = [
    [['--branch', 'main'], /--branch goes with --git/],
    [[], /name one directory of declarations, a repository with --git URL, or --kubernetes/],
    [['--git', 'https://ada:secret@git.example/x.git'], /must not contain a password/],
    [['--git=--upload-pack=touch'], /must not begin with "-"/],
    [['--git', 'ext::sh -c touch% /x'], /is no URL of a repository/],
    [['--git', 'ssh://-oProxyCommand=touch/x'], /is no URL of a repository/],
    [['--git', 'https://git.example/x.git', '--branch=-x'], /--branch: must not begin with "-"/],
    [['--git', 'https://git.example/x.git', '--branch', 'a..b'], /--branch: is no name/],
    [['--git', 'https://git.example/x.git', '--branch', 'a', '--tag', 'b'], /at most one of branch, tag and commit/],
    [['--git', 'https://git.example/x.git', '--path', '../x'], /--path: must be a folder of the repository/],
    [['--git', 'https://git.example/x.git', '--interval', 'often'], /--interval: /],
    [['--git', 'http://git.example/x.git', '--git-password-variable', 'X'], /over https only/],
  ]
  for (const [args, message] of cases) {
    const { code, err } = await ringmaster(['run', '--data', data, '--listen', '127.0.0.1:0', ...args])
    t.equal(code, 2, args.join(' '))
    t.match(err, message)
  }
})

async function inForce(url: string, commit: string): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    const { body } = await get(url, '/metrics')
    if (String(body).includes(`revision="main@sha1:${commit}"`)) return
    await delay(20)
  }
  throw new Error(`commit ${commit} does not come into force`)
}
