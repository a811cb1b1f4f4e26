// The histogram of answers says what a library's would.
import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { test } from 'tap'
import { AnswerTimes } from '../../controller/project/answer-times.ts'

const answer = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  route: fc.constantFrom('/v1/policy', '/v1/devices/:device', 'none'),
  status: fc.constantFrom(200, 304, 503),
  seconds: fc.oneof(
    fc.constantFrom(0, 0.001, 0.0025, 1, 10, 10.5),
    fc.double({ min: 0, max: 12, noNaN: true, noDefaultInfinity: true }),
  ),
})

test('its text has the lines that the histogram of prom-client has', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 50 }), async (answers) => {
      const registry = new Registry()
      const twin = new Histogram({
        name: 'ringmaster_http_request_duration_seconds',
        help: 'How long requests took to answer, by method, route and status.',
        labelNames: ['method', 'route', 'status'],
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
        registers: [registry],
      })
      const times = new AnswerTimes()
      for (const { method, route, status, seconds } of answers) {
        twin.observe({ method, route, status }, seconds)
        times.count(method, route, status, seconds)
      }
      const linesOf = (text: string) => text.trim().split('\n').sort().join('\n')
      const [ours, theirs] = [linesOf(times.text()), linesOf(await registry.metrics())]
      if (ours !== theirs) throw new Error(`${ours}\n\ninstead of\n\n${theirs}`)
    }),
    { seed: 5, numRuns: 100 },
  )
})
