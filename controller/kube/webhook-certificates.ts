// Keeps the certificate of the admission webhook good: one that replicas share in a Secret, made and renewed here, whose authority
// goes into the webhook configuration; or one in files, which somebody else keeps good.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'
import { isRecord, type KubeObject, type Resource } from './kube-object.ts'
import { type Certificates, certificateNeeds, renewed } from './serving-certificate.ts'

export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
export const WEBHOOK_CONFIGURATIONS: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
}

/** PEM. */
export type Serving = { readonly certificate: string; readonly key: string }

export type Kept = { readonly close: () => void }

export type OwnOptions = {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace' | 'apply'>
  /** Of the Secret and of the webhook configuration. */
  readonly name: string
  readonly namespace: string
  /** What the API server calls the webhook. */
  readonly names: readonly string[]
  readonly now: () => number
  readonly onServing: (serving: Serving) => void
  readonly onError: (error: unknown) => void
  readonly lookEveryMs?: number
}

/** Renewal has weeks of time; another replica's is seen within so long. */
const LOOK_EVERY_MS = 10 * 60_000
const RETRY_MS = 5000

export function keepOwnCertificates(options: OwnOptions): Kept {
  return repeatedly(() => lookAtOwn(options), options.lookEveryMs ?? LOOK_EVERY_MS, options.onError)
}

/** `tls.crt` and `tls.key` in a folder, as cert-manager's Secrets are mounted. */
export function keepFiles(
  folder: string,
  onServing: (serving: Serving) => void,
  onError: (error: unknown) => void,
  lookEveryMs = 10_000,
): Kept {
  let known = ''
  const look = async () => {
    const certificate = readFileSync(join(folder, 'tls.crt'), 'utf8')
    const key = readFileSync(join(folder, 'tls.key'), 'utf8')
    if (known === certificate + key) return
    onServing({ certificate, key })
    known = certificate + key
  }
  return repeatedly(look, lookEveryMs, onError)
}

async function lookAtOwn(options: OwnOptions): Promise<void> {
  const { client, name, namespace, names, now, onServing } = options
  const secret = await client.get(SECRETS, { name, namespace }).catch(absent)
  const known = secret && certificatesIn(secret)
  const needs = certificateNeeds(known, names, now())
  const good = await renewed(known, needs, names, now())
  if (needs !== 'Nothing') await store(options, secret, good)
  // First the API server trusts the new authority, then it is shown what that has signed.
  await trust(options, good.authorities)
  onServing({ certificate: good.certificate, key: good.key })
}

/** When another replica was first, this fails with a conflict, and what that has made is read the next time. */
async function store(
  { client, name, namespace }: OwnOptions,
  secret: KubeObject | undefined,
  good: Certificates,
): Promise<void> {
  const data = {
    'ca.crt': base64(good.authorities),
    'ca.key': base64(good.authorityKey),
    'tls.crt': base64(good.certificate),
    'tls.key': base64(good.key),
  }
  const version = secret === undefined ? {} : { resourceVersion: secret.meta.resourceVersion }
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace, ...version },
    data,
  }
  if (secret === undefined) await client.create(SECRETS, { namespace }, body)
  else await client.replace(SECRETS, { name, namespace }, body)
}

async function trust({ client, name }: OwnOptions, authorities: string): Promise<void> {
  const configuration = await client.get(WEBHOOK_CONFIGURATIONS, { name })
  const webhooks = Array.isArray(configuration.raw.webhooks) ? configuration.raw.webhooks.filter(isRecord) : []
  const caBundle = base64(authorities)
  const isKnown = ({ clientConfig }: Record<string, unknown>) =>
    isRecord(clientConfig) && clientConfig.caBundle === caBundle
  if (webhooks.every(isKnown)) return
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: WEBHOOK_CONFIGURATIONS.kind,
    metadata: { name, uid: configuration.meta.uid },
    webhooks: webhooks.map((webhook) => ({ ...withoutBundle(webhook), clientConfig: withBundle(webhook, caBundle) })),
  }
  await client.apply(WEBHOOK_CONFIGURATIONS, { name }, body, { manager: 'ringmaster-webhook', force: true })
}

// The fields that every entry must have come along as they are; all others stay with who wrote them.
function withoutBundle({ name, sideEffects, admissionReviewVersions }: Record<string, unknown>): object {
  return { name, sideEffects, admissionReviewVersions }
}

function withBundle({ clientConfig }: Record<string, unknown>, caBundle: string): object {
  return { ...(isRecord(clientConfig) ? clientConfig : {}), caBundle }
}

function certificatesIn({ raw }: KubeObject): Certificates {
  const data = isRecord(raw.data) ? raw.data : {}
  const text = (key: string) => {
    const value = data[key]
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : ''
  }
  return {
    authorities: text('ca.crt'),
    authorityKey: text('ca.key'),
    certificate: text('tls.crt'),
    key: text('tls.key'),
  }
}

function repeatedly(look: () => Promise<void>, everyMs: number, onError: (error: unknown) => void): Kept {
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const go = async () => {
    let wait = everyMs
    try {
      await look()
    } catch (error) {
      wait = Math.min(everyMs, RETRY_MS)
      if (!(error instanceof KubeError) || error.type !== 'Conflict') onError(error)
    }
    if (!closed) timer = setTimeout(() => void go(), wait)
  }
  void go()
  return {
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}

function absent(error: unknown): undefined {
  if (error instanceof KubeError && error.type === 'NotFound') return undefined
  throw error
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
