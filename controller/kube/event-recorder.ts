// Writes events (events.k8s.io/v1), one after the other. An event is a courtesy: what cannot be written is told and forgotten.
import { randomBytes } from 'node:crypto'
import { type EventNews, newSeries, nextEvent } from './event-series.ts'
import type { KubeClient } from './kube-client.ts'
import type { Resource } from './kube-object.ts'

export const EVENTS: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

export type RecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'merge'>
  readonly controller: string
  readonly instance: string
  readonly onError?: (error: unknown) => void
}

export type EventRecorder = {
  readonly record: (news: EventNews) => void
  readonly dropped: () => number
  /** Resolves when what was recorded so far is written, or given up. */
  readonly close: () => Promise<void>
}

/** Waiting to be written; more are dropped. */
const MOST_WAITING = 1000
/** The longest note that the API takes is 1 kB. */
const MOST_NOTE = 1000
/** Events of objects without a namespace are kept here. */
const NAMESPACE = 'default'

export function newEventRecorder({ client, controller, instance, onError = () => {} }: RecorderOptions): EventRecorder {
  const series = newSeries()
  const suffix = randomBytes(4).toString('hex')
  let waiting = 0
  let dropped = 0
  let closed = false
  let last: Promise<void> = Promise.resolve()

  const write = async (news: EventNews) => {
    const at = Temporal.Now.instant().toString({ fractionalSecondDigits: 6 })
    const move = nextEvent(series, news, performance.now(), suffix)
    if (move.type === 'Create') {
      await client.create(EVENTS, { namespace: NAMESPACE }, eventBody(news, move.name, at, controller, instance))
    } else if (move.type === 'Count') {
      const body = { series: { count: move.count, lastObservedTime: at } }
      await client.merge(EVENTS, { name: move.name, namespace: NAMESPACE }, body)
    }
  }
  return {
    record: (news) => {
      if (closed || waiting >= MOST_WAITING) {
        dropped++
        return
      }
      waiting++
      last = last
        .then(() => write(news))
        .catch(onError)
        .finally(() => {
          waiting--
        })
    },
    dropped: () => dropped + series.dropped,
    close: async () => {
      closed = true
      await last
    },
  }
}

function eventBody(news: EventNews, name: string, at: string, controller: string, instance: string): object {
  const { type, regarding, action, reason, note } = news
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: NAMESPACE },
    eventTime: at,
    reportingController: controller,
    reportingInstance: instance.slice(0, 128),
    action,
    reason,
    regarding,
    note: cut(note),
    type,
  }
}

function cut(note: string): string {
  let text = note
  while (Buffer.byteLength(text) > MOST_NOTE) text = text.slice(0, Math.min(text.length - 1, MOST_NOTE - 1))
  return text.length === note.length ? text : `${text}…`
}
