// By what a finding is known again in the next report: not by its line, which moves with every edit above it.
import { hash } from 'node:crypto'
import type { Remark } from '../sources/check-set.ts'

/** Of findings in order: of several that are alike each has its own, by number. */
export function fingerprints(): (remark: Remark) => string {
  const seen = new Map<string, number>()
  return ({ file, code, path, message }) => {
    const key = [file, code, path, message.replaceAll(/:\d+/g, '')].join('\0')
    const number = (seen.get(key) ?? 0) + 1
    seen.set(key, number)
    return hash('sha256', `${key}\0${number}`)
  }
}
