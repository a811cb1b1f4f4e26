// `ringmaster evaluate RULE`: evaluates a rule now.
import { orderCommand, pathOf } from './client.ts'

export const evaluateCommand = orderCommand({
  name: 'evaluate',
  positionals: ['RULE'],
  about: `Evaluates an AutomaticDeploymentRule at once. When it selects other updates than the last time, it makes a group and
a rollout of them, as it would by its schedule.`,
  request: ([rule = ''], body) => ({ method: 'POST', path: pathOf(['rules', rule, 'evaluate']), body }),
})
