// Keeps one comment on a pull or merge request up to date: the effect of the change. For any Node.js from 20 on, without
// dependencies. Settings come from the environment; FORGE is github or gitlab.
//
//   node comment.mjs FORGE FILE EFFECT     EFFECT: true, or false when the change has none
//
// Without an effect no comment is begun; one that is there is brought up to date. Exit code: 0 done, or the forge does not let us
// (said as a warning: pull requests from forks have no right to write), 2 wrong settings, 3 the forge failed.
import { readFileSync } from 'node:fs'

/** Comments looked through for ours. */
const MAX_PAGES = 30
const PER_PAGE = 100
const TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

const FORGES = {
  github: {
    needs: ['GITHUB_API_URL', 'GITHUB_REPOSITORY', 'RINGMASTER_PULL_REQUEST', 'GITHUB_TOKEN'],
    /** Characters of one comment. */
    limit: 65_536,
    comments: (env) =>
      `${env.GITHUB_API_URL}/repos/${env.GITHUB_REPOSITORY.split('/').map(encodeURIComponent).join('/')}/issues/${encodeURIComponent(env.RINGMASTER_PULL_REQUEST)}/comments`,
    one: (env, id) =>
      `${env.GITHUB_API_URL}/repos/${env.GITHUB_REPOSITORY.split('/').map(encodeURIComponent).join('/')}/issues/comments/${id}`,
    change: 'PATCH',
    headers: (env) => ({ authorization: `Bearer ${env.GITHUB_TOKEN}`, accept: 'application/vnd.github+json' }),
  },
  gitlab: {
    needs: ['CI_API_V4_URL', 'CI_PROJECT_ID', 'CI_MERGE_REQUEST_IID', 'RINGMASTER_GITLAB_TOKEN'],
    limit: 1_000_000,
    comments: (env) =>
      `${env.CI_API_V4_URL}/projects/${encodeURIComponent(env.CI_PROJECT_ID)}/merge_requests/${encodeURIComponent(env.CI_MERGE_REQUEST_IID)}/notes`,
    one: (env, id) => `${FORGES.gitlab.comments(env)}/${id}`,
    change: 'PUT',
    headers: (env) => ({ 'private-token': env.RINGMASTER_GITLAB_TOKEN }),
  },
}

class Refused extends Error {}

async function main([name, file, effect], env) {
  const forge = Object.hasOwn(FORGES, name ?? '') ? FORGES[name] : undefined
  if (forge === undefined || file === undefined || !['true', 'false'].includes(effect))
    return usage('usage: comment.mjs github|gitlab FILE true|false')
  const missing = forge.needs.filter((setting) => (env[setting] ?? '') === '')
  if (missing.length > 0) return usage(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set`)
  const mark = `<!-- ringmaster: ${(env.RINGMASTER_PATH ?? '.').replaceAll(/[^\w./ -]/g, '_')} -->`
  const body = fitted(`${mark}\n${readFileSync(file, 'utf8')}`, forge.limit)
  try {
    const found = await ours(forge, env, mark)
    if (found === undefined && effect === 'false') console.log('ringmaster: no effect, so no comment')
    else if (found === undefined) await call(forge, env, 'POST', forge.comments(env), { body })
    else if (found.body !== body) await call(forge, env, forge.change, forge.one(env, found.id), { body })
    return 0
  } catch (error) {
    const refused = error instanceof Refused
    console.error(`${refused && name === 'github' ? '::warning::' : ''}ringmaster: no comment: ${error.message}`)
    return refused ? 0 : 3
  }
}

function usage(message) {
  console.error(`ringmaster: ${message}`)
  return 2
}

/** Our comment: the first that begins with the mark. */
async function ours(forge, env, mark) {
  for (let page = 1; page <= MAX_PAGES; page++) {
    const comments = await call(forge, env, 'GET', `${forge.comments(env)}?per_page=${PER_PAGE}&page=${page}`)
    if (!Array.isArray(comments)) throw new Error('the forge answered with something else than a list')
    const found = comments.find(({ body }) => typeof body === 'string' && body.startsWith(mark))
    if (found !== undefined || comments.length < PER_PAGE) return found
  }
  return undefined
}

async function call(forge, env, method, url, body) {
  const response = await fetch(url, {
    method,
    headers: { ...forge.headers(env), 'content-type': 'application/json', 'user-agent': 'ringmaster' },
    ...(body && { body: JSON.stringify(body) }),
    // The token goes to the address that was named, and nowhere else.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if ([401, 403, 404].includes(response.status)) {
    await response.body?.cancel()
    throw new Refused(`the forge answered ${response.status}: the token may not write here`)
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`the forge answered ${response.status}`)
  }
  return JSON.parse(await bounded(response))
}

async function bounded(response) {
  const chunks = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer of the forge is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function fitted(text, limit) {
  const end = '\n\n… cut off: more than a comment holds'
  return text.length <= limit ? text : text.slice(0, limit - end.length).toWellFormed() + end
}

process.exitCode = await main(process.argv.slice(2), process.env)
