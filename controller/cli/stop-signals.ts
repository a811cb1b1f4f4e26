// SIGINT and SIGTERM: the first asks for an orderly end, the second for one at once.

export type StopSignals = {
  /** Resolves with the name of the signal. */
  readonly first: Promise<NodeJS.Signals>
  readonly second: Promise<void>
  /** Signals end the process by themselves again. */
  readonly release: () => void
}

/** A terminal, npm and the `ringmaster` script may all pass on one and the same Ctrl-C. */
const SAME_SIGNAL_MS = 500

/** From now on signals no longer end the process by themselves. */
export function stopAsked(): StopSignals {
  const first = Promise.withResolvers<NodeJS.Signals>()
  const second = Promise.withResolvers<void>()
  let asked: number | undefined
  const hear = (signal: NodeJS.Signals) => {
    if (asked === undefined) {
      asked = performance.now()
      first.resolve(signal)
    } else if (performance.now() - asked > SAME_SIGNAL_MS) second.resolve()
  }
  process.on('SIGINT', hear)
  process.on('SIGTERM', hear)
  const release = () => {
    process.off('SIGINT', hear)
    process.off('SIGTERM', hear)
  }
  return { first: first.promise, second: second.promise, release }
}
