// Whether a commit is signed, and by whom: with the keys that a source names, and no other key of the machine.
import { execFile } from 'node:child_process'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SourceCommit } from '../model/declared.ts'
import type { GitSourceSpec } from '../model/git-source.ts'
import { cannotReadReason } from './folder.ts'
import { type GitRun, git } from './git.ts'
import { GitSourceError } from './git-error.ts'

export type Signature = Pick<SourceCommit, 'signature' | 'signedBy'> & {
  /** Why it is refused. */
  readonly why?: string
}
type Verify = NonNullable<GitSourceSpec['verify']>

/**
 * Looks at the signature of a commit. Without keys a signed commit is `Unchecked`. `scratch`: a folder that may be made and is
 * removed again. Throws a GitSourceError (RM1412) when the keys cannot be used.
 */
export async function signatureOf(
  run: GitRun,
  commit: string,
  verify: Verify | undefined,
  scratch: string,
): Promise<Signature> {
  const raw = await git(['cat-file', 'commit', commit], run)
  const headers = raw.slice(0, raw.indexOf('\n\n'))
  const isSigned = /^gpgsig(-sha256)? /m.test(headers)
  if (!isSigned) return { signature: 'Unsigned' }
  if (verify === undefined) return { signature: 'Unchecked' }
  const isSsh = headers.includes('-----BEGIN SSH SIGNATURE-----')
  if (isSsh && verify.allowedSignersFile === undefined)
    return refused('it is signed with ssh, and no ssh key is trusted')
  if (!isSsh && verify.openPgpKeyFiles === undefined)
    return refused('it is signed with OpenPGP, and no OpenPGP key is trusted')
  try {
    await fs.rm(scratch, { recursive: true, force: true })
    await fs.mkdir(scratch, { mode: 0o700 })
    return await verified(run, commit, isSsh ? await sshTrust(verify) : await pgpTrust(verify, scratch))
  } finally {
    await fs.rm(scratch, { recursive: true, force: true })
  }
}

type Trust = Pick<GitRun, 'env' | 'config'>

/** What `%G?` says of signatures that do not count. */
const REFUSALS: Readonly<Record<string, string>> = {
  B: 'its signature is bad: it was changed after it was signed',
  U: 'its key is not one of those that are trusted',
  X: 'its signature has expired',
  Y: 'its key has expired',
  R: 'its key was revoked',
  E: 'its key is not one of those that are trusted',
  N: 'its signature cannot be read',
}

async function verified(run: GitRun, commit: string, trust: Trust): Promise<Signature> {
  const format = '--format=%G?%x00%GF%x00%GK%x00%GS'
  const shown = await git(['log', '-1', '--no-show-signature', format, commit], { ...run, ...trust })
  const [state = 'N', fingerprint = '', key = '', signer = ''] = shown.trim().split('\0')
  const by = [fingerprint || key, signer].filter((part) => part !== '').map((part) => part.slice(0, 200))
  if (state === 'G') return { signature: 'Verified', signedBy: by.length === 2 ? `${by[1]} (${by[0]})` : `${by[0]}` }
  const whose = by[0] === undefined ? '' : ` (${by[0]})`
  return refused(`${REFUSALS[state] ?? 'its signature does not count'}${whose}`)
}

function refused(why: string): Signature {
  return { signature: 'Refused', why }
}

async function sshTrust({ allowedSignersFile = '' }: Verify): Promise<Trust> {
  await readKeys(allowedSignersFile)
  return { config: [['gpg.ssh.allowedSignersFile', allowedSignersFile]] }
}

// A key ring of its own. Whoever named the keys trusts them, so that their validity is not asked for again.
async function pgpTrust({ openPgpKeyFiles = [] }: Verify, home: string): Promise<Trust> {
  await fs.writeFile(join(home, 'gpg.conf'), 'trust-model always\nno-auto-key-retrieve\nno-auto-check-trustdb\n')
  for (const file of openPgpKeyFiles) {
    await readKeys(file)
    try {
      const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', HOME: home }
      const args = ['--homedir', home, '--batch', '--no-tty', '--quiet', '--no-autostart', '--import', '--', file]
      await promisify(execFile)('gpg', args, { env, timeout: 30_000, maxBuffer: 1024 * 1024 })
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      const why = isMissing ? 'gpg is not installed' : `${file} holds no OpenPGP key that gpg can read`
      throw new GitSourceError('RM1412', `verify: ${why}`, error)
    }
  }
  return { env: { GNUPGHOME: home } }
}

const MAX_KEY_BYTES = 16 * 1024 * 1024

async function readKeys(file: string): Promise<void> {
  try {
    const stat = await fs.stat(file)
    if (!stat.isFile() || stat.size === 0 || stat.size > MAX_KEY_BYTES) throw new Error('it is no file of keys')
    await fs.access(file, fs.constants.R_OK)
  } catch (error) {
    throw new GitSourceError('RM1412', `verify: ${file} cannot be read: ${cannotReadReason(error)}`, error)
  }
}
