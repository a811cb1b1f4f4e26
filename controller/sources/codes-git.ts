// Errors of Git sources, and of several sources together. docs/errors/ has one page for each.
import type { ErrorPage } from './error-page.ts'

const source = (rest: string) => `kind: GitSource\nspec:\n  url: https://git.example/rollouts.git\n${rest}`

/** 14xx: where declarations come from. A code never changes its meaning. */
export const GIT_CODES = {
  RM1401: {
    title: 'DeclaredElsewhere',
    meaning:
      'Another source (a directory, a Git repository, a cluster) declares an object of the same kind and name already. The one that came first stays in force, and the whole revision of the second source waits. To move an object, add it to the new source first: the moment it is removed from the old one, it is handed over, and nothing is unapproved in between.',
    wrong: '# Collection pilot in the directory and in the repository',
    right: '# Collection pilot in the repository alone',
  },
  RM1402: {
    title: 'GitSourceInGit',
    meaning:
      'A Git repository declares a GitSource. It may be declared in a directory or a cluster only: repositories that name repositories could go on without end, and whoever may write to one could have files and variables of the controller sent elsewhere as passwords.',
    wrong: '# in the repository\nkind: GitSource',
    right: '# in the directory of `ringmaster run PATH`\nkind: GitSource',
  },
  RM1403: {
    title: 'FetchFailed',
    meaning:
      'The remote repository cannot be reached, refused the credentials, or broke off. It is tried again, after longer and longer waits up to a quarter of an hour; what is in force stays so.',
    wrong: source('  # the host does not answer'),
    right: '# `git ls-remote URL` on the machine of the controller says the same as the message',
  },
  RM1404: {
    title: 'NotSigned',
    meaning:
      'The source has `verify`, and the newest commit is not signed. It does not come into force; what is in force stays so. Sign the commit and push it again, or add a signed commit on top.',
    wrong: 'git commit',
    right: 'git commit -S',
  },
  RM1405: {
    title: 'NotTrusted',
    meaning:
      'The newest commit is signed, and the signature is not one of a key that `verify` names: another key, an expired or revoked one, or the commit was changed after it was signed. It does not come into force; what is in force stays so.',
    wrong: '# signed with a key that is not in openPgpKeyFiles or allowedSignersFile',
    right: '# add the key to the file that `verify` names, or sign with one that is there',
  },
  RM1406: {
    title: 'RefNotFound',
    meaning: 'The remote repository has no branch, tag or commit of that name. What is in force stays so.',
    wrong: source('  branch: mian'),
    right: source('  branch: main'),
  },
  RM1407: {
    title: 'CredentialsMissing',
    meaning:
      'A file or environment variable that `auth` or `webhook` names is not there, cannot be read by the controller, or is empty.',
    wrong: source('  auth: {passwordFile: /run/secrets/none}'),
    right: source('  auth: {passwordFile: /run/secrets/token}'),
  },
  RM1408: {
    title: 'RepositoryTooLarge',
    meaning:
      'Fetching one commit took more than 1 GiB on disk. Only the newest commit is fetched, and of that, where the server allows it, only YAML files below `path`. Put the declarations into a repository of their own, or allow filters on the server (`uploadpack.allowFilter`).',
    wrong: '# a repository of videos',
    right: '# a repository of declarations',
  },
  RM1409: {
    title: 'CacheFailed',
    meaning:
      'The local copy of the repository in the data folder cannot be written or read: the disk is full, permissions are wrong, or git failed. A damaged copy is thrown away and made anew by itself. What is in force stays so.',
    wrong: '# a full disk under DIR/git',
    right: '# free space under DIR/git',
  },
  RM1410: {
    title: 'PathInGit',
    meaning:
      'An UpdateSource in a Git repository names its feed by a relative path, and the commit has no feed there. The path starts from the folder of the file that it stands in, and must lead to a file of the same repository, or to a folder with at most 1000 feed files (.ndjson, .jsonl, .xml, or these as .gz; folders in it are not looked into). A pattern, a link, a submodule, what lies outside of the repository, more than 256 MiB in one feed and more than 100 such paths in one repository are refused. A file of the machine is named by its absolute path, anything else by a URL.',
    wrong:
      '# catalog/source.yaml; the feed is catalog/updates.ndjson\nkind: UpdateSource\nspec: {format: Ringmaster, path: catalog/updates.ndjson}',
    right:
      '# catalog/source.yaml; the feed is catalog/updates.ndjson\nkind: UpdateSource\nspec: {format: Ringmaster, path: updates.ndjson}',
  },
  RM1411: {
    title: 'TooManyGitSources',
    meaning: 'A controller follows at most 50 Git sources; those beyond, by name, are not read.',
    wrong: '# 51 objects of the kind GitSource',
    right: '# several folders of one repository, read as one source',
  },
  RM1412: {
    title: 'KeysUnusable',
    meaning:
      'A file that `verify` names cannot be read or holds no key, or gpg or ssh-keygen is not installed. Without the keys no commit is trusted; what is in force stays so.',
    wrong: source('  verify: {openPgpKeyFiles: [/etc/keys/none.asc]}'),
    right: source('  verify: {openPgpKeyFiles: [/etc/keys/admins.asc]}'),
  },
} as const satisfies Record<string, ErrorPage>
