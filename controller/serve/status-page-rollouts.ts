// The rollouts of the status page: a card with a track of phases for each unfinished one, a table of those that have ended.
import type { EpochMs } from '../model/instant.ts'
import type { Threshold } from '../model/resolved-plan.ts'
import type { Dashboard } from '../project/dashboard.ts'
import type { PhaseSummary, RolloutSummary } from '../project/dashboard-rollouts.ts'
import { clip, type Html, html } from './status-page-html.ts'
import { bar, type Sign, sign } from './status-page-svg.ts'
import { absolute, count, counted, length, percentOf, prose, relative } from './status-page-text.ts'

/** Unfinished rollouts; nothing when there are none. */
export function rolloutCards({ rollouts, now }: Dashboard): Html {
  const shown = rollouts.shown.filter(isOpen)
  if (shown.length === 0)
    return html`<p class="quiet">No rollout is under way.${rollouts.total > 0 && ' All have ended.'}</p>`
  const left = rollouts.unfinished - shown.length
  return html`${shown.map((rollout) => card(rollout, now))}${
    left > 0 &&
    html`<p class="more">and ${count(left)} more that have not ended: <code>ringmaster get rollouts</code></p>`
  }`
}

export function endedRollouts({ rollouts, now }: Dashboard): Html {
  const shown = rollouts.shown.filter((rollout) => !isOpen(rollout))
  const total = rollouts.total - rollouts.unfinished
  if (total === 0) return html``
  return html`<section aria-labelledby="h-ended"><h2 id="h-ended">Ended <small>${count(total)}</small></h2>
<div class="panel scroll"><table class="ended"><thead><tr><th scope="col">Rollout</th><th scope="col">How</th><th scope="col">When</th><th scope="col" class="num">Updates</th><th scope="col">Phases</th></tr></thead>
<tbody>${shown.map((rollout) => endedRow(rollout, now))}</tbody></table></div>${
    total > shown.length && html`<p class="more">and ${count(total - shown.length)} more that ended before</p>`
  }</section>`
}

function isOpen({ status }: RolloutSummary): boolean {
  return status === 'Planned' || status === 'Progressing' || status === 'Halted'
}

function card(rollout: RolloutSummary, now: EpochMs): Html {
  const { name, rule, updates, withdrawn, note } = rollout
  const { tone, word } = standing(rollout)
  return html`<article class="panel rollout ${tone}"><header><h3>${clip(name, 80)}</h3><span class="pill ${tone}">${sign(tone)}${word}</span></header>
<p class="facts">${rule !== undefined && html`rule <b>${clip(rule, 63)}</b> · `}${counted(updates, 'update')}${
    withdrawn > 0 && html` (${count(withdrawn)} withdrawn)`
  } · planned ${relative(rollout.plannedAt, now)} · ${origin(rollout)}</p>
<ol class="track" aria-label="Phases of ${clip(name, 80)}">${rollout.phases.map((phase) => segment(phase, rollout, now))}</ol>
${note && html`<p class="wait">${note.until !== undefined && html`<b>${relative(note.until, now)}</b> `}${prose(note.message, 400)}</p>`}</article>`
}

function origin({ provenance }: RolloutSummary): Html {
  const { file, commit, author, revision } = provenance
  const from = commit ?? revision
  return html`<span title="${clip(from, 120)}">${clip(file, 60)} at ${clip(shortRevision(from), 24)}</span>${
    author !== undefined && html` by ${clip(author, 60)}`
  }`
}

/** `sha256:0123456789…` as `sha256:01234567`. */
export function shortRevision(revision: string): string {
  return revision.replace(/[0-9a-f]{12,}/g, (digits) => digits.slice(0, 8))
}

function standing({ status, paused, note }: RolloutSummary): { tone: Sign; word: string } {
  if (status === 'Succeeded') return { tone: 'ok', word: 'Succeeded' }
  if (status === 'RolledBack') return { tone: 'fail', word: 'Rolled back' }
  if (status === 'Superseded') return { tone: 'idle', word: 'Superseded' }
  if (status === 'Halted') return { tone: 'fail', word: 'Halted' }
  if (paused) return { tone: 'warn', word: 'Paused' }
  const word = note === undefined ? undefined : WORDS[note.reason]
  if (note?.state === 'Stalled') return { tone: 'warn', word: word ?? 'Needs a person' }
  return status === 'Planned'
    ? { tone: 'idle', word: word ?? 'Planned' }
    : { tone: 'active', word: word ?? 'Under way' }
}

const WORDS: Readonly<Record<string, string>> = {
  GateOpen: 'Expanding',
  Soaking: 'Soaking',
  AwaitingApproval: 'Awaits approval',
  AwaitingSignal: 'Awaits signal',
  Queued: 'Queued',
  ReviewGate: 'Awaits review',
  Suspended: 'Suspended',
  PausedByCommand: 'Paused',
}

function segment(phase: PhaseSummary, rollout: RolloutSummary, now: EpochMs): Html {
  const { tone, word } = phaseStanding(phase, rollout)
  const part = phase.percent < 100 && ` (${phase.percent} %)`
  return html`<li class="${tone}"><div class="name">${sign(tone)}<b>${clip(phase.name, 63)}</b><span>${word}</span></div>
<div class="who"><span>${clip(phase.collection, 63)}${part}</span>${timing(phase, now)}</div>${phaseFigures(phase)}${misfit(phase)}${soak(phase, now)}</li>`
}

function phaseStanding(
  { name, status, approved, soakingSince }: PhaseSummary,
  rollout: RolloutSummary,
): { tone: Sign; word: string } {
  switch (status) {
    case 'Waiting':
      return rollout.note?.phase === name && rollout.note.state === 'Stalled'
        ? { tone: 'warn', word: 'waits' }
        : { tone: 'idle', word: isOpen(rollout) ? 'ahead' : 'not reached' }
    case 'Skipped':
      return { tone: 'idle', word: 'skipped' }
    case 'Halted':
      return { tone: 'fail', word: 'halted' }
    case 'Succeeded':
      return { tone: 'ok', word: 'passed' }
    case 'Active':
      if (!isOpen(rollout)) return { tone: 'idle', word: 'stopped' }
      if (!approved) return { tone: 'warn', word: rollout.paused ? 'paused' : 'not approved' }
      return soakingSince !== undefined ? { tone: 'active', word: 'soaking' } : { tone: 'active', word: 'installing' }
  }
}

function misfit({ neverFits }: PhaseSummary): Html {
  return neverFits === undefined
    ? html``
    : html`<div class="figures sub"><span class="bad">${prose(neverFits, 120)}</span></div>`
}

function phaseFigures({ figures, needed, success, failure, name }: PhaseSummary): Html {
  const gate = html`<div class="gate">gate ${limit(success, '≥')} · halts at ${failure.map((one, i) => html`${i > 0 && ' or '}${limit(one, '>')}`)} failed</div>`
  if (figures === undefined || figures.targets === 0) return gate
  const { targets, compliant, failed, unknown } = figures
  const rest = Math.max(0, targets - compliant - failed)
  const silent = Math.min(unknown, rest)
  const label = `${clip(name, 63)}: ${count(compliant)} of ${count(targets)} devices compliant, ${count(failed)} failed, ${count(unknown)} not reported; ${count(needed ?? 0)} needed`
  const parts = [
    { name: 'compliant', value: compliant },
    { name: 'failed', value: failed },
    { name: 'pending', value: rest - silent },
    { name: 'unknown', value: silent },
  ] as const
  return html`${bar(parts, targets, label, needed)}
<div class="figures"><span><b>${count(compliant)}</b> of ${count(targets)}</span><b class="pct">${percentOf(compliant, targets)}</b></div>
<div class="figures sub">${failed > 0 ? html`<span class="bad">${count(failed)} failed</span>` : html`0 failed`} · ${count(unknown)} unknown</div>${gate}`
}

function limit({ type, value }: Threshold, sign: string): string {
  return `${sign} ${count(value)}${type === 'Percent' ? ' %' : ''}`
}

function soak({ soakingSince, soakMs }: PhaseSummary, now: EpochMs): Html | undefined {
  if (soakingSince === undefined || soakMs === 0) return undefined
  const done = Math.min(soakMs, Math.max(0, now - soakingSince))
  const text = `soak ${length(done)} of ${length(soakMs)}`
  return html`<div class="soak">${bar([{ name: 'soak', value: done }], soakMs, text)}<span>${text}</span></div>`
}

function timing(
  { status, approved, soakingSince, available, deadline, succeededAt }: PhaseSummary,
  now: EpochMs,
): Html | undefined {
  if (succeededAt !== undefined) return html`<span class="timing">passed ${relative(succeededAt, now)}</span>`
  if (
    status !== 'Active' ||
    !approved ||
    soakingSince !== undefined ||
    available === undefined ||
    deadline === undefined
  )
    return undefined
  if (available > now) return html`<span class="timing">available ${relative(available, now)}</span>`
  return html`<span class="timing">${deadline > now ? 'due' : 'was due'} ${relative(deadline, now)}</span>`
}

function endedRow(rollout: RolloutSummary, now: EpochMs): Html {
  const { tone, word } = standing(rollout)
  const { endedAt, note } = rollout
  return html`<tr><th scope="row">${clip(rollout.name, 80)}</th><td><span class="tone ${tone}">${sign(tone)}${word}</span></td><td>${
    endedAt !== undefined && relative(endedAt, now)
  }</td><td class="num">${count(rollout.updates)}</td><td><span class="dots">${rollout.phases.map((phase) => dot(phase, rollout))}</span>${
    tone === 'ok' || note === undefined ? '' : html`<div class="why">${prose(note.message, 240)}</div>`
  }</td></tr>`
}

function dot(phase: PhaseSummary, rollout: RolloutSummary): Html {
  const { tone, word } = phaseStanding(phase, rollout)
  const { figures, succeededAt } = phase
  const told = figures === undefined ? '' : `, ${count(figures.compliant)} of ${count(figures.targets)} compliant`
  const when = succeededAt === undefined ? '' : `, ${absolute(succeededAt)}`
  return html`<span class="dot ${tone}" title="${clip(phase.name, 63)}: ${word}${told}${when}">${sign(tone)}${clip(phase.name, 24)}<span class="vh"> ${word}</span></span>`
}
