// Works through a queue (work-queue.ts), several keys at a time.
import { KubeError } from './kube-error.ts'
import { enqueue, finish, newQueue, nextDue, queueDepth, takeNext, type WorkOutcome } from './work-queue.ts'

export type WorkersOptions = {
  readonly concurrency: number
  /** What fails is tried again after a while. */
  readonly work: (key: string) => Promise<WorkOutcome>
  readonly onError?: (key: string, error: unknown) => void
  readonly draw?: () => number
}

export type Workers = {
  /** As soon as may be; one that is working on it does it once more. */
  readonly add: (key: string) => void
  /** After `ms`. */
  readonly addAfter: (key: string, ms: number) => void
  /** As `add`, but what has failed and waits goes on waiting. */
  readonly addUnlessFailed: (key: string) => void
  readonly depth: () => number
  /** Whether something is due or being worked on; what waits for its time does not count. */
  readonly isBusy: () => boolean
  readonly failing: () => number
  /** Resolves when what was begun has ended. Nothing is begun after the call. */
  readonly stop: () => Promise<void>
}

export function startWorkers(options: WorkersOptions): Workers {
  const { concurrency, work, onError = () => {}, draw = Math.random } = options
  const queue = newQueue()
  const running = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let scheduled = false
  let stopped = false
  const now = () => performance.now()

  const run = async (key: string) => finish(queue, key, await outcomeOf(key, work, onError), now(), draw())
  const pump = () => {
    scheduled = false
    if (stopped) return
    // Work begins with a computation: between two of them others have their turn.
    const until = now() + SLICE_MS
    while (running.size < concurrency && now() < until) {
      const key = takeNext(queue, now())
      if (key === undefined) break
      const done: Promise<void> = run(key).then(() => {
        running.delete(done)
        schedule()
      })
      running.add(done)
    }
    if (running.size >= concurrency) return
    clearTimeout(timer)
    const wait = nextDue(queue, now()) - now()
    if (wait <= 0) schedule()
    else if (wait !== Infinity) timer = setTimeout(schedule, Math.ceil(Math.min(wait, LONGEST_MS)))
  }
  const schedule = () => {
    if (scheduled || stopped) return
    scheduled = true
    setImmediate(pump)
  }
  const addAt = (key: string, at: number) => {
    if (stopped) return
    enqueue(queue, key, at, now())
    schedule()
  }
  return {
    add: (key) => addAt(key, 0),
    addAfter: (key, ms) => addAt(key, now() + ms),
    addUnlessFailed: (key) => {
      if (!queue.failures.has(key)) addAt(key, 0)
    },
    depth: () => queueDepth(queue) + running.size,
    isBusy: () => queue.ready.size + running.size > 0,
    failing: () => queue.failures.size,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await Promise.all(running)
    },
  }
}

async function outcomeOf(
  key: string,
  work: WorkersOptions['work'],
  onError: (key: string, error: unknown) => void,
): Promise<WorkOutcome> {
  try {
    return await work(key)
  } catch (error) {
    onError(key, error)
    return { type: 'Failed', retryAfterMs: error instanceof KubeError ? error.retryAfterMs : undefined }
  }
}

const SLICE_MS = 10
const LONGEST_MS = 60_000
