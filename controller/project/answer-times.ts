// How long requests took to answer, as a histogram in Prometheus' text form. Counted by hand, because this happens at every
// request: a library's histogram makes a text of its labels each time, which takes as long as checking a token.

const NAME = 'ringmaster_http_request_duration_seconds'
const HELP = 'How long requests took to answer, by method, route and status.'
/** Upper bounds in seconds; what took longer is in the sum and the count alone. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** `buckets` holds for each bound what took so long and longer than the bound before. */
type Times = { readonly buckets: Float64Array; sum: number; count: number }

export class AnswerTimes {
  readonly #times = new Map<string, Map<string, Map<number, Times>>>()

  /** `method` and `route` are ours, and without quotes. */
  count(method: string, route: string, status: number, seconds: number): void {
    const times = this.#times.get(route)?.get(method)?.get(status) ?? this.#add(method, route, status)
    times.sum += seconds
    times.count++
    for (let i = 0; i < BOUNDS.length; i++)
      if (seconds <= (BOUNDS[i] ?? 0)) {
        times.buckets[i] = (times.buckets[i] ?? 0) + 1
        return
      }
  }

  /** The lines of the metric, in the order in which its labels were first seen. */
  text(): string {
    const lines = [`# HELP ${NAME} ${HELP}`, `# TYPE ${NAME} histogram`]
    for (const [route, methods] of this.#times)
      for (const [method, statuses] of methods)
        for (const [status, times] of statuses)
          lines.push(...linesOf(`method="${method}",route="${route}",status="${status}"`, times))
    return `${lines.join('\n')}\n`
  }

  #add(method: string, route: string, status: number): Times {
    const times = { buckets: new Float64Array(BOUNDS.length), sum: 0, count: 0 }
    const methods = this.#times.get(route) ?? new Map<string, Map<number, Times>>()
    const statuses = methods.get(method) ?? new Map<number, Times>()
    this.#times.set(route, methods.set(method, statuses.set(status, times)))
    return times
  }
}

function linesOf(labels: string, { buckets, sum, count }: Times): string[] {
  let upTo = 0
  const lines = BOUNDS.map((bound, i) => {
    upTo += buckets[i] ?? 0
    return `${NAME}_bucket{le="${bound}",${labels}} ${upTo}`
  })
  return [
    ...lines,
    `${NAME}_bucket{le="+Inf",${labels}} ${count}`,
    `${NAME}_sum{${labels}} ${sum}`,
    `${NAME}_count{${labels}} ${count}`,
  ]
}
