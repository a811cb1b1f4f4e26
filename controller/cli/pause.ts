// `ringmaster pause ROLLOUT`: offers nothing more until it is resumed.
import { orderCommand, pathOf } from './client.ts'

export const pauseCommand = orderCommand({
  name: 'pause',
  positionals: ['ROLLOUT'],
  about: `Takes back the approvals of all phases of a rollout, in any window and freeze. What is running finishes.
\`ringmaster resume ROLLOUT\` approves the same devices again.`,
  texts: { reason: 'Why; shown wherever the rollout waits' },
  request: ([rollout = ''], body) => ({ method: 'POST', path: pathOf(['rollouts', rollout, 'pause']), body }),
})
