import { test } from 'tap'
import { runBatch } from './batch.ts'

// A short form of `npm run fuzz`.
test('changed manifests end validate with 0 or 1, in bounded time and memory, without a stack', async (t) => {
  t.strictSame(await runBatch(1, 200), { type: 'Good', inputs: 200 })
})
