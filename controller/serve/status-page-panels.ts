// The sections of the status page besides the rollouts: the figures at its head, what is wrong, collections, failures, times, rules, decisions.
import type { EpochMs } from '../model/instant.ts'
import type { Dashboard, DecisionSummary, Listed, SourceSummary } from '../project/dashboard.ts'
import type { CollectionCompliance, DeployedFigures } from '../project/dashboard-compliance.ts'
import type { FailureGroup } from '../project/dashboard-failures.ts'
import type { Occasion } from '../project/dashboard-schedule.ts'
import { clip, type Html, html } from './status-page-html.ts'
import { shortRevision } from './status-page-rollouts.ts'
import { bar, ring, type Sign, sign } from './status-page-svg.ts'
import {
  count,
  counted,
  dateTime,
  distance,
  iso,
  length,
  percentOf,
  prose,
  relative,
  stretch,
} from './status-page-text.ts'

/** The figures to be read from across the room. */
export function headline({ fleet, failures, rollouts, catalog, now }: Dashboard): Html {
  const synced = catalog.feeds.shown.reduce((latest, { syncedAt }) => Math.max(latest, syncedAt ?? 0), 0)
  const stalled = rollouts.stalled
  return html`<section class="tiles" aria-label="At a glance">
<div class="tile wide">${ring(fleet.compliant, fleet.covered, `${percentOf(fleet.compliant, fleet.covered)} of the devices with deployed updates are compliant`)}<div><div class="figure">${percentOf(fleet.compliant, fleet.covered)}</div><div class="label">${
    fleet.covered === 0
      ? html`nothing deployed yet`
      : html`compliant: ${count(fleet.compliant)} of ${counted(fleet.covered, 'device')} with deployed updates${fleet.leftOut > 0 && ` (${counted(fleet.leftOut, 'older update')} left out)`}`
  }</div></div></div>
${tile(count(fleet.devices), fleet.stale === 0 ? 'devices, all reporting' : html`devices, <b class="bad">${count(fleet.stale)} silent</b> over ${length(fleet.staleAfterMs)}`, fleet.stale > 0 && 'warn')}
${tile(count(failures.devices), failures.devices === 1 ? 'device with failures' : 'devices with failures', failures.devices > 0 && 'fail')}
${tile(count(rollouts.unfinished), stalled === 0 ? 'rollouts under way' : html`under way, <b class="bad">${count(stalled)} ${stalled === 1 ? 'needs' : 'need'} a person</b>`, stalled > 0 && 'warn')}
${tile(count(catalog.updates), synced === 0 ? 'updates in the catalog, never synced' : html`updates in the catalog, synced ${relative(synced, now)}`, synced === 0 && 'warn')}
</section>`
}

function tile(figure: string, label: string | Html, tone: Sign | false): Html {
  return html`<div class="tile ${tone}"><div class="figure">${tone && sign(tone)}${figure}</div><div class="label">${label}</div></div>`
}

/** Edits that are not in force, and feeds that failed. */
export function alerts({ sources, catalog, now }: Dashboard): Html {
  const rejected = sources.shown.flatMap((source) => rejectedEdit(source, now))
  const unread = sources.shown.flatMap((source) => unreadSource(source, now))
  const failed = catalog.feeds.shown.filter(({ failure }) => failure !== undefined)
  return html`${rejected}${unread}${failed.map(
    ({ name, failure = '', syncedAt }) =>
      html`<div class="alert" role="status">${sign('warn')}<div><b>Update source ${clip(name, 63)} could not be synchronised</b>: ${prose(failure, 300)}. ${
        syncedAt === undefined ? 'It never was.' : html`Last good: ${relative(syncedAt, now)}.`
      }</div></div>`,
  )}`
}

function unreadSource({ name, failure }: SourceSummary, now: EpochMs): Html[] {
  if (failure === undefined) return []
  const { code, message, since } = failure
  return [
    html`<div class="alert" role="status">${sign('warn')}<div><b>Source ${clip(name, 63)} cannot be read</b> since ${relative(since, now)}: ${clip(code, 10)} ${prose(message, 300)}. What is in force stays so.</div></div>`,
  ]
}

function rejectedEdit({ name, rejected, revision }: SourceSummary, now: EpochMs): Html[] {
  if (rejected === undefined) return []
  const { problems, since } = rejected
  const left = problems.total - problems.shown.length
  const inForce = revision === undefined ? 'nothing is in force' : `${clip(shortRevision(revision), 40)} stays in force`
  return [
    html`<div class="alert" role="status">${sign('fail')}<div><b>Edit rejected</b> in ${clip(name, 63)} ${relative(since, now)}; ${inForce}. ${counted(problems.total, 'problem')}:<ul>${problems.shown.map(
      ({ file, line, column, path, message }) =>
        html`<li><code>${clip(file, 120)}:${line}:${column}</code> ${path !== '' && html`<code>${clip(path, 120)}</code> `}${prose(message, 300)}</li>`,
    )}${left > 0 && html`<li>and ${count(left)} more: <code>ringmaster validate</code></li>`}</ul></div></div>`,
  ]
}

export function collectionsPanel({ collections }: Dashboard): Html {
  if (collections.total === 0) return html``
  return section(
    'collections',
    'Collections',
    collections,
    html`<table><thead><tr><th scope="col">Collection</th><th scope="col" class="num">Devices</th><th scope="col" class="half">Compliance</th></tr></thead><tbody>${collections.shown.map(collectionRow)}</tbody></table>`,
  )
}

function collectionRow(one: CollectionCompliance): Html {
  return html`<tr><th scope="row">${clip(one.name, 63)}${one.broken && html` <span class="tone fail">${sign('fail')}broken</span>`}</th><td class="num">${count(one.members)}</td><td>${
    one.covered === 0
      ? html`<span class="quiet">nothing deployed</span>`
      : html`${bar(partsOf(one), one.covered, `${clip(one.name, 63)}: ${inWords(one)}`)}<div class="figures sub">${inWords(one)}</div>`
  }</td></tr>`
}

function partsOf({ compliant, failed, required, unknown }: DeployedFigures) {
  return [
    { name: 'compliant', value: compliant },
    { name: 'failed', value: failed },
    { name: 'pending', value: required },
    { name: 'unknown', value: unknown },
  ] as const
}

function inWords({ covered, compliant, required, failed, unknown }: DeployedFigures): string {
  const parts = [`${percentOf(compliant, covered)} compliant`]
  if (required > 0) parts.push(`${count(required)} required`)
  if (failed > 0) parts.push(`${count(failed)} failed`)
  if (unknown > 0) parts.push(`${count(unknown)} unknown`)
  return parts.join(' · ')
}

export function failuresPanel({ failures, now }: Dashboard, meaning: (code: string) => string | undefined): Html {
  if (failures.total === 0) return html``
  return section(
    'failures',
    'Failures',
    failures,
    html`<ul class="rows">${failures.shown.map((group) => failure(group, now, meaning))}</ul>`,
  )
}

function failure(group: FailureGroup, now: EpochMs, meaning: (code: string) => string | undefined): Html {
  const { title, articles, code, download, devices, last } = group
  const why = meaning(code) ?? (last.message === '' ? undefined : last.message)
  return html`<li><div class="big fail">${count(devices)}<small>${devices === 1 ? 'device' : 'devices'}</small></div><div><b>${clip(title, 140)}</b>${
    articles.length > 0 && html` <span class="quiet">${clip(articles.join(', '), 60)}</span>`
  }<div>${download && 'download: '}${code === '' ? html`no error code` : html`<code>${clip(code, 32)}</code>`}${why !== undefined && html` ${clip(why, 240)}`} <span class="quiet">· last on ${clip(last.device, 60)} ${relative(last.at, now)}</span></div></div></li>`
}

export function timesPanel({ occasions, holds, now }: Dashboard): Html {
  if (occasions.total === 0 && holds.total === 0) return html``
  const left = holds.total - holds.shown.length
  return section(
    'times',
    'Windows, freezes and holds',
    occasions,
    html`<ul class="rows times">${holds.shown.map(
      ({ name, updates, reason, until, collections }) =>
        html`<li><span class="tag warn">${sign('warn')}hold</span><div><b>${clip(name, 63)}</b> ${counted(updates, 'update')}${collections && html` on ${named(collections)}`}, ${until === undefined ? 'until removed' : html`ends ${relative(until, now)}`}<div class="quiet">${prose(reason, 200)}</div></div></li>`,
    )}${left > 0 && html`<li class="more">and ${counted(left, 'more hold', 'more holds')}</li>`}${occasions.shown.map((one) => occasion(one, now))}</ul>`,
  )
}

function occasion(one: Occasion, now: EpochMs): Html {
  const { type, name, collections, reason, zone, next, current, unreadable } = one
  const tone: Sign = type === 'Freeze' ? (current ? 'fail' : 'warn') : current && zone !== undefined ? 'ok' : 'idle'
  const who = collections === undefined ? 'every device' : named(collections)
  return html`<li><span class="tag ${tone}">${sign(tone)}${type === 'Freeze' ? (current ? 'frozen' : 'freeze') : current && zone !== undefined ? 'open' : 'window'}</span><div><b>${clip(name, 63)}</b> <span class="quiet">${who}</span><div>${
    unreadable || next === undefined
      ? html`<span class="bad">cannot be evaluated: it counts as ${type === 'Freeze' ? 'always on' : 'closed'}</span>`
      : when(next.from, next.until, zone, now, current)
  }</div>${reason !== undefined && html`<div class="quiet">${prose(reason, 200)}</div>`}</div></li>`
}

function when(from: EpochMs, until: EpochMs, zone: string | undefined, now: EpochMs, current: boolean): Html {
  if (zone === undefined)
    return html`${stretch(from, until, 'UTC')} <span class="quiet">on each device’s own clock</span>`
  const told = current ? html`until ${dateTime(until, zone)}` : html`${stretch(from, until, zone)}`
  const at = current ? until : from
  return html`${told} ${zone} <span class="quiet">(${current && 'ends '}<time datetime="${iso(at)}">${distance(at, now)}</time>)</span>`
}

function named({ shown, total }: Listed<string>): string {
  const names = shown.map((name) => clip(name, 63)).join(', ')
  return total > shown.length ? `${names} and ${count(total - shown.length)} more` : names
}

export function rulesPanel({ rules, now }: Dashboard): Html {
  if (rules.total === 0) return html``
  return section(
    'rules',
    'Next evaluations',
    rules,
    html`<ul class="rows times">${rules.shown.map(
      ({ name, state, message, until }) =>
        html`<li><span class="tag ${state === 'Stalled' ? 'warn' : 'idle'}">${sign(state === 'Stalled' ? 'warn' : 'active')}rule</span><div><b>${clip(name, 63)}</b>${until !== undefined && html` ${relative(until, now)}`}<div class="quiet">${prose(message, 240)}</div></div></li>`,
    )}</ul>`,
  )
}

export function decisionsPanel({ decisions, now }: Dashboard): Html {
  if (decisions.length === 0) return html``
  return html`<section aria-labelledby="h-decisions"><h2 id="h-decisions">Last decisions</h2><div class="panel scroll"><table class="decisions"><thead><tr><th scope="col">When</th><th scope="col">Decision</th><th scope="col">About</th><th scope="col">Why</th></tr></thead><tbody>${decisions.map((one) => decisionRow(one, now))}</tbody></table></div></section>`
}

function decisionRow({ at, type, subject, phase, devices, updates, message }: DecisionSummary, now: EpochMs): Html {
  const { label, tone } = DECISIONS[type]
  const counts = [
    updates !== undefined && counted(updates, 'update'),
    devices !== undefined && counted(devices, 'device'),
  ].filter((text) => text !== false)
  return html`<tr><td class="when">${relative(at, now)}</td><td><span class="tone ${tone}">${sign(tone)}${label}</span></td><td class="about">${clip(subject, 80)}${
    phase !== undefined && html` <span class="quiet">› ${clip(phase, 63)}</span>`
  }</td><td>${counts.length > 0 && html`<span class="quiet">${counts.join(', ')}: </span>`}${prose(message, 240)}</td></tr>`
}

const DECISIONS: Readonly<Record<DecisionSummary['type'], { readonly label: string; readonly tone: Sign }>> = {
  RuleEvaluated: { label: 'Rule evaluated', tone: 'active' },
  EvaluationFailed: { label: 'Evaluation failed', tone: 'fail' },
  RolloutPlanned: { label: 'Rollout planned', tone: 'active' },
  RolloutStarted: { label: 'Rollout started', tone: 'active' },
  PhaseStarted: { label: 'Phase started', tone: 'active' },
  PhaseSkipped: { label: 'Phase skipped', tone: 'idle' },
  TargetsJoined: { label: 'Devices joined', tone: 'idle' },
  ThresholdMet: { label: 'Gate reached', tone: 'ok' },
  ThresholdLost: { label: 'Gate lost', tone: 'warn' },
  AwaitingApproval: { label: 'Awaits approval', tone: 'warn' },
  PhaseSucceeded: { label: 'Phase passed', tone: 'ok' },
  PhaseHalted: { label: 'Phase halted', tone: 'fail' },
  UpdatesApproved: { label: 'Updates approved', tone: 'ok' },
  UpdatesUnapproved: { label: 'Updates unapproved', tone: 'warn' },
  RolloutPaused: { label: 'Rollout paused', tone: 'warn' },
  RolloutResumed: { label: 'Rollout resumed', tone: 'active' },
  RolloutRolledBack: { label: 'Rolled back', tone: 'fail' },
  RolloutSuperseded: { label: 'Superseded', tone: 'idle' },
  RolloutSucceeded: { label: 'Rollout succeeded', tone: 'ok' },
  UpdatesHeld: { label: 'Updates held', tone: 'warn' },
  HoldEnded: { label: 'Hold ended', tone: 'idle' },
  UpdatesExpired: { label: 'Updates expired', tone: 'idle' },
  DevicesStale: { label: 'Devices silent', tone: 'warn' },
}

/** Every type of decision. */
export const DECISION_TYPES: readonly string[] = Object.keys(DECISIONS)

function section(id: string, title: string, { shown, total }: Listed<unknown>, content: Html): Html {
  const left = total - shown.length
  return html`<section aria-labelledby="h-${id}"><h2 id="h-${id}">${title} <small>${total > 0 && count(total)}</small></h2><div class="panel scroll">${content}</div>${
    left > 0 && html`<p class="more">and ${count(left)} more</p>`
  }</section>`
}

/** What to do next on a controller that has nothing to show yet; empty when it is at work. */
export function firstSteps({ objects, catalog, fleet, rollouts, rules, now }: Dashboard): Html {
  if (rollouts.total > 0) return html``
  const due = rules.shown.find(({ until }) => until !== undefined)
  const steps = [
    {
      done: objects > 0,
      what: html`Declare collections, windows and rules`,
      how: html`Put YAML files into the folder that the controller watches; <code>ringmaster validate PATH</code> checks them first. An edit takes effect when it is saved.`,
    },
    {
      done: catalog.updates > 0,
      what: html`Fill the catalog`,
      how: html`Declare an <code>UpdateSource</code> with the <code>path</code> or <code>url</code> of an update feed.`,
    },
    {
      done: fleet.devices > 0,
      what: html`Enrol devices`,
      how: html`A device sends an enrolment key and its attributes to <code>POST /v1/enrol</code>, and reports with the token that it gets.`,
    },
    {
      done: false,
      what: html`Evaluate a rule`,
      how:
        due?.until === undefined
          ? html`A rule makes its first rollout when its schedule is due, or at once with <code>ringmaster evaluate RULE</code>.`
          : html`Rule <b>${clip(due.name, 63)}</b> is due ${relative(due.until, now)}; <code>ringmaster evaluate ${clip(due.name, 63)}</code> does it at once.`,
    },
  ]
  return html`<section class="panel start" aria-labelledby="h-start"><h2 id="h-start">${objects === 0 ? 'Nothing is declared yet' : 'No rollout yet'}</h2><ol>${steps.map(
    ({ done, what, how }) =>
      html`<li>${sign(done ? 'ok' : 'idle')}<div><b>${what}</b>${done && html` <span class="quiet">done</span>`}<div class="quiet">${how}</div></div></li>`,
  )}</ol></section>`
}
