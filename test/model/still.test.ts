// Arrays as they were at one instant, beside copies.
import fc from 'fast-check'
import { test } from 'tap'
import {
  beforeRewrite,
  readStill,
  releaseStill,
  type Still,
  type TypedArray,
  takeStill,
  writeFloat,
  writeInt,
  writeUnsigned,
} from '../../controller/model/still.ts'

const LENGTH = 40

type Step =
  | { readonly type: 'Write'; readonly index: number; readonly value: number }
  | { readonly type: 'Fill'; readonly value: number }
  | { readonly type: 'Take' | 'Release' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({ type: fc.constant('Write' as const), index: fc.nat(LENGTH + 5), value: fc.nat(255) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('Fill' as const), value: fc.nat(255) }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('Take' as const, 'Release' as const) }) },
  ),
  { minLength: 100, maxLength: 300 },
)
const array = fc
  .constantFrom(Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array)
  .map((Type): TypedArray => new Type(LENGTH))

test('whatever is written, each still gives what the array was when it was taken, in whatever pieces it is read', async (t) => {
  let read = 0
  fc.assert(
    fc.property(array, steps, fc.integer({ min: 1, max: LENGTH }), (live, taken, piece) => {
      const open: { still: Still; copy: TypedArray }[] = []
      for (const step of taken) {
        if (step.type === 'Write') write(live, step.index, step.value)
        if (step.type === 'Fill') {
          beforeRewrite(live)
          live.fill(step.value)
        }
        if (step.type === 'Take') open.push({ still: takeStill(live), copy: live.slice() })
        if (step.type === 'Release') {
          const oldest = open.shift()
          if (oldest !== undefined) releaseStill(oldest.still)
        }
        for (const { still, copy } of open) {
          read++
          if (!isSame(still, copy, piece)) return false
          // A list of what was written over is never much longer than the array.
          if (still.undo.length > copy.length * 2) return false
        }
      }
      for (const { still } of open) releaseStill(still)
      return true
    }),
    { seed: 42, numRuns: 300 },
  )
  t.ok(read > 10_000, `${read} times`)
})

test('what was released is not noted any more', async (t) => {
  const words = new Uint32Array(8)
  const still = takeStill(words)
  writeUnsigned(words, 1, 5)
  t.equal(still.undo.length, 2)
  releaseStill(still)
  writeUnsigned(words, 1, 6)
  t.equal(still.undo.length, 2)
})

function write(live: TypedArray, index: number, value: number): void {
  if (live instanceof Int32Array) writeInt(live, index, value)
  else if (live instanceof Float64Array) writeFloat(live, index, value)
  else writeUnsigned(live, index, value)
}

function isSame(still: Still, copy: TypedArray, piece: number): boolean {
  for (let from = 0; from < copy.length; from += piece) {
    const wanted = copy.slice(from, from + piece)
    const found = wanted.slice().fill(0)
    readStill(still, from, found)
    if (found.join() !== wanted.join()) return false
  }
  return still.length === copy.length
}
