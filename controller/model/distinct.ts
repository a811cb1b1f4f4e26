// Lists of names that are sets: the order says nothing, and nothing stands in them twice.
import { z } from 'zod'
import { alsoInCluster } from './cluster-rules.ts'

/** Refuses a name that stands in the list twice. An API server merges such lists from several writers. */
export function inNames(): z.core.$ZodCheck<string[]> {
  return alsoInCluster(
    z.superRefine<string[]>((names, context) => {
      const seen = new Map<string, number>()
      for (const [i, name] of names.entries()) {
        const first = seen.get(name)
        if (first === undefined) seen.set(name, i)
        else context.addIssue({ code: 'custom', path: [i], message: `"${name}" stands here twice: remove one` })
      }
    }),
    { keywords: { 'x-kubernetes-list-type': 'set' } },
    'isDistinct',
  )
}
