import { test } from 'tap'
import { diffDeclared } from '../../controller/sources/diff-declared.ts'
import { assembled, manifest } from './samples.ts'

const collection = (name: string, spec = '{include: [all]}') => manifest('Collection', name, spec)
const brief = (before: readonly string[], after: readonly string[]) => {
  const { put, removed } = diffDeclared(assembled(...before).objects, assembled(...after).objects)
  return { put: put.map((object) => object.name), removed }
}

test('only what is new or has another content is put, and what is gone is removed', (t) => {
  const before = [`${collection('same')}---\n${collection('gone')}---\n${collection('changed')}`]
  const after = [`${collection('new')}---\n${collection('changed', '{devices: [x]}')}---\n${collection('same')}`]
  t.strictSame(brief(before, after), { put: ['changed', 'new'], removed: [{ kind: 'Collection', name: 'gone' }] })
  t.end()
})

test('another revision, another line, comments and formatting change nothing', (t) => {
  const text = collection('a', '{include: [all], description: x}')
  const same = `# moved\n\n${text.replace('{include: [all], description: x}', '\n  description: "x"\n  include:\n  - all')}`
  t.strictSame(brief([text], [same, collection('b')]), { put: ['b'], removed: [] })
  t.end()
})

test('an object is put again when its labels, annotations or file are others', (t) => {
  const text = collection('a')
  for (const field of ['labels', 'annotations'])
    t.strictSame(brief([text], [text.replace('spec:', `  ${field}: {k: v}\nspec:`)]).put, ['a'])
  t.strictSame(brief([text], ['', text]), { put: ['a'], removed: [] })
  t.end()
})
