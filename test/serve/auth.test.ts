// Whose a token is, at every step of random stories: what was found before must not outlive a token or a device.
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { authenticateDevice, hashSecret } from '../../controller/serve/auth.ts'
import { HttpProblem } from '../../controller/serve/problem.ts'
import { apply } from '../../controller/state/apply.ts'
import { newState, type State } from '../../controller/state/state.ts'

const TOKENS = ['a', 'name with spaces', 'größer'].flatMap((device) =>
  [0, 1, 2].map((n) => ({ device, token: made(device, n) })),
)

/** What is remembered of a token is where the beginning of its hash leads: all of these lead to the same place. */
function made(device: string, n: number): string {
  for (let i = n * 1_000_000; ; i++) {
    const token = `rm1.${Buffer.from(device).toString('base64url')}.secret-${i}`
    const [first = 1, second = 1] = hash('sha256', token, 'buffer')
    if (first === 0 && (second & 3) === 0) return token
  }
}

const WAYS: readonly ((token: string) => string)[] = [
  (token) => `Bearer ${token}`,
  (token) => `bearer   ${token}  `,
  (token) => `Bearer ${token}  `,
]

const turns = fc.array(
  fc.record({
    state: fc.nat(1),
    what: fc.constantFrom('Enrol', 'Remove', 'Speak', 'Speak', 'Speak'),
    token: fc.nat(TOKENS.length - 1),
    way: fc.nat(WAYS.length - 1),
  }),
  { minLength: 20, maxLength: 60 },
)

test('a token speaks for its device as long as it is the last that this was given, in each of two states', async (t) => {
  const spoken = { good: 0, bad: 0 }
  fc.assert(
    fc.property(turns, (story) => {
      const sides = [newState(), newState()].map((state) => ({ state, inForce: new Map<string, string>() }))
      for (const { state: number, what, token: index, way } of story) {
        const side = sides[number]
        const chosen = TOKENS[index]
        if (side === undefined || chosen === undefined) continue
        const { state, inForce } = side
        const { device, token } = chosen
        if (what === 'Enrol') {
          apply(state, 0, {
            type: 'DeviceEnrolled',
            device,
            tokenHash: hashSecret(token),
            keyHash: 'k',
            attributes: {},
          })
          inForce.set(device, token)
        } else if (what === 'Remove') {
          apply(state, 0, { type: 'DeviceRemoved', device, by: 'tests' })
          inForce.delete(device)
        } else {
          const answer = outcome(state, WAYS[way]?.(token))
          const expected = inForce.get(device) === token ? state.fleet.rowOf.get(device) : 'BadToken'
          if (answer !== expected) throw new Error(`${token} is answered with ${answer}, not ${expected}`)
          spoken[answer === 'BadToken' ? 'bad' : 'good']++
        }
      }
    }),
    { seed: 7, numRuns: 500 },
  )
  for (const [what, count] of Object.entries(spoken)) t.ok(count > 1000, `${count} ${what}`)
})

test('what is no token at all is told from one that is not in force', async (t) => {
  const headers: readonly (readonly [string, string | undefined])[] = [
    ['NoToken', undefined],
    ['NoToken', ''],
    ['NoToken', 'Bearer '],
    ['NoToken', 'Basic rm1.YQ.x'],
    ['NoToken', 'Bearer rm1.YQ.x y'],
    ['NoToken', 'Bearer rm1.YQ.ü'],
    ['NoToken', `Bearer rm1.YQ.${'x'.repeat(512)}`],
    ['BadToken', 'Bearer rm1.YQ.x'],
    ['BadToken', 'bearer rm1.YQ.x'],
    ['BadToken', 'Bearer rm1.YQ.x.y'],
    ['BadToken', 'Bearer rm1.'],
    ['BadToken', 'Bearer x'],
  ]
  for (const [code, header] of headers) t.equal(outcome(newState(), header), code, header ?? 'none')
})

function outcome(state: State, header: string | undefined): number | string {
  try {
    return authenticateDevice(state, header)
  } catch (error) {
    if (error instanceof HttpProblem) return error.code
    throw error
  }
}
