// `ringmaster resume ROLLOUT`: goes on after a pause or a halt.
import { orderCommand, pathOf } from './client.ts'

export const resumeCommand = orderCommand({
  name: 'resume',
  positionals: ['ROLLOUT'],
  about: `Goes on with a rollout that a person paused or that a gate halted. After a halt this accepts the failures so far:
only more of them halt it again.`,
  request: ([rollout = ''], body) => ({ method: 'POST', path: pathOf(['rollouts', rollout, 'resume']), body }),
})
