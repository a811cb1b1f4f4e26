// The kernel of kernel.wat at work: one instance with memory of its own, which grows and is used again. Nothing is kept in it
// between two evaluations.
import { KERNEL } from './kernel-bytes.ts'

/** As in kernel.wat; all numbers are addresses in its memory, in bytes. */
export type Kernel = {
  readonly memory: { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => number }
  readonly place: (codes: number, width: number, rows: number, table: number) => void
  readonly combine: (step: number, end: number, bytes: number) => void
  readonly differs: (a: number, b: number, bytes: number) => number
}

/** What `combine` can do. */
export const AND = 0
export const OR = 1
export const AND_NOT = 2

const PAGE = 65_536

// TypeScript's own library knows WebAssembly only together with a browser's page.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Kernel }
}

let kernel: Kernel | undefined

/** With at least so many bytes of memory. */
export function kernelWith(bytes: number): Kernel {
  kernel ??= new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.fromBase64(KERNEL))).exports
  const missing = Math.ceil((bytes - kernel.memory.buffer.byteLength) / PAGE)
  if (missing > 0) kernel.memory.grow(missing)
  return kernel
}
