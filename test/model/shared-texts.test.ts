// Records that say the same share the texts and lists in which they say it.
import { test } from 'tap'
import { sharedIfEmpty, sharedText, sharedTexts } from '../../controller/model/shared-texts.ts'
import { Update } from '../../controller/model/update.ts'

// Texts as they come from the JSON of a feed: each record has its own.
function read(over: object): Update {
  const record = {
    id: 'one',
    title: 'One',
    vendor: 'A vendor with a name',
    products: ['A product', 'Another product'],
    classification: 'Security Updates',
    released: '2025-10-14T00:00:00Z',
  }
  return Update.parse(JSON.parse(JSON.stringify({ ...record, ...over })))
}

test('records of a feed share lists that say the same, and say what they said', async (t) => {
  const [one, two, three] = [read({}), read({ id: 'two' }), read({ products: ['Another product', 'A product'] })]
  t.equal(one.products, two.products, 'the same list')
  t.same(one.products, ['A product', 'Another product'])
  t.same(three.products, ['Another product', 'A product'])
  t.equal(one.cves, two.supersedes, 'nothing is the same everywhere')
  t.equal(read({ cves: [] }).cves, one.cves)
  t.same(one.cves, [])
  t.same(read({ cves: ['CVE-2025-1'] }).cves, ['CVE-2025-1'])
})

test('what is remembered is bounded, and stays right beyond that', async (t) => {
  const long = 'x'.repeat(1000)
  t.equal(sharedText(long), long)
  t.same(sharedTexts([long]), [long])
  const texts = Array.from({ length: 50_000 }, (_, i) => `text ${i}`)
  t.same(texts.map(sharedText), texts)
  const lists = texts.map((text) => [text, 'and more'])
  t.same(
    lists.map((list) => sharedTexts(list.slice())),
    lists,
  )
  t.same(sharedIfEmpty(['a']), ['a'])
})
