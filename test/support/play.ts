// Plays a random scene: turns its steps into facts, tells them to the core, and lets it decide after each.
import type { ObjectRef } from '../../controller/model/declared.ts'
import type { Command, Input } from '../../controller/model/facts.ts'
import { HOUR, MINUTE } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { RINGS, type Scene, SITES, type Step, UPDATES } from './arbitrary.ts'
import { changed, command, declare, enrolled, id, removed, synced, undeclare, update } from './declare.ts'
import { at, newStory, type Said, type Story, says, settle, tell } from './story.ts'

const ZONES = ['UTC', 'Asia/Tokyo', 'America/Los_Angeles', undefined]
const FIRST_RELEASE = at('2025-12-20T00:00:00Z')

/** Every update of the small catalog. Each odd one is superseded by the one two further on. */
export const CATALOG: readonly Update[] = Array.from({ length: UPDATES }, (_, n) =>
  update(`u${n}`, {
    classification: n % 3 === 0 ? 'Updates' : 'Security Updates',
    products: [n % 2 === 0 ? 'Even' : 'Odd'],
    released: new Date(FIRST_RELEASE + n * 120 * HOUR).toISOString(),
    supersedes: n % 2 === 1 && n > 2 ? [`u${n - 2}`] : [],
    uninstallable: n % 4 !== 0,
  }),
)

export function begin(scene: Scene, listen?: Story['listen']): Story {
  const story = newStory('2026-01-05T08:00:00Z', listen)
  const devices = Array.from({ length: scene.devices }, (_, n) => enrolment(n, pickRing(n), SITES[n % 2] ?? 'x'))
  tell(story, declare(...scene.objects), synced(...CATALOG.slice(0, 4)), ...devices)
  settle(story)
  return story
}

/** What a step comes to, after the time that it takes. It is told, and nothing is decided yet. */
export function take(story: Story, step: Step): void {
  if (step.type === 'Together') for (const one of step.steps) take(story, one)
  if (step.type === 'Wait') story.now += step.minutes * MINUTE
  if (step.type === 'WaitForWake' && story.next < story.now + 60 * 24 * HOUR)
    story.now = Math.max(story.now, story.next)
  tell(story, ...factsOf(story, step))
}

export function rolloutNames(story: Story): string[] {
  return [...story.state.control.rollouts.keys()].sort()
}

function factsOf(story: Story, step: Step): Input[] {
  switch (step.type) {
    case 'Everyone':
      return story.state.fleet.ids
        .filter((_, row) => (row * 37) % 100 < step.part)
        .map((device) => says(story, device, saidOf(story, step.says, 511, step.skewMinutes)))
    case 'Report':
      return reportOf(story, step)
    case 'Enrol':
      story.sequences.delete(`d${step.device}`)
      return [enrolment(step.device, step.ring, step.site)]
    case 'Move':
      return [says(story, `d${step.device}`, { attributes: attributesOf(step.device, step.ring, step.site) })]
    case 'Remove':
      return [removed(`d${step.device}`)]
    case 'Declare':
      return [declare(...step.objects)]
    case 'Undeclare':
      return undeclaring(story, step.object)
    case 'Sync':
      return [
        changed({ upserts: chosen(step.upserts), declined: ids(step.declined), reinstated: ids(step.reinstated) }),
      ]
    case 'Command':
      return commandOf(story, step)
    case 'Evaluate':
      return [command({ type: 'Evaluate', rule: step.rule })]
    case 'StaleAfter':
      return [{ type: 'SettingsChanged', settings: { staleAfterMs: step.hours * HOUR } }]
    default:
      return []
  }
}

// What the devices do not say themselves, but the network does to it: again, and an older one after a newer.
function reportOf(story: Story, step: Extract<Step, { type: 'Report' }>): Input[] {
  const device = `d${step.device}`
  const last = story.sequences.get(device) ?? 0
  if (step.says === 'Again')
    return [says(story, device, { ...compliant(ids(step.updates)), sequence: Math.max(1, last) })]
  if (step.says === 'Older') return [says(story, device, { ...compliant(ids(511)), sequence: Math.max(1, last - 1) })]
  return [says(story, device, saidOf(story, step.says, step.updates, step.skewMinutes))]
}

function saidOf(
  story: Story,
  what: Exclude<Extract<Step, { type: 'Report' }>['says'], 'Again' | 'Older'>,
  updates: number,
  skewMinutes: number,
): Said {
  const when = { at: story.now + skewMinutes * MINUTE }
  const about = ids(updates)
  if (what === 'Compliant') return { ...compliant(about), ...when }
  if (what === 'Required') return { required: about, ...when }
  if (what === 'Failed') return { required: about, failed: about.slice(0, 1), ...when }
  if (what === 'Installing') return { enforcing: { update: about[0] ?? 'u0', state: 1 }, ...when }
  return when
}

function compliant(about: readonly string[]): Said {
  return { installed: about.filter((_, i) => i % 2 === 0), notRequired: about.filter((_, i) => i % 2 === 1) }
}

function undeclaring(story: Story, number: number): Input[] {
  const all: ObjectRef[] = Object.values(story.state.objects)
    .flatMap((objects) => [...objects.values()])
    .map(({ kind, name }) => ({ kind, name }))
  const ref = all[number % Math.max(1, all.length)]
  return ref === undefined ? [] : [undeclare(ref)]
}

function commandOf(story: Story, step: Extract<Step, { type: 'Command' }>): Input[] {
  const names = rolloutNames(story)
  const rollout = names[step.rollout % Math.max(1, names.length)]
  const record = story.state.control.rollouts.get(rollout ?? '')
  if (rollout === undefined || record === undefined) return []
  const waiting = record.plan.phases[record.phases.findIndex((phase) => phase.status === 'Waiting')]?.name ?? 'p2'
  const given: Command =
    step.command === 'Approve'
      ? { type: 'Approve', rollout, phase: waiting }
      : step.command === 'Signal'
        ? { type: 'Signal', rollout, phase: waiting, signal: 'go' }
        : { type: step.command, rollout }
  return [command(given)]
}

function enrolment(n: number, ring: string, site: string): Input {
  return enrolled(`d${n}`, attributesOf(n, ring, site))
}

function attributesOf(n: number, ring: string, site: string): Record<string, string> {
  const timeZone = ZONES[n % 4]
  return { ring, site, ...(timeZone !== undefined && { timeZone }) }
}

function pickRing(n: number): string {
  return RINGS[n % 5 === 0 ? 0 : n % 3] ?? 'a'
}

// One bit for each; the ninth is an update that no catalog ever knows.
function ids(mask: number) {
  return Array.from({ length: UPDATES + 1 }, (_, n) => n)
    .filter((n) => (mask & (1 << n)) !== 0)
    .map((n) => id(`u${n}`))
}

function chosen(mask: number): Update[] {
  return CATALOG.filter((_, n) => (mask & (1 << n)) !== 0)
}
