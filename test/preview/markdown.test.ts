import { test } from 'tap'
import type { Effect, UpdateLine } from '../../controller/preview/effect.ts'
import { effectMarkdown, MARKER, MAX_COMMENT } from '../../controller/preview/markdown.ts'
import { CHANGES } from './changes.ts'
import { compare, OCTOBER, october, quickstart } from './comparing.ts'

const base = quickstart('main')
const { state } = await october(base)
const effect = compare(state, base.objects, quickstart('change', CHANGES['rule-removed']).objects, OCTOBER)

const huge: Effect = {
  ...effect,
  rules: Array.from({ length: 200 }, (_, i) => ({
    rule: `rule-${i}`,
    change: 'Changed' as const,
    matched: { base: 1, head: 2 },
    entering: {
      total: 900,
      shown: Array.from({ length: 20 }, (_, n): UpdateLine => ({ id: `u${n}`, title: 'x'.repeat(900), why: `w${n}` })),
    },
    leaving: { total: 0, shown: [] },
    cap: { limit: 1000, level: 'Fine' as const, overflow: 'Fail' as const },
    nextEvaluation: {},
    phases: [],
  })),
  collections: Array.from({ length: 3000 }, (_, i) => ({
    collection: `collection-${i}`,
    devices: { base: 0, head: 1 },
    entering: { total: 1, shown: [{ id: `d${i}`, why: 'query 1 holds' }] },
    leaving: { total: 0, shown: [] },
  })),
  objects: Array.from({ length: 3000 }, (_, i) => ({
    kind: 'Collection' as const,
    name: `collection-${i}`,
    change: 'Added' as const,
    file: 'x'.repeat(200),
    line: 1,
    fields: [],
    fieldsTotal: 0,
    cosmetic: false,
  })),
  unknown: Array.from({ length: 100 }, () => 'y'.repeat(500)),
}

test('a comment begins with its marker and the verdict, and fits whatever the effect', async (t) => {
  for (const one of [effect, huge]) {
    const text = effectMarkdown(one)
    t.ok(text.startsWith(`${MARKER}\n**`))
    t.ok(text.length <= MAX_COMMENT, `${text.length}`)
    t.equal(text.match(/<details>/g)?.length, text.match(/<\/details>/g)?.length, 'nothing is left open')
  }
})

test('what is left out of a comment is named', async (t) => {
  const text = effectMarkdown(huge)
  t.match(text, /_and more: `ringmaster diff` prints all of it_/)
  t.match(text, /> Too long for a comment, and left out here: .*Notes\. `ringmaster diff` prints all of it\./)
})

test('nothing that comes from feeds and people is markup, a mention or a second line', async (t) => {
  const evil =
    '<img src=x onerror=alert(1)> @everyone | `code` [link](http://example.com) **bold**\n\n# heading </details>'
  const text = effectMarkdown({ ...effect, unknown: [evil], base: { ...effect.base, label: evil } })
  t.notMatch(text, /<img|[^\u200b]@everyone\b|^# heading|\n\n# |\[link\]\(/m)
  t.equal(text.match(/<details>/g)?.length, text.match(/<\/details>/g)?.length)
})
