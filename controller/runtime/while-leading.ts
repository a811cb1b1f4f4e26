// What only one of several replicas does: it is started when this one begins to lead, and ended when it leads no more.
import type { Controller } from './controller.ts'

/** What was started, and how to end it. */
export type Running = { readonly close: () => Promise<void> | void }

export type WhileLeading = {
  /** Resolves when what leading asks for now has been started; rejects when that failed the first time. */
  readonly ready: Promise<void>
  /** Ends it, and starts it no more. */
  readonly close: () => Promise<void>
}

/** `onError` hears why it could not be started later on, or ended; it is tried again the next time that this replica begins to lead. */
export function whileLeading(
  controller: Controller,
  start: () => Promise<Running> | Running,
  onError: (error: unknown) => void,
): WhileLeading {
  let running: Running | undefined
  let closed = false
  const step = async () => {
    const wanted = controller.leading && !closed
    if (wanted && running === undefined) running = await start()
    else if (!wanted && running !== undefined) {
      const ended = running
      running = undefined
      await ended.close()
    }
  }
  // One after the other: what was started is ended before it is started again.
  const ready = step()
  let last = ready.catch(() => {})
  const unsubscribe = controller.follower?.subscribe(() => {
    last = last.then(step).catch(onError)
  })
  return {
    ready,
    close: async () => {
      unsubscribe?.()
      closed = true
      last = last.then(step).catch(onError)
      await last
    },
  }
}
