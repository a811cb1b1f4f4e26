// The options of `ringmaster run` that are about a Kubernetes cluster.
import type { KubernetesOptions } from './start-kubernetes.ts'
import type { WebhookOptions } from './start-webhook.ts'

export type KubernetesValues = {
  readonly kubernetes: boolean
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
  readonly webhook?: string | undefined
  readonly 'webhook-name'?: string | undefined
  readonly 'webhook-certificates'?: string | undefined
  readonly 'webhook-references'?: string | undefined
}

type ParseListen = (text: string) => { host: string; port: number } | undefined

/** Undefined without `--kubernetes`; a text says what is wrong with the options. */
export function kubernetesFrom(
  values: KubernetesValues,
  parseListen: ParseListen,
): KubernetesOptions | undefined | string {
  const { kubernetes, kubeconfig, context, namespace, ...webhookValues } = values
  const names = ['kubeconfig', 'context', 'namespace', ...WEBHOOK_NAMES] as const
  const stray = names.find((name) => values[name] !== undefined)
  if (!kubernetes) return stray && `--${stray} is for --kubernetes`
  const webhook = webhookFrom(webhookValues, parseListen)
  return typeof webhook === 'string' ? webhook : { kubeconfig, context, namespace, webhook }
}

const WEBHOOK_NAMES = ['webhook', 'webhook-name', 'webhook-certificates', 'webhook-references'] as const

function webhookFrom(
  values: Omit<KubernetesValues, 'kubernetes'>,
  parseListen: ParseListen,
): WebhookOptions | undefined | string {
  const stray = WEBHOOK_NAMES.find((name) => values[name] !== undefined)
  if (values.webhook === undefined) return stray && `--${stray} is for --webhook`
  const listen = parseListen(values.webhook)
  if (listen === undefined) return `--webhook must be HOST:PORT, not ${values.webhook}`
  const references = values['webhook-references'] ?? 'Warn'
  if (references !== 'Warn' && references !== 'Deny') return '--webhook-references must be Warn or Deny'
  const name = values['webhook-name'] ?? 'ringmaster-webhook'
  return { listen, name, certificates: values['webhook-certificates'], references }
}
