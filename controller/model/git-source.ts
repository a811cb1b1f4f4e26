// A Git repository of declarations: where it is, which of its commits counts, and whose commits are trusted.
import { z } from 'zod'
import { alsoInCluster, celMatches, re2 } from './cluster-rules.ts'
import { Duration } from './recurrence.ts'

/** No control characters, and never an option of git or ssh. */
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .check(
      onText(
        (text) => !/\p{Cc}/u.test(text),
        "!self.matches('\\\\p{Cc}')",
        'must be one line without control characters',
      ),
      onText((text) => !text.startsWith('-'), "!self.startsWith('-')", 'must not begin with "-"'),
    )

// Without look-aheads, which API servers do not have: no part begins with "-", and no path in the form of scp with "//".
const URL_FORM =
  /^(?:(?:https?|ssh):\/\/[^\s/@:-][^\s/@:]*(?:@[^\s/@:-][^\s/@:]*|)(?::\d{1,5})?\/\S*|file:\/\/\/[^\n\r\u2028\u2029]*)$/
const SCP_FORM = /^[A-Za-z0-9_][\w.-]*@[\w.][\w.-]*:(?:[^\s/]\S*|\/(?:[^\s/]\S*)?)$/
const WITH_PASSWORD = /^\w+:\/\/[^/]*:[^/]*@/
const NO_REF_NAME = /[\s~^:?*[\\]|\.\.|@\{|\/\/|\/$|^\/|\.$|\.lock(\/|$)|(^|\/)\.|^@$/
const QUOTES = /["\\]/
const LOCAL = /^http:\/\/(localhost|127\.[\d.]+|\[::1\])[:/]/
const LEAVES_THE_REPOSITORY = /^\/|(^|\/)\.\.(\/|$)/

/** As git takes it, without a password: https, http, ssh, file, or `user@host:path`. */
export const GitUrl = line(2048).check(
  onText(
    (text) => !WITH_PASSWORD.test(text),
    `!${celMatches(re2(WITH_PASSWORD))}`,
    'must not contain a password: name a file or a variable that holds it under auth',
    true,
  ),
  onText(
    (text) => URL_FORM.test(text) || SCP_FORM.test(text),
    `${celMatches(re2(URL_FORM))} || ${celMatches(re2(SCP_FORM))}`,
    'is no URL of a repository: write one like https://git.example/rollouts.git, ssh://git@git.example/rollouts.git or git@git.example:rollouts.git',
  ),
)

/** What git allows as the name of a branch or a tag (git-check-ref-format), and no option. */
export const GitRefName = line(250).check(
  onText((text) => !NO_REF_NAME.test(text), `!${celMatches(re2(NO_REF_NAME))}`, 'is no name of a branch or tag'),
)

export const GitCommitHash = z
  .string()
  .regex(/^[0-9a-f]{40}$/, 'must be the whole hash of a commit: 40 lower-case hexadecimal digits')

/** Below the top of the repository, never out of it. */
export const GitPath = line(1024).check(
  onText(
    (text) => !LEAVES_THE_REPOSITORY.test(text),
    `!${celMatches(re2(LEAVES_THE_REPOSITORY))}`,
    'must be a folder of the repository: write it without "/" in front and without ".."',
  ),
)

const file = line(4096).check(
  onText((text) => text.startsWith('/'), "self.startsWith('/')", 'must be the absolute path of a file'),
  onText((text) => !QUOTES.test(text), `!${celMatches(re2(QUOTES))}`, 'must not contain quotes or backslashes'),
)
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable')

const Auth = z
  .strictObject({
    username: line(256)
      .check(onText((text) => !text.includes(':'), "!self.contains(':')", 'must not contain ":"'))
      .optional()
      .describe('For http: the user of the password or token. Default: git.'),
    passwordFile: file.optional().describe('For http: the file that holds the password or token, read at every poll.'),
    passwordVariable: variable
      .optional()
      .describe('For http: the environment variable of the controller that holds the password or token.'),
    bearer: z.boolean().optional().describe('Send the token as "Authorization: Bearer". Default false: basic.'),
    caFile: file.optional().describe('For https: certificates of the authorities that are trusted, PEM.'),
    sshKeyFile: file.optional().describe('For ssh: the private key, without a passphrase.'),
    knownHostsFile: file
      .optional()
      .describe(
        "For ssh: the hosts' keys. Default: those of the user and the system. An unknown host is always refused.",
      ),
  })
  .check(
    onFields<'passwordFile' | 'passwordVariable'>(
      ({ passwordFile, passwordVariable }) => passwordFile === undefined || passwordVariable === undefined,
      '!has(self.passwordFile) || !has(self.passwordVariable)',
      'give one of passwordFile and passwordVariable',
    ),
    onFields<'passwordFile' | 'passwordVariable' | 'username' | 'bearer'>(
      ({ passwordFile, passwordVariable, username, bearer }) =>
        (passwordFile ?? passwordVariable) !== undefined || (username === undefined && bearer === undefined),
      'has(self.passwordFile) || has(self.passwordVariable) || !(has(self.username) || has(self.bearer))',
      'give the password: passwordFile or passwordVariable',
    ),
  )

const Verify = z
  .strictObject({
    openPgpKeyFiles: z
      .array(file)
      .min(1)
      .max(100)
      .optional()
      .describe('Public OpenPGP keys, armored or binary. gpg must be installed.'),
    allowedSignersFile: file
      .optional()
      .describe("ssh keys, in the format of ssh-keygen's ALLOWED SIGNERS. ssh-keygen must be installed."),
  })
  .check(
    onFields<'openPgpKeyFiles' | 'allowedSignersFile'>(
      ({ openPgpKeyFiles, allowedSignersFile }) => (openPgpKeyFiles ?? allowedSignersFile) !== undefined,
      'has(self.openPgpKeyFiles) || has(self.allowedSignersFile)',
      'give openPgpKeyFiles or allowedSignersFile',
    ),
  )

const Webhook = z
  .strictObject({
    secretFile: file.optional().describe('The file that holds the secret of the webhook.'),
    secretVariable: variable.optional().describe('The environment variable of the controller that holds it.'),
  })
  .check(
    onFields<'secretFile' | 'secretVariable'>(
      ({ secretFile, secretVariable }) => (secretFile === undefined) !== (secretVariable === undefined),
      'has(self.secretFile) != has(self.secretVariable)',
      'give exactly one of secretFile and secretVariable',
    ),
  )

export const GitSourceSpec = z
  .strictObject({
    description: z.string().max(1024).optional().describe('For people; changes nothing.'),
    url: GitUrl.describe('The repository: https, http, ssh, file, or user@host:path. Never with a password in it.'),
    branch: GitRefName.optional().describe('The branch that is followed. Default: the one that the remote calls HEAD.'),
    tag: GitRefName.optional().describe('The tag that is followed, in place of a branch.'),
    commit: GitCommitHash.optional().describe('The one commit that is taken, in place of a branch.'),
    path: GitPath.optional().describe('The folder of the repository that holds the declarations. Default: all of it.'),
    interval: Duration.default('PT1M').describe('How often the remote is asked for a new commit, at least every PT5S.'),
    timeout: Duration.default('PT2M').describe('How long one run of git may take, at most PT1H.'),
    auth: Auth.optional().describe('Credentials, by the files and variables that hold them.'),
    verify: Verify.optional().describe('Only commits signed with one of these keys come into force.'),
    webhook: Webhook.optional().describe(
      'POST /v1/webhooks/git/NAME, signed with this secret, asks the remote at once.',
    ),
    suspend: z.boolean().optional().describe('Asks no more; what is in force stays so. Default false.'),
    prune: z
      .enum(['Unapprove', 'Orphan'])
      .optional()
      .describe(
        'What removing the GitSource does to the objects from it: remove them too, or leave them in force. Default Unapprove.',
      ),
  })
  .check(
    onFields<'branch' | 'tag' | 'commit'>(
      ({ branch, tag, commit }) => [branch, tag, commit].filter((one) => one !== undefined).length <= 1,
      '[has(self.branch), has(self.tag), has(self.commit)].filter(given, given).size() <= 1',
      'give at most one of branch, tag and commit',
    ),
    alsoInCluster(
      z.refine<{
        url: string
        auth?: { passwordFile?: string | undefined; passwordVariable?: string | undefined } | undefined
      }>(
        ({ url, auth }) =>
          !url.startsWith('http:') || LOCAL.test(url) || (auth?.passwordFile ?? auth?.passwordVariable) === undefined,
        'a password is sent over https only: write https://',
      ),
      {
        rules: [
          {
            rule: `!self.url.startsWith('http:') || ${celMatches(re2(LOCAL), 'self.url')} || !has(self.auth) || !(has(self.auth.passwordFile) || has(self.auth.passwordVariable))`,
            message: 'a password is sent over https only: write https://',
          },
        ],
      },
    ),
  )
export type GitSourceSpec = z.infer<typeof GitSourceSpec>

/** `rule` says in CEL what `holds` says; after a check that aborts, none is made. */
function onText(
  holds: (text: string) => boolean,
  rule: string,
  message: string,
  abort = false,
): z.core.$ZodCheck<string> {
  return alsoInCluster(z.refine<string>(holds, { error: message, abort }), { rules: [{ rule, message }] })
}

function onFields<Name extends string>(
  holds: (fields: { readonly [name in Name]?: unknown }) => boolean,
  rule: string,
  message: string,
): z.core.$ZodCheck<{ [name in Name]?: unknown }> {
  return alsoInCluster(z.refine<{ [name in Name]?: unknown }>(holds, message), { rules: [{ rule, message }] })
}
