// `ringmaster rollback ROLLOUT`: ends a rollout and takes everything back.
import { orderCommand, pathOf } from './client.ts'

export const rollbackCommand = orderCommand({
  name: 'rollback',
  positionals: ['ROLLOUT'],
  about: `Ends a rollout for good and takes back all its approvals, in any window and freeze. Where its plan asks for it
(rollback.uninstall), what can be uninstalled is approved for removal; what cannot be undone is listed.`,
  texts: { reason: 'Why; kept with the decision' },
  request: ([rollout = ''], body) => ({ method: 'POST', path: pathOf(['rollouts', rollout, 'rollback']), body }),
})
