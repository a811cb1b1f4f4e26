// Conditions on one attribute as unions of classes of its values: the values for which the same conditions hold make one class.
// Of a column of 800 versions, 40 thresholds leave 41 classes.
import { type Term, termTable } from './term.ts'

export type ValueClasses = {
  /** By code. The class of the missing value is 0, and no union has it. */
  readonly classOf: Uint32Array
  readonly unions: readonly Union[]
}

export type Union = {
  readonly term: Term
  /** The classes for which the condition holds, or, when it holds for a missing value, those for which it does not. */
  readonly classes: ReadonlySet<number>
  readonly negated: boolean
}

/** `terms` are on one column of `values` different values, the missing one included. */
export function classifyValues(terms: readonly Term[], values: number): ValueClasses {
  const marks = terms.map((term) => ({ term, table: termTable(term), missing: termTable(term)[0] ?? 0 }))
  const classOf = new Uint32Array(values)
  let count = 1
  for (const { table, missing } of marks) {
    const part = new Uint32Array(count)
    for (let code = 1; code < values; code++) {
      if (table[code] === missing) continue
      const whole = classOf[code] ?? 0
      if (part[whole] === 0) part[whole] = count++
      classOf[code] = part[whole] ?? 0
    }
  }
  const someCode = new Map<number, number>()
  for (let code = values - 1; code >= 0; code--) someCode.set(classOf[code] ?? 0, code)
  const unions = marks.map(({ term, table, missing }): Union => {
    const classes = new Set<number>()
    for (const [number, code] of someCode) if (table[code] !== missing) classes.add(number)
    return { term, classes, negated: missing === 1 }
  })
  return { classOf, unions }
}
