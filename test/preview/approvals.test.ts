import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { eachBit } from '../../controller/model/bit-plane.ts'
import { approvalsOf } from '../../controller/preview/approvals.ts'
import { offersFor } from '../../controller/rollout/offers.ts'
import { scene } from '../support/arbitrary.ts'
import { told } from './comparing.ts'

test('approvals as planes are what each device is offered', async () => {
  fc.assert(
    fc.property(scene, (one) => {
      const { state } = told(one)
      const { install, uninstall } = approvalsOf(state)
      const [fromPlanes, fromOffers] = [new Set<string>(), new Set<string>()]
      for (const [id, devices] of install) eachBit(devices, (row) => fromPlanes.add(`Install ${id} ${row}`))
      for (const [id, devices] of uninstall) eachBit(devices, (row) => fromPlanes.add(`Uninstall ${id} ${row}`))
      for (let row = 0; row < state.fleet.ids.length; row++)
        for (const { action, update } of offersFor(state, row).offers) fromOffers.add(`${action} ${update.id} ${row}`)
      assert.deepEqual([...fromPlanes].sort(), [...fromOffers].sort())
    }),
    { numRuns: 60 },
  )
})
