// Collections over a large fleet, as rows of the benchmark.
import { benchCollections } from './collections.ts'
import type { Row, Size } from './measure.ts'

export function benchCollectionRows(size: Size): Row[] {
  const [devices, collections] = size === 'full' ? [1_000_000, 50] : [50_000, 50]
  const { full, incremental, naive, naiveIncremental } = benchCollections(devices, collections)
  const common = { subject: 'collections', operation: 'collection × device' }
  return [
    {
      ...common,
      name: `${collections} collections × ${devices} devices, full`,
      ours: full,
      baseline: { ...naive, what: 'an object a device, conditions compiled, in one pass' },
    },
    {
      subject: 'collections',
      operation: 'changed device',
      name: `one device changes, all its collections current`,
      ours: incremental,
      baseline: { ...naiveIncremental, what: 'the same pass for the one device' },
      goal: '1,000,000/s',
    },
  ]
}
