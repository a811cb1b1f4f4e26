// What devices are answered when they ask for their policy, known again without making it: of each device the tag of what it
// was last told, good until something that it depends on has changed, and of those who asked last also the text.
import { hash } from 'node:crypto'
import { tokenMark } from '../fleet/token-hashes.ts'
import type { EpochMs } from '../model/instant.ts'
import { longer } from '../model/typed-arrays.ts'
import { policyText } from '../project/policy-text.ts'
import type { World } from '../rollout/world.ts'

/** Of all texts that are kept together. */
export const MAX_KEPT_CHARACTERS = 32 * 1024 * 1024

/** What a tag says between its quotes: so much of a SHA-256 in base64url, which is 24 bytes of it. */
const TAG_CHARACTERS = 32
/** With its quotes, because a text that is put together at each poll has to be copied before it can be compared. */
const TAG_BYTES = TAG_CHARACTERS + 2

export type PolicyAnswers = {
  /** The ETag of the device's policy at `now`, quotes included. */
  readonly tagOf: (world: World, row: number, now: EpochMs) => string
  /** The policy itself. */
  readonly bodyOf: (world: World, row: number, now: EpochMs) => PolicyBody
}

/** A policy as JSON, and how many bytes it has in UTF-8: as many as characters if all of these are ASCII. */
export type PolicyBody = { readonly text: string; readonly bytes: number }

/** 66 bytes a device, for as many as have ever asked, and the texts. */
export function newPolicyAnswers(maxCharacters: number = MAX_KEPT_CHARACTERS): PolicyAnswers {
  const common: Common = { seen: [], now: 0, age: 0 }
  const own = newOwn()
  const texts: Texts = { young: new Map(), old: new Map(), characters: 0, maxCharacters: maxCharacters / 2 }
  const isKnown = (world: World, row: number, now: EpochMs) => isGood(own, world, row, now, ageOf(common, world, now))
  const make = (world: World, row: number, now: EpochMs): PolicyBody => {
    const { text, goodUntil } = policyText(world, row, now)
    put(own, world, row, common.age, text, goodUntil)
    const body = { text, bytes: Buffer.byteLength(text) }
    keep(texts, row, body)
    return body
  }
  return {
    tagOf: (world, row, now) => {
      if (!isKnown(world, row, now)) make(world, row, now)
      return own.tags.toString('latin1', row * TAG_BYTES, (row + 1) * TAG_BYTES)
    },
    bodyOf: (world, row, now) => (isKnown(world, row, now) ? kept(texts, row) : undefined) ?? make(world, row, now),
  }
}

/** What every policy depends on, as it was last seen. */
type Common = { seen: readonly unknown[]; now: EpochMs; age: number }

/** A number that goes up when any of it has changed, or when the clock steps back: what ended by it may be to come again. */
function ageOf(common: Common, world: World, now: EpochMs): number {
  const seen = partsOf(world)
  let isSame = now >= common.now
  for (let i = 0; i < seen.length; i++) if (seen[i] !== common.seen[i]) isSame = false
  if (!isSame) {
    common.seen = seen
    common.age++
  }
  common.now = now
  return common.age
}

/**
 * All of it is replaced when it changes, or numbered, so that looking at it is enough. Members of collections change in place,
 * but those of one device only with its own facts, or with `collections` as a whole.
 */
function partsOf(world: World): readonly unknown[] {
  const { control, collections, objects, catalog } = world
  const { MaintenanceWindow, Freeze } = objects
  return [world, control.rollouts, control.holds, collections, MaintenanceWindow, Freeze, catalog, catalog.version]
}

/**
 * What the policy of one device depends on besides, by row. Its attributes, memberships and compliance change only with a
 * report that counts, which has a higher number than the last; with an enrolment, which brings another token; and with its
 * removal, which takes the token away.
 */
type Own = { ages: Float64Array; sequences: Float64Array; ends: Float64Array; tokens: Float64Array; tags: Buffer }

function newOwn(): Own {
  return {
    ages: new Float64Array(0),
    sequences: new Float64Array(0),
    ends: new Float64Array(0),
    tokens: new Float64Array(0),
    tags: Buffer.alloc(0),
  }
}

function isGood(own: Own, { fleet, access }: World, row: number, now: EpochMs, age: number): boolean {
  const token = tokenMark(access.tokens, row)
  return (
    own.ages[row] === age &&
    now < (own.ends[row] ?? 0) &&
    own.sequences[row] === fleet.sequence[row] &&
    token !== 0 &&
    own.tokens[row] === token
  )
}

function put(own: Own, { fleet, access }: World, row: number, age: number, text: string, end: EpochMs): void {
  if (row >= own.ages.length) grow(own, row + 1)
  own.ages[row] = age
  own.ends[row] = end
  own.sequences[row] = fleet.sequence[row] ?? 0
  own.tokens[row] = tokenMark(access.tokens, row)
  own.tags.write(`"${hash('sha256', text, 'base64url').slice(0, TAG_CHARACTERS)}"`, row * TAG_BYTES, 'latin1')
}

function grow(own: Own, rows: number): void {
  const length = Math.max(rows, own.ages.length * 2, 64)
  for (const column of ['ages', 'sequences', 'ends', 'tokens'] as const)
    own[column] = longer(own[column], new Float64Array(length))
  const tags = Buffer.alloc(length * TAG_BYTES)
  own.tags.copy(tags)
  own.tags = tags
}

/**
 * By row; when the young have too many characters, they become the old. To drop the eldest text for each new one takes longer:
 * a Map is gone through from its beginning, where those are that are no longer in it.
 */
type Texts = {
  young: Map<number, PolicyBody>
  old: Map<number, PolicyBody>
  /** Of the young. */
  characters: number
  readonly maxCharacters: number
}

function kept({ young, old }: Texts, row: number): PolicyBody | undefined {
  return young.get(row) ?? old.get(row)
}

function keep(texts: Texts, row: number, body: PolicyBody): void {
  const { length } = body.text
  if (texts.characters + length > texts.maxCharacters) {
    texts.old = texts.young
    texts.young = new Map()
    texts.characters = 0
  }
  if (length > texts.maxCharacters) {
    texts.old.delete(row)
    return
  }
  texts.characters += length - (texts.young.get(row)?.text.length ?? 0)
  texts.young.set(row, body)
}
