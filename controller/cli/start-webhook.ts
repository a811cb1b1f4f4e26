// The admission webhook of a controller on a cluster; start-kubernetes.ts starts it where it is asked for.
import { newAdmissionServer } from '../kube/admission-server.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { keepFiles, keepOwnCertificates } from '../kube/webhook-certificates.ts'
import { reasonOf } from '../model/reason.ts'
import { type ReferencePolicy, review } from '../operator/admission.ts'
import type { Controller } from '../runtime/controller.ts'
import type { Log } from '../runtime/log.ts'

export type WebhookOptions = {
  readonly listen: { readonly host: string; readonly port: number }
  /** Of the Service, of the Secret that holds the certificate, and of the ValidatingWebhookConfiguration. */
  readonly name: string
  /** A folder with tls.crt and tls.key, which somebody else keeps good; without it, the certificate is made here. */
  readonly certificates?: string | undefined
  readonly references: ReferencePolicy
}

export type StartedWebhook = { readonly port: Promise<number>; readonly close: () => Promise<void> }

export function startWebhook(
  client: KubeClient,
  namespace: string,
  { listen, name, certificates, references }: WebhookOptions,
  controller: Controller,
  log: Log,
): StartedWebhook {
  const server = newAdmissionServer(listen, (request) => review(request, controller.state, references))
  let told = ''
  const onError = (error: unknown) => {
    const message = reasonOf(error)
    if (message !== told) log.warn(`the certificate of the admission webhook: ${message}; it is tried again`)
    told = message
  }
  const { serve } = server
  const kept =
    certificates === undefined
      ? keepOwnCertificates({
          client,
          name,
          namespace,
          names: [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`, 'localhost'],
          // Certificates are for the API server: its clock is the real one, whatever clock the controller has.
          now: () => Temporal.Now.instant().epochMilliseconds,
          onServing: serve,
          onError,
        })
      : keepFiles(certificates, serve, onError)
  server.listening.then(
    (port) => log.info(`the admission webhook listens on ${listen.host}:${port}`),
    (error: unknown) => log.error(`the admission webhook cannot listen: ${reasonOf(error)}`),
  )
  return {
    port: server.listening,
    close: async () => {
      kept.close()
      await server.close()
    },
  }
}
