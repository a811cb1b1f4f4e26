// The options of `ringmaster run --git`: the same as a GitSource, as they are written on a command line.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { GitSourceSpec } from '../model/git-source.ts'

export const GIT_OPTIONS = {
  git: { type: 'string' },
  branch: { type: 'string' },
  tag: { type: 'string' },
  commit: { type: 'string' },
  path: { type: 'string' },
  interval: { type: 'string' },
  'git-user': { type: 'string' },
  'git-password-file': { type: 'string' },
  'git-password-variable': { type: 'string' },
  'git-ca-file': { type: 'string' },
  'ssh-key-file': { type: 'string' },
  'known-hosts-file': { type: 'string' },
  'verify-openpgp': { type: 'string', multiple: true },
  'verify-ssh': { type: 'string' },
  'webhook-secret-file': { type: 'string' },
  'webhook-secret-variable': { type: 'string' },
} as const

export const GIT_USAGE = `From a Git repository, instead of PATH or beside it:

  --git URL                     https, http, ssh or file URL, user@host:path, or a local path
  --branch NAME                 Follow this branch (default: the HEAD of the remote)
  --tag NAME | --commit HASH    Follow a tag, or take one commit
  --path DIR                    The folder of the repository (default: all of it)
  --interval PT1M               How often the remote is asked; ISO 8601, or 30s, 1m, 1h (default PT1M)
  --git-user NAME               User for http (default git)
  --git-password-file FILE      Password or token for http; or --git-password-variable NAME
  --git-ca-file FILE            Certificates of trusted authorities, PEM
  --ssh-key-file FILE           Private key for ssh
  --known-hosts-file FILE       Host keys for ssh; unknown hosts are always refused
  --verify-openpgp FILE         Take only commits signed with one of these OpenPGP keys; may be repeated
  --verify-ssh FILE             Take only commits signed by one of these allowed signers (ssh)
  --webhook-secret-file FILE    Secret of POST /v1/webhooks/git/default; or --webhook-secret-variable NAME`

type Values = { readonly [K in keyof typeof GIT_OPTIONS]?: string | string[] | undefined }

export type GitOptions =
  | { readonly type: 'None' }
  | { readonly type: 'Git'; readonly spec: GitSourceSpec }
  | { readonly type: 'Wrong'; readonly message: string }

/** What the options say, checked as a GitSource is. */
export function gitOptions(values: Values): GitOptions {
  const given = (Object.keys(GIT_OPTIONS) as (keyof typeof GIT_OPTIONS)[]).filter((name) => values[name] !== undefined)
  if (given.length === 0) return { type: 'None' }
  if (values.git === undefined) return { type: 'Wrong', message: `--${given[0]} goes with --git URL` }
  const parsed = GitSourceSpec.safeParse(written(values))
  if (parsed.success) return { type: 'Git', spec: parsed.data }
  const [issue] = parsed.error.issues
  const option = OPTION_OF[issue?.path.join('.') ?? '']
  return { type: 'Wrong', message: `${option === undefined ? '--git' : `--${option}`}: ${issue?.message}` }
}

const OPTION_OF: Readonly<Record<string, keyof typeof GIT_OPTIONS>> = {
  branch: 'branch',
  tag: 'tag',
  commit: 'commit',
  path: 'path',
  interval: 'interval',
  'auth.username': 'git-user',
  'auth.passwordVariable': 'git-password-variable',
  'webhook.secretVariable': 'webhook-secret-variable',
}

function written(values: Values) {
  const text = (name: keyof typeof GIT_OPTIONS) => values[name]?.toString()
  const file = (name: keyof typeof GIT_OPTIONS) => {
    const path = text(name)
    return path === undefined ? undefined : resolve(path)
  }
  const keys = [values['verify-openpgp'] ?? []].flat().map((path) => resolve(path))
  return without({
    url: urlOf(text('git') ?? ''),
    branch: text('branch'),
    tag: text('tag'),
    commit: text('commit'),
    path: text('path'),
    interval: isoOf(text('interval')),
    auth: without({
      username: text('git-user'),
      passwordFile: file('git-password-file'),
      passwordVariable: text('git-password-variable'),
      caFile: file('git-ca-file'),
      sshKeyFile: file('ssh-key-file'),
      knownHostsFile: file('known-hosts-file'),
    }),
    verify: without({
      openPgpKeyFiles: keys.length === 0 ? undefined : keys,
      allowedSignersFile: file('verify-ssh'),
    }),
    webhook: without({
      secretFile: file('webhook-secret-file'),
      secretVariable: text('webhook-secret-variable'),
    }),
  })
}

/** Without what was not given; undefined when nothing was. */
function without(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

function urlOf(text: string): string {
  const isPath = /^[./~]/.test(text) || (!text.includes(':') && existsSync(text))
  return isPath ? `file://${resolve(text)}` : text
}

/** `30s`, `1m`, `1h` as people write them; everything else as it is. */
function isoOf(text: string | undefined): string | undefined {
  const [, count, unit] = /^(\d{1,6})([smh])$/.exec(text ?? '') ?? []
  return count === undefined || unit === undefined ? text : `PT${count}${unit.toUpperCase()}`
}
