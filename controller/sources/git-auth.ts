// Credentials of a Git source: read when they are needed, given to git through its environment, kept out of everything it says.
import { promises as fs } from 'node:fs'
import type { GitSourceSpec } from '../model/git-source.ts'
import { cannotReadReason } from './folder.ts'
import { GitSourceError } from './git-error.ts'

export type Credentials = {
  readonly config: readonly (readonly [string, string])[]
  readonly env: Readonly<Record<string, string>>
  /** What must not be shown. */
  readonly secrets: readonly string[]
}

const MAX_SECRET_BYTES = 64 * 1024

/** Throws a GitSourceError (RM1407). */
export async function credentialsOf({ url, auth = {} }: Pick<GitSourceSpec, 'url' | 'auth'>): Promise<Credentials> {
  const isSsh = url.startsWith('ssh:') || !url.includes('://')
  const env = isSsh ? { GIT_SSH_COMMAND: await sshCommand(auth), GIT_SSH_VARIANT: 'ssh' } : {}
  const config: [string, string][] = []
  if (auth.caFile !== undefined) config.push(['http.sslCAInfo', auth.caFile])
  if (!url.startsWith('http')) return { config, env, secrets: [] }
  const secret = await readSecret(auth.passwordFile, auth.passwordVariable, 'auth')
  if (secret === undefined) return { config, env, secrets: [] }
  const pair = Buffer.from(`${auth.username ?? 'git'}:${secret}`).toString('base64')
  config.push(['http.extraHeader', `Authorization: ${auth.bearer ? `Bearer ${secret}` : `Basic ${pair}`}`])
  // The header would go wherever a redirect leads.
  config.push(['http.followRedirects', 'false'])
  return { config, env, secrets: [secret, pair, encodeURIComponent(secret)] }
}

/** The content of the file, or the value of the variable. Throws a GitSourceError (RM1407) when it is named and not there. */
export async function readSecret(
  file: string | undefined,
  variable: string | undefined,
  what: string,
): Promise<string | undefined> {
  if (file === undefined && variable === undefined) return undefined
  const text = file === undefined ? process.env[variable ?? ''] : await readSmall(file, what)
  const secret = text?.trim() ?? ''
  if (secret === '' || /[\r\n\0]/.test(secret) || secret.length > MAX_SECRET_BYTES)
    throw new GitSourceError('RM1407', `${what}: ${file ?? `the variable ${variable}`} is empty or not one line`)
  return secret
}

async function readSmall(file: string, what: string): Promise<string> {
  try {
    const stat = await fs.stat(file)
    if (!stat.isFile() || stat.size > MAX_SECRET_BYTES) throw new Error('it is no small file')
    return await fs.readFile(file, 'utf8')
  } catch (error) {
    throw new GitSourceError('RM1407', `${what}: ${file} cannot be read: ${cannotReadReason(error)}`, error)
  }
}

type Auth = NonNullable<GitSourceSpec['auth']>

// A host whose key is not known is refused, whatever the configuration of the user says.
async function sshCommand({ sshKeyFile, knownHostsFile }: Auth): Promise<string> {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    'ConnectTimeout=20',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
    'LogLevel=ERROR',
  ]
  if (sshKeyFile !== undefined) {
    await readSmall(sshKeyFile, 'auth')
    options.push('IdentitiesOnly=yes', 'IdentityAgent=none', `IdentityFile="${literal(sshKeyFile)}"`)
  }
  if (knownHostsFile !== undefined) {
    await readSmall(knownHostsFile, 'auth')
    options.push(`UserKnownHostsFile="${literal(knownHostsFile)}"`, 'GlobalKnownHostsFile=/dev/null')
  }
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', quoted(option)])].join(' ')
}

// ssh puts other values in for %h and the like.
function literal(path: string): string {
  return path.replaceAll('%', '%%')
}

// git gives the command to a shell.
function quoted(text: string): string {
  return /^[\w=]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** A text without the secrets. */
export function withoutSecrets(text: string, { secrets }: Pick<Credentials, 'secrets'>): string {
  return secrets.reduce((told, secret) => told.replaceAll(secret, '***'), text)
}
