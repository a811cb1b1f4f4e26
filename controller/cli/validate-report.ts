// What `ringmaster validate` found. How that is written stands in validate-formats.ts.
import type { Checked } from '../sources/check-set.ts'

/** `strict`: warnings fail as errors do. */
export type Report = Checked & { readonly strict: boolean }

export function fails({ remarks, strict }: Report): boolean {
  return remarks.some(({ severity }) => severity === 'Error' || (strict && severity === 'Warning'))
}

/** Which template of helm it came from. */
export function fromTemplate(template: string | undefined): string {
  return template === undefined ? '' : ` (from ${template})`
}
