// `kubectl ringmaster …`: what people ask of a controller on a cluster, written through the API server with their own rights.
import { connect } from '../kube/connection.ts'
import { type KubeClient, newKubeClient } from '../kube/kube-client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { reasonOf } from '../model/reason.ts'
import { resourceOf } from '../operator/names.ts'
import { type Asked, approvalOf, askEvaluation, askPause, askResume, askRollback } from '../operator/plugin-asks.ts'
import { systemClock } from '../runtime/clock.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'

export const kubectlCommand: Command = {
  usage: `Usage: ringmaster kubectl COMMAND [OPTIONS] NAME
       kubectl ringmaster COMMAND [OPTIONS] NAME

Asks something of the controller of a cluster, by objects and annotations that are written with your own rights.

  approve ROLLOUT PHASE   Let a phase start that waits for a go-ahead: creates a PhaseApproval in your name
  pause ROLLOUT           Stop offering its updates; what is running finishes
  resume ROLLOUT          Go on after a pause or a halt
  rollback ROLLOUT        Take back everything that it approved
  evaluate RULE           Evaluate a rule now
  explain                 How to ask why a device does or does not get an update

  --comment TEXT          With approve: for people
  --kubeconfig FILE       Default $KUBECONFIG or ~/.kube/config
  --context NAME          Context of the kubeconfig (default its current one)
  --help                  This text

How things stand shows kubectl itself: kubectl get ringmaster, kubectl describe rollout NAME.

Exit code: 0 asked, 1 not found or refused, 2 wrong usage, 3 the API server could not be asked.`,
  async run(args, io) {
    const parsed = readArgs(kubectlCommand, args, io, {
      options: { comment: { type: 'string' }, kubeconfig: { type: 'string' }, context: { type: 'string' } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const [command = '', name, phase, ...rest] = parsed.positionals
    if (command === 'explain') {
      io.stdout(EXPLAIN)
      return EXIT.good
    }
    const ask = Object.hasOwn(ASKS, command) ? ASKS[command] : undefined
    if (ask === undefined && command !== 'approve') return wrongUsage(kubectlCommand, io, 'name one of the commands')
    if (name === undefined || rest.length > 0 || (phase !== undefined) !== (command === 'approve'))
      return wrongUsage(kubectlCommand, io, command === 'approve' ? 'name a rollout and a phase' : 'name one object')
    const { comment } = parsed.values
    return withClient(parsed.values, io, (client) =>
      ask === undefined ? approve(client, io, name, phase ?? '', comment) : annotate(client, io, ask, name),
    )
  },
}

const EXPLAIN = `Devices are no objects of the cluster, so the controller itself explains. Reach it, then ask it:

  kubectl port-forward service/ringmaster 8080:8080
  ringmaster explain --server http://127.0.0.1:8080 --token-file FILE --device DEVICE --update UPDATE
`

type Ask = {
  readonly kind: 'Rollout' | 'AutomaticDeploymentRule'
  readonly asked: (object: Parameters<typeof askPause>[0], user: string) => Asked
}

const ASKS: Readonly<Record<string, Ask>> = {
  pause: { kind: 'Rollout', asked: askPause },
  resume: { kind: 'Rollout', asked: askResume },
  rollback: { kind: 'Rollout', asked: askRollback },
  evaluate: {
    kind: 'AutomaticDeploymentRule',
    asked: (rule, user) => askEvaluation(rule, user, systemClock.now().toString()),
  },
}

async function annotate(client: KubeClient, io: Io, { kind, asked }: Ask, name: string): Promise<number> {
  const object = await client.get(resourceOf(kind), { name })
  const ask = asked(object, await client.whoAmI())
  if (ask.type === 'Refused') return refuse(io, ask.message)
  const { uid } = object.meta
  await client.merge(resourceOf(kind), { name }, { metadata: { uid, annotations: ask.annotations } })
  io.stdout(`${ask.told}\n`)
  return EXIT.good
}

async function approve(
  client: KubeClient,
  io: Io,
  name: string,
  phase: string,
  comment: string | undefined,
): Promise<number> {
  const rollout = await client.get(resourceOf('Rollout'), { name })
  const user = await client.whoAmI()
  const approval = approvalOf(rollout, phase, user, comment)
  if (approval.type === 'Refused') return refuse(io, approval.message)
  try {
    await client.create(resourceOf('PhaseApproval'), {}, approval.body)
  } catch (error) {
    if (!(error instanceof KubeError) || error.type !== 'Conflict') throw error
    io.stdout(`phase ${phase} of rollout ${name} was approved already: phaseapproval/${approval.name}\n`)
    return EXIT.good
  }
  io.stdout(`phase ${phase} of rollout ${name} is approved by ${user}: phaseapproval/${approval.name}\n`)
  return EXIT.good
}

async function withClient(
  options: { readonly kubeconfig?: string | undefined; readonly context?: string | undefined },
  io: Io,
  work: (client: KubeClient) => Promise<number>,
): Promise<number> {
  let client: KubeClient | undefined
  try {
    client = newKubeClient(connect(options), { manager: 'kubectl-ringmaster' })
    return await work(client)
  } catch (error) {
    io.stderr(`ringmaster: ${reasonOf(error)}\n`)
    const asked = error instanceof KubeError && ['NotFound', 'Denied', 'Invalid', 'Conflict'].includes(error.type)
    return asked ? EXIT.bad : EXIT.failed
  } finally {
    client?.close()
  }
}

function refuse(io: Io, message: string): number {
  io.stderr(`ringmaster: ${message}\n`)
  return EXIT.bad
}
