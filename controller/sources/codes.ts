// Every error that a declaration can have. docs/errors/ has one page for each, generated from here.
import { FILE_CODES } from './codes-file.ts'
import { GIT_CODES } from './codes-git.ts'
import { OBJECT_CODES } from './codes-object.ts'
import { TOGETHER_CODES } from './codes-together.ts'

/** One file for each family. A code never changes its meaning. */
export const CODES = {
  ...FILE_CODES,
  ...OBJECT_CODES,
  ...TOGETHER_CODES,
  ...GIT_CODES,
} as const

export type Code = keyof typeof CODES
