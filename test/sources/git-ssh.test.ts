// A Git source over ssh, against a real sshd on the loopback: the key, the host key, and what is refused.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { GitSource } from '../../controller/sources/git-source.ts'
import { newRepository, publish, temporary } from '../support/git-repository.ts'

const SSHD = ['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path))
// Where everything is to be tested, a test that cannot run is one that fails.
const skip = SSHD === undefined && process.env.CI !== 'true' && 'there is no sshd here: apt-get install openssh-server'

const COLLECTION =
  'apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: a}\nspec: {queries: [{matchLabels: {a: b}}]}\n'

test('a key that the server knows, and a server whose key is known', { skip }, async (t) => {
  if (SSHD === undefined) throw new Error('there is no sshd: apt-get install openssh-server')
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': COLLECTION })
  const { bare, push } = publish(t, repository)
  const { port, folder } = await startSshd(t, SSHD)
  const caches = join(temporary(t), 'git')
  const user = userInfo().username
  const poll = (auth: object, url = `ssh://${user}@127.0.0.1:${port}${bare}`) =>
    new GitSource({ source: 'git/test', spec: GitSourceSpec.parse({ url, auth, timeout: 'PT30S' }), caches }).poll({})
  const good = { sshKeyFile: join(folder, 'a key'), knownHostsFile: join(folder, 'known hosts') }
  t.match(await poll(good), {
    load: { total: 0, objects: [{ name: 'a' }] },
    commit: { commit: repository.git('rev-parse', 'HEAD') },
  })

  repository.commit({ 'a.yaml': `${COLLECTION}# more\n`, 'b.yaml': COLLECTION.replace('name: a', 'name: b') })
  push()
  t.match(await poll(good), { load: { total: 0, objects: [{ name: 'a' }, { name: 'b' }] } })

  const failure = (message: RegExp) => ({ code: 'RM1403', message })
  await t.rejects(poll({ ...good, sshKeyFile: join(folder, 'stranger') }), failure(/Permission denied/))
  const nobody = join(folder, 'nobody')
  writeFileSync(nobody, '\n')
  await t.rejects(poll({ ...good, knownHostsFile: nobody }), failure(/Host key verification failed/), 'an unknown host')
  const changed = join(folder, 'changed')
  writeFileSync(changed, `[127.0.0.1]:${port} ${readFileSync(join(folder, 'stranger.pub'), 'utf8')}`)
  await t.rejects(poll({ ...good, knownHostsFile: changed }), failure(/[Hh]ost key/), 'a host with another key')
  await t.rejects(poll({ ...good, sshKeyFile: join(folder, 'none') }), { code: 'RM1407' })
  await t.rejects(poll(good, `ssh://${user}@127.0.0.1:${port}/no/repository.git`), { code: 'RM1403' })
})

async function startSshd(t: Test, sshd: string): Promise<{ port: number; folder: string }> {
  const folder = temporary(t)
  const path = (name: string) => join(folder, name)
  for (const name of ['host', 'a key', 'stranger'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path(name)])
  const port = await freePort()
  writeFileSync(path('authorized'), readFileSync(path('a key.pub')))
  writeFileSync(path('known hosts'), `[127.0.0.1]:${port} ${readFileSync(path('host.pub'), 'utf8')}`)
  const config = {
    Port: port,
    ListenAddress: '127.0.0.1',
    HostKey: path('host'),
    AuthorizedKeysFile: path('authorized'),
    PidFile: 'none',
    UsePAM: 'no',
    StrictModes: 'no',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    PermitRootLogin: 'prohibit-password',
    LogLevel: 'ERROR',
  }
  writeFileSync(
    path('sshd_config'),
    Object.entries(config)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(''),
  )
  // Where sshd that is started by root locks itself up.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const server = spawn(sshd, ['-D', '-e', '-f', path('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-10_000)
  })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  t.teardown(async () => {
    server.kill()
    await ended
  })
  for (let i = 0; i < 200 && !(await answers(port)); i++) {
    if (server.exitCode !== null) throw new Error(`sshd has ended: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { port, folder }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
