// Signed commits, with real gpg and ssh-keygen: which are trusted, and what is said of the others.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { GitSource } from '../../controller/sources/git-source.ts'
import { newRepository, publish, type Repository, temporary } from '../support/git-repository.ts'

const COLLECTION =
  'apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: a}\nspec: {queries: [{matchLabels: {a: b}}]}\n'

test('ssh: a commit of an allowed signer counts, one of anybody else not, nor an unsigned one', async (t) => {
  const repository = newRepository(t)
  const { push, poll, verify } = sshSite(t, repository)
  sign(repository, verify.keyOf('ada'))
  push()
  t.match(await poll({ allowedSignersFile: verify.allowed }), {
    load: { total: 0, objects: [{ name: 'a' }] },
    commit: { signature: 'Verified', signedBy: /^ada@example\.com \(SHA256:\S{43}\)$/ },
  })
  t.match(await poll(undefined), { load: { total: 0 }, commit: { signature: 'Unchecked' } })
  const refused = await poll({ openPgpKeyFiles: [verify.allowed] })
  t.match(refused, { load: { total: 1, problems: [{ code: 'RM1405', message: /no ssh key is trusted/ }] } })

  sign(repository, verify.keyOf('eve'))
  push()
  t.match(await poll({ allowedSignersFile: verify.allowed }), {
    load: {
      total: 1,
      objects: [],
      problems: [{ code: 'RM1405', message: /by Ada.*not one of those that are trusted/ }],
    },
    commit: { signature: 'Refused' },
  })

  repository.commit({ 'a.yaml': COLLECTION })
  push()
  t.match(await poll({ allowedSignersFile: verify.allowed }), {
    load: { total: 1, problems: [{ file: '.', line: 1, code: 'RM1404', message: /is not signed/ }] },
    commit: { signature: 'Unsigned' },
  })
})

test('a commit that was changed after it was signed is refused', async (t) => {
  const repository = newRepository(t)
  const { push, poll, verify } = sshSite(t, repository)
  sign(repository, verify.keyOf('ada'))
  const raw = repository.git('cat-file', 'commit', 'HEAD')
  const forged = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
    cwd: repository.folder,
    input: `${raw.replace('signed change', 'forged change')}\n`,
    encoding: 'utf8',
  }).trim()
  repository.git('reset', '--quiet', '--hard', forged)
  push()
  t.match(await poll({ allowedSignersFile: verify.allowed }), {
    load: { total: 1, problems: [{ code: 'RM1405', message: /signature/ }] },
    commit: { signature: 'Refused', subject: 'forged change' },
  })
})

test('keys that are missing or are none trust nobody, and say so', async (t) => {
  const repository = newRepository(t)
  const { push, poll, verify } = sshSite(t, repository)
  sign(repository, verify.keyOf('ada'))
  push()
  await t.rejects(poll({ allowedSignersFile: '/nowhere/allowed' }), { code: 'RM1412', message: /does not exist/ })
  const empty = join(temporary(t), 'allowed')
  writeFileSync(empty, '')
  await t.rejects(poll({ allowedSignersFile: empty }), { code: 'RM1412' })
})

test('OpenPGP: a commit of a given key counts, one of another key not', async (t) => {
  const repository = newRepository(t)
  const { bare, push } = publish(t, repository)
  const ada = openPgpKey(t, 'Ada <ada@example.com>')
  const eve = openPgpKey(t, 'Eve <eve@example.com>')
  const caches = join(temporary(t), 'git')
  const poll = (openPgpKeyFiles: string[]) => newSource(bare, caches, { openPgpKeyFiles }).poll({})
  signWith(repository, ada)
  push()
  t.match(await poll([ada.publicKey, eve.publicKey]), {
    load: { total: 0 },
    commit: { signature: 'Verified', signedBy: `Ada <ada@example.com> (${ada.fingerprint})` },
  })
  t.match(await poll([eve.publicKey]), {
    load: { total: 1, problems: [{ code: 'RM1405', message: /not one of those that are trusted/ }] },
    commit: { signature: 'Refused' },
  })
  const rubbish = join(temporary(t), 'rubbish.asc')
  writeFileSync(rubbish, 'no key')
  await t.rejects(poll([rubbish]), { code: 'RM1412', message: /holds no OpenPGP key/ })
})

function newSource(bare: string, caches: string, verify: object | undefined) {
  const spec = GitSourceSpec.parse({ url: `file://${bare}`, ...(verify && { verify }) })
  return new GitSource({ source: 'git/test', spec, caches })
}

function sshSite(t: Test, repository: Repository) {
  const folder = temporary(t)
  const keyOf = (who: string) => join(folder, who)
  for (const who of ['ada', 'eve'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', who, '-f', keyOf(who)])
  const allowed = join(folder, 'allowed')
  writeFileSync(allowed, `ada@example.com ${readFileSync(`${keyOf('ada')}.pub`, 'utf8')}`)
  repository.commit({ 'a.yaml': COLLECTION })
  const { bare, push } = publish(t, repository)
  const caches = join(temporary(t), 'git')
  const poll = (verify: object | undefined) => newSource(bare, caches, verify).poll({})
  return { push, poll, verify: { keyOf, allowed } }
}

function sign(repository: Repository, key: string): void {
  repository.git('config', 'gpg.format', 'ssh')
  repository.git('config', 'user.signingKey', key)
  repository.commit({}, 'signed change', ['--gpg-sign'])
}

type OpenPgpKey = { readonly home: string; readonly fingerprint: string; readonly publicKey: string }

function openPgpKey(t: Test, who: string): OpenPgpKey {
  // Sockets in it must have short names.
  const home = temporary(t, 'gpg-')
  const env = { PATH: process.env.PATH ?? '', GNUPGHOME: home }
  const gpg = (...args: string[]) =>
    execFileSync('gpg', ['--batch', '--quiet', '--passphrase', '', ...args], { env, encoding: 'utf8', stdio: 'pipe' })
  t.teardown(() => execFileSync('gpgconf', ['--kill', 'all'], { env }))
  gpg('--quick-generate-key', who, 'ed25519', 'sign', 'never')
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons'))?.[1] ?? ''
  const publicKey = join(home, 'public.asc')
  writeFileSync(publicKey, gpg('--armor', '--export'))
  return { home, fingerprint, publicKey }
}

function signWith(repository: Repository, { home, fingerprint }: OpenPgpKey): void {
  const program = join(home, 'gpg-of-tests')
  writeFileSync(program, `#!/bin/sh\nGNUPGHOME='${home}' exec gpg "$@"\n`, { mode: 0o755 })
  repository.git('config', 'gpg.program', program)
  repository.git('config', 'user.signingKey', fingerprint)
  repository.commit({ 'a.yaml': COLLECTION }, 'signed change', ['--gpg-sign'])
}
