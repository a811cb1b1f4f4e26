// A policy test decides as the simulation and so as the controller does: looking on changes nothing.
import fc from 'fast-check'
import { test } from 'tap'
import { ScenarioSpec } from '../../controller/simulate/scenario.ts'
import { newSimulation, type SimulationInput, simulate } from '../../controller/simulate/simulation.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'
import { encodeState } from '../../controller/state/state.ts'
import { RULES } from './site.ts'

const FROM = Date.parse('2026-01-13T12:00:00Z')
const UNTIL = Date.parse('2026-01-18T12:00:00Z')

function input(seed: number): SimulationInput {
  const { objects } = parseManifests('rules.yaml', RULES, { source: 'directory', revision: 'test' })
  const scenario = ScenarioSpec.parse({
    devices: [{ prefix: 'pc-', count: 20, vary: { ring: [{ value: 'pilot' }, { value: 'broad' }] } }],
  })
  return {
    scenario,
    seed,
    from: FROM,
    until: UNTIL,
    declarations: [{ at: FROM, revision: 'test', objects }],
    feeds: new Map(),
  }
}

test('played in steps or at once, a simulation comes to the same state', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.array(fc.integer({ min: 0, max: UNTIL - FROM }), { maxLength: 20 }),
      (seed, stops) => {
        const whole = encodeState(simulate(input(seed)).state)
        const proceed = newSimulation(input(seed))
        for (const stop of stops.sort((a, b) => a - b)) proceed(FROM + stop)
        return Buffer.compare(encodeState(proceed(UNTIL).state), whole) === 0
      },
    ),
    { numRuns: 20 },
  )
})
