// Which commit a directory's declarations come from, when it lies in a Git work tree and nothing in it is uncommitted.
import { simpleGit } from 'simple-git'

export type Head = { readonly commit: string; readonly author: string }

const TIMEOUT_MS = 10_000

/** Ignored files are in no commit either; what is no declaration does not matter. */
const DECLARATIONS = ['*.yaml', '*.yml', ':(exclude,glob)**/node_modules/**', ':(exclude,glob)**/.*/**']

/**
 * The commit that is checked out, and its author as `Name <address>`. Undefined outside a work tree, before the first commit,
 * while a declaration in the directory differs from the commit, and where git is missing: then no commit can be named.
 */
export async function headOf(directory: string): Promise<Head | undefined> {
  try {
    const git = simpleGit({ baseDir: directory, timeout: { block: TIMEOUT_MS } })
    const changes = await git.raw([
      'status',
      '--porcelain',
      '--untracked-files=all',
      '--ignored',
      '--',
      ...DECLARATIONS,
    ])
    if (changes.trim() !== '') return undefined
    const [commit, author] = (await git.raw(['log', '-1', '--format=%H%n%an <%ae>'])).trim().split('\n')
    return commit && author ? { commit, author } : undefined
  } catch {
    return undefined
  }
}
