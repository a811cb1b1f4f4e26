import { test } from 'tap'
import { kubernetesFrom } from '../../controller/cli/kubernetes-options.ts'
import { main } from '../../controller/cli/main.ts'
import { parseListen } from '../../controller/cli/run.ts'

async function run(...args: string[]): Promise<{ exit: number; err: string }> {
  let err = ''
  const stderr = (text: string) => {
    err += text
  }
  return { exit: await main(['run', ...args], { stdout: () => {}, stderr }), err }
}

test('options of a cluster are refused without one', async (t) => {
  t.equal(kubernetesFrom({ kubernetes: false }, parseListen), undefined)
  t.equal(kubernetesFrom({ kubernetes: false, context: 'a' }, parseListen), '--context is for --kubernetes')
  t.equal(kubernetesFrom({ kubernetes: false, webhook: ':1' }, parseListen), '--webhook is for --kubernetes')
})

test('options of the webhook are read, and refused without it', async (t) => {
  const only = { kubernetes: true, 'webhook-references': 'Deny' }
  t.equal(kubernetesFrom(only, parseListen), '--webhook-references is for --webhook')
  t.match(kubernetesFrom({ ...only, webhook: '0.0.0.0:9443' }, parseListen), {
    webhook: { listen: { host: '0.0.0.0', port: 9443 }, name: 'ringmaster-webhook', references: 'Deny' },
  })
  t.match(kubernetesFrom({ ...only, webhook: 'x:y:z' }, parseListen), /^--webhook must be HOST:PORT/)
  t.match(kubernetesFrom({ ...only, webhook: ':1', 'webhook-references': 'deny' }, parseListen), /must be Warn or Deny/)
})

test('without a place to declare anything, and without a cluster to connect to, it says so', async (t) => {
  t.match(await run(), { exit: 2, err: /--kubernetes/ })
  const data = t.testdir()
  const nowhere = await run('--kubernetes', '--kubeconfig', `${data}/none`, '--data', data, '--listen', '127.0.0.1:0')
  t.match(nowhere, { exit: 3, err: /^ringmaster: no Kubernetes cluster to connect to: .*none/ })
})
