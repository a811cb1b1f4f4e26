// `ringmaster approve ROLLOUT PHASE`: the go-ahead for a phase that waits for one.
import { orderCommand, pathOf } from './client.ts'

export const approveCommand = orderCommand({
  name: 'approve',
  positionals: ['ROLLOUT', 'PHASE'],
  about: `Gives a phase the go-ahead that it waits for (promotion: Manual on the phase before it).
A PhaseApproval in the declarations does the same.`,
  flags: { early: 'Also when the phase does not wait for it yet' },
  request: ([rollout = '', phase = ''], body) => ({
    method: 'POST',
    path: pathOf(['rollouts', rollout, 'approve']),
    body: { ...body, phase },
  }),
})
