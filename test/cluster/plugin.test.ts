import { execFile } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'tap'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { apply, fieldOf, folder, manifest, READY, startOn, untilValue, writeFeed } from './on-cluster.ts'

const skip = await skipWithoutCluster()
const SCRIPT = join(import.meta.dirname, '../../bin/ringmaster')

test('kubectl ringmaster asks in the name of the person, and refuses what makes no sense', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const bin = folder(t)
  symlinkSync(SCRIPT, join(bin, 'kubectl-ringmaster'))
  const env = { ...plane.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const ringmaster = (...args: string[]) => plane.tryKubectl(['ringmaster', ...args], { env })
  const feed = writeFeed(t, ['good-1'])
  const { started } = await startOn(t, plane)
  await apply(
    plane,
    manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed }),
    manifest('AutomaticDeploymentRule', 'good', {
      criteria: { titles: ['good-*'] },
      evaluate: { schedule: { rrule: 'FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1', at: '03:00' } },
      phases: [
        { name: 'pilot', collection: 'all', promotion: 'Manual' },
        { name: 'broad', collection: 'all' },
      ],
    }),
  )
  await untilValue(plane, 'us/example', READY, 'True')
  await untilValue(plane, 'adr/good', READY, 'True')

  t.match(await ringmaster('evaluate', 'good'), { exit: 0, stdout: /it is evaluated now/ })
  await untilValue(plane, 'adr/good', '{.status.lastEvaluation.reason}', 'Matched')
  const name = await fieldOf(plane, 'ro', '{.items[0].metadata.name}')
  await untilValue(plane, `ro/${name}`, '{.status.state}', 'Halted')
  t.match(await ringmaster('resume', name), { exit: 0, stdout: /it goes on after its halt at/ })
  await untilValue(plane, `ro/${name}`, '{.metadata.annotations}', /ringmaster.dev\/resume/)

  t.match(await ringmaster('approve', name, 'broad', '--comment', 'fine'), { exit: 0, stdout: /is approved by admin/ })
  await untilValue(plane, `pa/${name}-broad`, '{.status.state}', 'Early')
  t.equal(await fieldOf(plane, `pa/${name}-broad`, '{.spec.approvedBy}'), 'admin')
  t.match(await ringmaster('approve', name, 'broad'), { exit: 0, stdout: /was approved already/ })
  t.match(await ringmaster('approve', name, 'brood'), { exit: 1, stderr: /its phases are pilot, broad/ })

  t.match(await ringmaster('pause', name), { exit: 0 })
  await untilValue(plane, `ro/${name}`, '{.status.paused}', 'true')
  const paused = started.controller.state.control.rollouts.get(name)?.pauseAsked?.by
  t.match(paused, /^admin, ringmaster.dev\/suspend on Rollout/)
  t.match(await ringmaster('rollback', name), { exit: 0 })
  await untilValue(plane, `ro/${name}`, '{.status.state}', 'RolledBack')
  t.match(await ringmaster('rollback', name), { exit: 1, stderr: /was rolled back already/ })
  t.match(await ringmaster('pause', 'nothing'), { exit: 1, stderr: /"nothing" not found/ })
  t.match(await ringmaster('pause'), { exit: 2 })
  t.match(await ringmaster('explain'), { exit: 0, stdout: /port-forward/ })
})

test('without an API server the plugin says so', { skip }, async (t) => {
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const args = ['kubectl', 'pause', 'r', '--kubeconfig', '/nowhere/kubeconfig']
    execFile(SCRIPT, args, (error, _stdout, stderr) => resolve({ code: error?.code, stderr }))
  })
  t.equal(code, 3)
  t.match(stderr, /ringmaster: .*\/nowhere\/kubeconfig/)
})
