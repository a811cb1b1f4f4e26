// `npm run cluster`: a Kubernetes control plane to try Ringmaster against, until Ctrl-C.
import { once } from 'node:events'
import { clusterBinaries } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)

const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
const found = await clusterBinaries(say)
if (found.type === 'Missing') {
  process.stderr.write(`There is no control plane to start: ${found.reason}\n`)
  process.exit(1)
}
const { kubectl, helm } = found.binaries
say('Starting etcd and kube-apiserver')
await using plane = await startControlPlane()
await plane.installCrds()
say(`
A Kubernetes API server with Ringmaster's kinds, at ${plane.apiServer.url}

  export KUBECONFIG=${plane.kubeconfig}
  alias kubectl=${kubectl}
  alias helm=${helm}

  kubectl apply -f examples/definitions/rules.yaml
  kubectl get ringmaster
  kubectl explain rollout.spec.phases

There are no nodes and no controllers: objects are kept, checked and watched, and no pod runs. Everything is in
${plane.folder}, and goes when this ends. Ctrl-C ends it.`)
await interrupted
say('Ending')
