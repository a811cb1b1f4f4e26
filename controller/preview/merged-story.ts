// Two stories told as one: what both say once, what only one says with its mark.
import type { EpochMs } from '../model/instant.ts'

export type Told<T> = { readonly at: EpochMs; readonly key: string; readonly what: T }
export type Side = 'base' | 'head' | 'both'

/** In order of time; at one instant in the order of each story, the base's own before the head's. */
export function mergedStory<T>(base: readonly Told<T>[], head: readonly Told<T>[]): { side: Side; told: Told<T> }[] {
  const merged: { side: Side; told: Told<T> }[] = []
  let [i, j] = [0, 0]
  while (i < base.length || j < head.length) {
    const now = Math.min(base[i]?.at ?? Infinity, head[j]?.at ?? Infinity)
    const [was, is] = [runAt(base, i, now), runAt(head, j, now)]
    merged.push(...mergedRun(was, is))
    i += was.length
    j += is.length
  }
  return merged
}

function runAt<T>(story: readonly Told<T>[], from: number, at: EpochMs): readonly Told<T>[] {
  let end = from
  while (story[end]?.at === at) end++
  return story.slice(from, end)
}

// Within one instant, what only the base says stands before what only the head says.
function mergedRun<T>(base: readonly Told<T>[], head: readonly Told<T>[]): { side: Side; told: Told<T> }[] {
  const merged: { side: Side; told: Told<T> }[] = []
  let next = 0
  let fresh: Told<T>[] = []
  const put = (side: Side, lines: readonly Told<T>[]) => merged.push(...lines.map((told) => ({ side, told })))
  for (const told of head) {
    const found = base.findIndex(({ key }, n) => n >= next && key === told.key)
    if (found < 0) {
      fresh.push(told)
      continue
    }
    put('base', base.slice(next, found))
    put('head', fresh)
    put('both', [told])
    fresh = []
    next = found + 1
  }
  put('base', base.slice(next))
  put('head', fresh)
  return merged
}
