// The status page at `/`, for a browser left open: rendered here, and refreshed by fetching `/status`, its main element, anew.
import { createHash } from 'node:crypto'
import { MINUTE } from '../model/instant.ts'
import { type Dashboard, dashboard, LIMITS } from '../project/dashboard.ts'
import { meaningOfCode } from '../project/error-codes.ts'
import type { Controller } from '../runtime/controller.ts'
import type { App, Reply, Request } from './app.ts'
import { SCRIPT, STYLE } from './status-page-assets.ts'
import { type Html, html } from './status-page-html.ts'
import {
  alerts,
  collectionsPanel,
  DECISION_TYPES,
  decisionsPanel,
  failuresPanel,
  firstSteps,
  headline,
  rulesPanel,
  timesPanel,
} from './status-page-panels.ts'
import { endedRollouts, rolloutCards, shortRevision } from './status-page-rollouts.ts'
import { LOGO } from './status-page-svg.ts'
import { absolute, count, iso } from './status-page-text.ts'

/** Adds GET `/` and GET `/status`. The page names rollouts, collections, updates and some devices; whoever reaches it may read it. */
export function registerStatusPage(app: App, { controller }: { readonly controller: Controller }): void {
  const current = newestFragment(controller)
  app.get('/', async (_request, reply) => answer(reply).send(document((await current()).main)))
  app.get('/status', async (request, reply) => {
    const { main, etag } = await current()
    answer(reply).header('etag', etag)
    return matches(request, etag) ? reply.code(304).send() : reply.send(main.markup)
  })
}

type Fragment = { readonly main: Html; readonly etag: string }

/** Many browsers ask, one answer is made: again only after this many times as long as making it took. */
const REST_FACTOR = 20

function newestFragment(controller: Controller): () => Promise<Fragment> {
  let known: { readonly fragment: Fragment; readonly goodUntil: number } | undefined
  let making: Promise<Fragment> | undefined
  const make = async () => {
    const begun = performance.now()
    const main = mainElement(await currentDashboard(controller))
    const fragment = { main, etag: `"${createHash('sha256').update(main.markup).digest('base64url').slice(0, 27)}"` }
    const ended = performance.now()
    known = { fragment, goodUntil: ended + (ended - begun) * REST_FACTOR }
    return fragment
  }
  return async () => {
    if (known !== undefined && performance.now() < known.goodUntil) return known.fragment
    making ??= make().finally(() => {
      making = undefined
    })
    return making
  }
}

// To the minute: what only the passing of seconds would change does not change the page.
async function currentDashboard({ state, notes, journal, clock }: Controller): Promise<Dashboard> {
  const decisions = await journal.readKept({ types: DECISION_TYPES, limit: LIMITS.decisions, order: 'newest' })
  const now = clock.nowMs()
  return dashboard(state, notes, decisions, now - (now % MINUTE))
}

/** The whole of what changes. */
export function mainElement(board: Dashboard): Html {
  return html`<main id="status">
<div class="clock"><time datetime="${iso(board.now)}">${absolute(board.now)}</time>${sourceLine(board)}</div>
${alerts(board)}${headline(board)}${firstSteps(board)}
<div class="columns"><div><section aria-labelledby="h-rollouts"><h2 id="h-rollouts">Rollouts <small>${count(board.rollouts.unfinished)} under way</small></h2>${rolloutCards(board)}</section>
${endedRollouts(board)}${decisionsPanel(board)}</div>
<div>${failuresPanel(board, meaningOfCode)}${collectionsPanel(board)}${timesPanel(board)}${rulesPanel(board)}</div></div></main>`
}

function sourceLine({ sources }: Dashboard): Html[] {
  return sources.shown.map(
    ({ name, revision, commit }) =>
      html`<span>${name.slice(0, 63)} <code>${revision === undefined ? 'nothing in force' : shortRevision(revision).slice(0, 40)}</code>${
        commit !== undefined && html` by ${commit.author.slice(0, 60)}${commit.signature === 'Verified' && ', signed'}`
      }</span>`,
  )
}

function document(main: Html): string {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Ringmaster</title><link rel="icon" href="${ICON}"><noscript><meta http-equiv="refresh" content="10"></noscript><style>${STYLE}</style></head><body><header class="top"><h1>${LOGO}Ringmaster</h1><p id="link" role="status"></p></header>${main}<script>${SCRIPT}</script></body></html>`
    .markup
}

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#6b4ad6" stroke-width="4"><circle cx="16" cy="16" r="13"/><circle cx="16" cy="16" r="5" fill="#6b4ad6"/></svg>',
)}`

function answer(reply: Reply): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-cache')
    .header('content-security-policy', POLICY)
    .header('referrer-policy', 'no-referrer')
}

function hashOf({ markup }: Html): string {
  return `'sha256-${createHash('sha256').update(markup).digest('base64')}'`
}

const POLICY = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`

function matches(request: Request, etag: string): boolean {
  const asked = request.headers['if-none-match']
  return asked?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false
}
