// What is wrong with objects in a Kubernetes cluster only: RM17xx.
import { type ErrorPage, object } from './error-page.ts'

export const CLUSTER_CODES = {
  RM1701: {
    title: 'RelativePathInCluster',
    meaning:
      'An UpdateSource in a Kubernetes cluster names a relative path. In a directory it is relative to its file; an object in a cluster has no folder. Name the path in the container of the controller from / on, or fetch the feed by HTTP.',
    wrong: object('kind: UpdateSource\nspec: {format: Ringmaster, path: catalog.ndjson}'),
    right: object('kind: UpdateSource\nspec: {format: Ringmaster, url: "https://updates.example/catalog.ndjson"}'),
  },
  RM1702: {
    title: 'TooEntangled',
    meaning:
      'Objects in a Kubernetes cluster are judged one by one: what refers to an object that is refused is refused too, and so on. After 100 links of such a chain the rest is refused without looking further. Mend the objects that have a condition Stalled with another code first.',
    wrong: '# a limited to b, b limited to c, … more than 100 collections, the last of them with a mistake',
    right: '# the last of them without the mistake',
  },
} as const satisfies Record<string, ErrorPage>
