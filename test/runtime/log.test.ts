// What is logged, for machines and for people; and what is read back from a journal.
import { test } from 'tap'
import { newLog } from '../../controller/cli/log.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'

const now = () => '2025-10-14T18:00:00.000Z'

test('machines get one JSON object a line', (t) => {
  const lines: string[] = []
  const log = newLog({ write: (line) => lines.push(line), now })
  log.debug('not at this level')
  log.info('it started', { type: 'PhaseStarted', rollout: 'r', phase: 'p', devices: 5 })
  t.equal(lines.length, 1)
  t.same(JSON.parse(lines[0] ?? ''), {
    level: 'info',
    time: '2025-10-14T18:00:00.000Z',
    type: 'PhaseStarted',
    rollout: 'r',
    phase: 'p',
    devices: 5,
    message: 'it started',
  })
  t.end()
})

test('people get a line that says when, what and why, and that cannot steer their terminal', (t) => {
  const lines: string[] = []
  const log = newLog({ text: true, write: (line) => lines.push(line), now })
  log.info('it started', { type: 'PhaseStarted', rollout: 'r', phase: 'p' })
  log.warn('said \u001b[2J\nby a feed\u009b')
  t.same(lines, [
    '2025-10-14 18:00:00Z  PhaseStarted r p: it started\n',
    '2025-10-14 18:00:00Z  warn: said  [2J by a feed \n',
  ])
  t.end()
})

test('a fact of a type that is not known is refused', (t) => {
  const fact = { type: 'DeviceRemoved', device: 'd', by: 'a test' }
  t.equal(decodeFact(fact), fact)
  for (const json of [{ type: 'FromTheFuture' }, { type: 1 }, {}, null, 'DeviceRemoved'])
    t.throws(() => decodeFact(json), { message: /of no type that this version knows/ })
  t.end()
})
