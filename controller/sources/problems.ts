// How problems name paths, and the order in which they are told.
import type { Problem } from '../model/declared.ts'
import type { Path } from './yaml-values.ts'

/** Dots and brackets, as people write it: `spec.phases[1].soak`, `metadata.labels["a b"]`. */
export function pathText(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (/^[A-Za-z_][\w-]*$/.test(String(segment))) text += `${text === '' ? '' : '.'}${String(segment)}`
    else text += `[${JSON.stringify(String(segment).slice(0, 80))}]`
  }
  return text
}

/** By file, line, column, path, code. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const text = (problem: Problem) => `${problem.path}\0${problem.code}\0${problem.message}`
  return problems.toSorted(
    (a, b) => order(a.file, b.file) || a.line - b.line || a.column - b.column || order(text(a), text(b)),
  )
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
