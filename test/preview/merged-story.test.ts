import fc from 'fast-check'
import { test } from 'tap'
import { mergedStory, type Told } from '../../controller/preview/merged-story.ts'

const line = (at: number, key: string): Told<string> => ({ at, key, what: `${at} ${key}` })
const tellable = (merged: ReturnType<typeof mergedStory<string>>) =>
  merged.map(({ side, told }) => `${side} ${told.what}`)

test('what both say is said once, and what one says stands in its place', async (t) => {
  const base = [line(1, 'a'), line(2, 'b'), line(2, 'c'), line(4, 'e')]
  const head = [line(1, 'a'), line(2, 'x'), line(2, 'c'), line(3, 'd')]
  t.same(tellable(mergedStory(base, head)), ['both 1 a', 'base 2 b', 'head 2 x', 'both 2 c', 'head 3 d', 'base 4 e'])
})

const story = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom('a', 'b', 'c')), { maxLength: 20 })
  .map((lines) => lines.sort(([a], [b]) => a - b).map(([at, key]) => line(at, key)))

test('each story can be read back from the two told as one, and the other way round it is the same', async () => {
  fc.assert(
    fc.property(story, story, (base, head) => {
      const merged = mergedStory(base, head)
      const of = (side: 'base' | 'head') =>
        merged.filter((one) => one.side === side || one.side === 'both').map(({ told }) => told.what)
      const inOrder = merged.every(({ told }, i) => told.at >= (merged[i - 1]?.told.at ?? 0))
      return (
        inOrder &&
        of('base').join() === base.map(({ what }) => what).join() &&
        of('head').join() === head.map(({ what }) => what).join()
      )
    }),
  )
})
