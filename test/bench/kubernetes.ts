// Rules and collections applied to a real API server all at once: how long until each has a status of its newest version, how many
// requests and writes that takes, and how much memory. API server, etcd and controller share the machine.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startController } from '../../controller/cli/start-controller.ts'
import { connect } from '../../controller/kube/connection.ts'
import { type KubeClient, newKubeClient } from '../../controller/kube/kube-client.ts'
import { isRecord } from '../../controller/kube/kube-object.ts'
import { API_VERSION, type Kind } from '../../controller/model/kinds.ts'
import { resourceOf } from '../../controller/operator/names.ts'
import { clusterBinaries } from '../cluster/binaries.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { mustBe, type Row, type Size } from './measure.ts'

const PATIENCE_MS = 600_000
const CREATORS = 16

/** No rows, and a word why, where there is no control plane to be had. */
export async function benchKubernetes(size: Size): Promise<Row[]> {
  const found = await clusterBinaries()
  if (found.type === 'Missing') {
    process.stderr.write(`kubernetes: skipped: ${found.reason}\n`)
    return []
  }
  const count = size === 'full' ? 1000 : 50
  await using plane = await startControlPlane()
  await plane.installCrds()
  const data = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  const { kubeconfig } = plane
  const listen = { host: '127.0.0.1', port: 0 }
  const controller = await startController({ kubernetes: { kubeconfig }, data, listen })
  const client = newKubeClient(connect({ kubeconfig }))
  try {
    await untilReady(controller.url)
    const before = await countsOf(controller.url)
    const begun = performance.now()
    await createAll(client, count)
    const applied = performance.now() - begun
    await untilCurrent(client, 2 * count)
    const ms = performance.now() - begun
    const after = await countsOf(controller.url)
    mustBe(controller.controller.state.objects.AutomaticDeploymentRule.size === count, 'how many rules are in force')
    return [row(count, ms, applied, after.requests - before.requests, after.writes - before.writes)]
  } finally {
    client.close()
    await controller.close()
    rmSync(data, { recursive: true })
  }
}

function row(count: number, ms: number, applied: number, requests: number, writes: number): Row {
  const objects = 2 * count
  const each = (value: number) => (value / objects).toFixed(2)
  return {
    subject: 'kubernetes',
    name: `${count} rules and ${count} collections applied: until every status is current`,
    operation: 'object',
    ours: { operations: objects, ms: [ms] },
    goal: '50 objects/s beside the API server itself, at most 3 writes for each',
    notes: [
      `applying them took ${Math.round(applied)} ms of it`,
      `${each(requests)} requests and ${each(writes)} writes for each object`,
      `memory of the process ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
    ],
  }
}

async function createAll(client: KubeClient, count: number): Promise<void> {
  let next = 0
  const create = (kind: Kind, name: string, spec: object) =>
    client.create(resourceOf(kind), {}, { apiVersion: API_VERSION, kind, metadata: { name }, spec })
  const work = async () => {
    while (next < count) {
      const i = next++
      await create('Collection', `c${i}`, { queries: [{ matchLabels: { ring: `${i}` } }] })
      await create('AutomaticDeploymentRule', `r${i}`, {
        criteria: { titles: [`update-${i}-*`] },
        evaluate: { schedule: { rrule: 'FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1', at: '03:00' } },
        phases: [{ name: 'pilot', collection: `c${i}` }],
      })
    }
  }
  await Promise.all(Array.from({ length: CREATORS }, work))
}

async function untilCurrent(client: KubeClient, objects: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const kinds = ['Collection', 'AutomaticDeploymentRule'] as const
    const pages = await Promise.all(kinds.map((kind) => client.list(resourceOf(kind), { limit: objects })))
    const current = pages.flatMap((page) => page.objects).filter(({ raw }) => isCurrent(raw.status))
    if (current.length === objects) return
    if (performance.now() > until) throw new Error(`${objects - current.length} of ${objects} objects have no status`)
    await sleep(250)
  }
}

/** Each was written once, so that its generation is 1. */
function isCurrent(status: unknown): boolean {
  if (!isRecord(status) || status.observedGeneration !== 1 || !Array.isArray(status.conditions)) return false
  return status.conditions
    .filter(isRecord)
    .some((condition) => condition.type === 'Ready' && condition.status === 'True')
}

async function untilReady(url: string): Promise<void> {
  const until = performance.now() + 60_000
  while ((await fetch(`${url}/readyz`)).status !== 200) {
    if (performance.now() > until) throw new Error('the controller is not ready')
    await sleep(100)
  }
}

async function countsOf(url: string): Promise<{ readonly requests: number; readonly writes: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0)
  return {
    requests: sum(/^ringmaster_kubernetes_request_duration_seconds_count\{.*\} (\d+)/gm),
    writes: sum(/^ringmaster_kubernetes_writes_total\{.*\} (\d+)/gm),
  }
}
