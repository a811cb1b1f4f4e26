import { test } from 'tap'
import { HOUR } from '../../controller/model/instant.ts'
import { SlowProxy } from '../support/slow-proxy.ts'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'

const skip = await skipWithoutCluster()

test('an API server can be made slow, cut off and unreachable, while it runs on', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await using proxy = await SlowProxy.start(Number(new URL(plane.apiServer.url).port))
  const KUBECONFIG = await plane.kubeconfigOf('admin', `https://127.0.0.1:${proxy.port}`)
  const options = { env: { ...plane.env, KUBECONFIG } }
  const ask = () => plane.tryKubectl(['get', '--raw', '/version'], options)
  t.equal((await ask()).exit, 0)

  proxy.delayMs = 50
  t.equal((await ask()).exit, 0, 'slow, and there')
  proxy.delayMs = HOUR
  const late = await plane.tryKubectl(['get', '--raw', '/version', '--request-timeout=1s'], options)
  t.match(late.stderr, /[Tt]imeout|deadline/)

  const waiting = ask()
  await until(10_000, async () => proxy.connections > 0)
  proxy.cut()
  proxy.delayMs = 0
  proxy.refusing = true
  t.not((await waiting).exit, 0, 'a connection that is cut')
  t.not((await ask()).exit, 0, 'refused')
  t.equal((await plane.tryKubectl(['get', '--raw', '/version'])).exit, 0, 'the server itself is there')
  proxy.refusing = false
  t.equal((await ask()).exit, 0)
})
