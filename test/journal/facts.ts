// Facts of the tests, and how they are read back.
import { z } from 'zod'

export const Fact = z.strictObject({
  type: z.enum(['Reported', 'Approved', 'Halted']),
  n: z.int(),
  text: z.string().optional(),
})
export type Fact = z.infer<typeof Fact>

export function decodeFact(json: unknown): Fact {
  return Fact.parse(json)
}

export function reported(n: number): Fact {
  return { type: 'Reported', n }
}

export function approved(n: number): Fact {
  return { type: 'Approved', n }
}

/** `count` facts from `from` on, every tenth a decision. */
export function mixed(from: number, count: number): Fact[] {
  return Array.from({ length: count }, (_, i) => ((from + i) % 10 === 0 ? approved(from + i) : reported(from + i)))
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
