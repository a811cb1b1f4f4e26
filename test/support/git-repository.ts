// Real repositories for tests: made by git itself, under nobody's configuration.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

const ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  HOME: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
}

/** Runs git in a folder; returns its standard output without the last line break. */
export function runGit(
  folder: string,
  args: readonly string[],
  more: { env?: Record<string, string>; input?: string } = {},
): string {
  const env = { ...ENVIRONMENT, ...more.env }
  const { input = '' } = more
  return execFileSync('git', args, { cwd: folder, env, input, encoding: 'utf8', stdio: 'pipe' }).replace(/\n$/, '')
}

export function temporary(t: Test, prefix = 'ringmaster-git-'): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** `null` removes a file; `-> target` makes a link. */
export type Files = Readonly<Record<string, string | null>>

export type Repository = {
  readonly folder: string
  /** Writes, commits everything and returns the commit. */
  readonly commit: (files: Files, message?: string, options?: readonly string[]) => string
  readonly git: (...args: string[]) => string
}

/** A work tree with the branch `main`, without a commit. */
export function newRepository(t: Test): Repository {
  const folder = temporary(t)
  const git = (...args: string[]) => runGit(folder, args)
  git('init', '--quiet', '--initial-branch=main')
  const commit = (files: Files, message = 'a change', options: readonly string[] = []) => {
    writeFiles(folder, files)
    git('add', '--all', '--force')
    git('commit', '--quiet', '--allow-empty', '--message', message, ...options)
    return git('rev-parse', 'HEAD')
  }
  return { folder, commit, git }
}

export function writeFiles(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    rmSync(path, { recursive: true, force: true })
    if (content === null) continue
    mkdirSync(dirname(path), { recursive: true })
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), path)
    else writeFileSync(path, content)
  }
}

/** A bare clone that a server may serve, with filters allowed, and how to bring it up to date with the work tree. */
export function publish(t: Test, { folder, git }: Repository): { root: string; bare: string; push: () => void } {
  const root = temporary(t)
  const bare = join(root, 'rollouts.git')
  runGit(root, ['clone', '--quiet', '--bare', folder, bare])
  runGit(bare, ['config', 'uploadpack.allowFilter', 'true'])
  const push = () => {
    git('push', '--quiet', '--force', '--mirror', bare)
  }
  return { root, bare, push }
}
