import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { test } from 'tap'
import { startWebhook } from '../../controller/cli/start-webhook.ts'
import { connect } from '../../controller/kube/connection.ts'
import { newKubeClient } from '../../controller/kube/kube-client.ts'
import { renewed } from '../../controller/kube/serving-certificate.ts'
import { RBAC_RULES, WEBHOOK_RBAC_RULES } from '../../controller/operator/rbac.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { freePort } from './free-port.ts'
import { apply, fieldOf, folder, manifest, READY, startOn, untilValue } from './on-cluster.ts'
import { audited, grant, rightsIn } from './rights.ts'

const skip = await skipWithoutCluster()
const NAME = 'ringmaster-webhook'
const CONFIGURATION = `validatingwebhookconfiguration/${NAME}`

async function configure(plane: ControlPlane, port: number, failurePolicy: 'Fail' | 'Ignore', caBundle?: string) {
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: [
      {
        name: 'declarations.ringmaster.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy,
        timeoutSeconds: 5,
        rules: [
          {
            apiGroups: ['ringmaster.dev'],
            apiVersions: ['v1alpha1'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['*'],
          },
        ],
        clientConfig: { url: `https://localhost:${port}/validate`, ...(caBundle !== undefined && { caBundle }) },
      },
    ],
  }
  await plane.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(configuration) })
}

const members = (name: string, more: object = {}) =>
  manifest('Collection', name, { queries: [{ matchLabels: { ring: name } }], ...more })

test('the webhook makes its certificate, and kubectl apply hears at once what the status would say', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane({ audit: true })
  await plane.installCrds()
  const rules = [...RBAC_RULES, ...WEBHOOK_RBAC_RULES]
  const kubeconfig = await grant(plane, rules)
  const port = await freePort()
  await configure(plane, port, 'Ignore')
  const webhook = { listen: { host: '127.0.0.1', port }, name: NAME, references: 'Warn' } as const
  const controller = await startOn(t, plane, { kubeconfig, namespace: 'ringmaster', webhook })
  await untilValue(plane, CONFIGURATION, '{.webhooks[0].clientConfig.caBundle}', /.+/)
  await configure(plane, port, 'Fail')
  t.match(await fieldOf(plane, CONFIGURATION, '{.webhooks[0].clientConfig.caBundle}'), /.+/, 'its own field stays')

  await apply(plane, members('a'), members('b', { include: ['a'] }))
  await untilValue(plane, 'coll/b', READY, 'True')
  const circle = await plane.tryKubectl(['apply', '-f', '-'], { input: members('a', { include: ['b'] }) })
  t.match(circle.stderr, /denied the request: RM1305 .*circle/)
  const early = await plane.kubectl(['apply', '-f', '-'], { input: members('c', { include: ['later'] }) })
  t.match(early.stderr, /Warning: RM1302 .*"later".*does not come into force/)
  const removed = await plane.kubectl(['delete', 'coll/a'])
  t.match(removed.stderr, /Warning: Collection a is used by Collection b/)

  await controller.close()
  const failed = await plane.tryKubectl(['apply', '-f', '-'], { input: members('d') })
  t.match(failed.stderr, /failed calling webhook/, 'failurePolicy: Fail')
  await configure(plane, port, 'Ignore')
  await apply(plane, members('d'))
  const { used, denied } = audited(plane)
  t.same(denied, [])
  t.same(
    rightsIn(WEBHOOK_RBAC_RULES).filter((right) => !used.includes(right) && right !== 'update /secrets'),
    [],
    'every right but that to renew is used',
  )
})

test('replicas share one certificate, and it is renewed under way', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const ports = [await freePort(), await freePort()] as const
  await configure(plane, ports[0], 'Fail')
  const { started } = await startOn(t, plane)
  const client = newKubeClient(connect({ kubeconfig: plane.kubeconfig }))
  t.teardown(() => client.close())
  const replicas = ports.map((port) => {
    const options = { listen: { host: '127.0.0.1', port }, name: NAME, references: 'Warn' } as const
    const webhook = startWebhook(client, 'default', options, started.controller, silentLog)
    t.teardown(webhook.close)
    return webhook
  })
  await Promise.all(replicas.map(({ port }) => port))
  const shown = await Promise.all(ports.map(servedOn))
  t.equal(shown[0], shown[1])

  // Somebody deletes it: another one is made, trusted, and served by both.
  await plane.kubectl(['delete', 'secret', NAME, '-n', 'default'])
  for (const { close } of replicas) await close()
  const options = { listen: { host: '127.0.0.1', port: ports[0] }, name: NAME, references: 'Warn' } as const
  const again = startWebhook(client, 'default', options, started.controller, silentLog)
  t.teardown(again.close)
  await again.port
  t.not(await servedOn(ports[0]), shown[0])
  await apply(plane, members('a'))
})

test('a certificate in files is served, and its renewal too', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const certificates = folder(t)
  const first = await write(certificates)
  const port = await freePort()
  await configure(plane, port, 'Fail', Buffer.from(first.authorities).toString('base64'))
  const webhook = { listen: { host: '127.0.0.1', port }, name: NAME, certificates, references: 'Deny' } as const
  const { started } = await startOn(t, plane, { webhook })
  await until(10_000, async () => (await servedOn(port)) !== undefined)
  await apply(plane, members('a'))
  const early = await plane.tryKubectl(['apply', '-f', '-'], { input: members('c', { include: ['later'] }) })
  t.match(early.stderr, /denied the request: RM1302/)
  await write(certificates)
  const before = new X509Certificate(first.certificate).fingerprint256
  await until(20_000, async () => (await servedOn(port)) !== before)
  t.ok(started.controller.state.objects.Collection.has('a'))
})

async function write(certificates: string) {
  const made = await renewed(undefined, 'All', ['localhost'], Date.now())
  writeFileSync(join(certificates, 'tls.crt'), made.certificate)
  writeFileSync(join(certificates, 'tls.key'), made.key)
  return made
}

/** The fingerprint of the certificate that is served; undefined when nothing is. */
function servedOn(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = tlsConnect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      resolve(fingerprint256)
    })
    socket.once('error', () => resolve(undefined))
  })
}
