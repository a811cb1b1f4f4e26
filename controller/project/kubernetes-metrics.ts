// What a Prometheus server is told of the part of a controller that is on a Kubernetes cluster.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type KubernetesFigures = {
  /** Objects that wait to be worked on, and those whose work fails. */
  readonly depth: number
  readonly failing: number
  readonly eventsDropped: number
  /** Kinds that are not watched at the moment. */
  readonly troubles: number
  readonly synced: boolean
  readonly leader: boolean
}

export type KubernetesMetrics = {
  /** A request to the API server was answered; `status` 0: it was not. */
  readonly asked: (verb: string, resource: string, status: number, seconds: number) => void
  readonly wrote: (what: string) => void
}

/** To be called once for a registry. `figures` is asked at each rendering. */
export function newKubernetesMetrics(registry: Registry, figures: () => KubernetesFigures): KubernetesMetrics {
  const registers = [registry]
  const requests = new Histogram({
    name: 'ringmaster_kubernetes_request_duration_seconds',
    help: 'How long the API server took to begin its answer, by verb, resource and status; 0: there was none.',
    labelNames: ['verb', 'resource', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers,
  })
  const writes = new Counter({
    name: 'ringmaster_kubernetes_writes_total',
    help: 'Writes to objects of the cluster, by what was written.',
    labelNames: ['what'],
    registers,
  })
  const gauge = (name: string, help: string, value: (now: KubernetesFigures) => number) =>
    new Gauge({
      name: `ringmaster_kubernetes_${name}`,
      help,
      registers,
      collect() {
        this.set(value(figures()))
      },
    })
  gauge('queue_depth', 'Objects that wait to be compared with the state.', ({ depth }) => depth)
  gauge('failing_objects', 'Objects whose last write failed.', ({ failing }) => failing)
  gauge('events_dropped', 'Events not written since the start: too many of them.', ({ eventsDropped }) => eventsDropped)
  gauge('unwatched_kinds', 'Kinds that are not watched at the moment.', ({ troubles }) => troubles)
  gauge('synced', '1 when every kind was listed, else 0.', ({ synced }) => (synced ? 1 : 0))
  gauge('leader', '1 on the replica that leads, else 0.', ({ leader }) => (leader ? 1 : 0))
  return {
    asked: (verb, resource, status, seconds) => requests.observe({ verb, resource, status: String(status) }, seconds),
    wrote: (what) => writes.inc({ what }),
  }
}
