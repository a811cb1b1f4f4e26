// A directory with one update, and rollouts of it in two phases: something to decide while a process is stopped and killed.

/** The files by name. */
export function oneUpdate(): Record<string, string> {
  const update = {
    id: 'u1',
    title: 'An update',
    vendor: 'V',
    products: ['P'],
    classification: 'Security Updates',
    released: '2025-01-01T00:00:00Z',
  }
  return {
    'feed.ndjson': `${JSON.stringify(update)}\n`,
    'source.yaml': `apiVersion: ringmaster.dev/v1alpha1
kind: UpdateSource
metadata: {name: feed}
spec: {format: Ringmaster, path: feed.ndjson}
`,
  }
}

/** A group and its rollout; `soak` is that of the second phase. */
export function rolloutOfIt(name: string, soak = 'PT0S'): string {
  return `apiVersion: ringmaster.dev/v1alpha1
kind: SoftwareUpdateGroup
metadata: {name: ${name}}
spec: {updates: [u1]}
---
apiVersion: ringmaster.dev/v1alpha1
kind: Rollout
metadata: {name: ${name}}
spec:
  group: ${name}
  phases:
    - {name: some, collection: all, percent: 60, successPercent: 50, soak: PT0S}
    - {name: rest, collection: all, successPercent: 90, soak: ${soak}}
`
}
