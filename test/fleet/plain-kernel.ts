// What kernel.wat does, in TypeScript and the obvious way: the twin that tests hold it equal to. The same parameters.
import type { Kernel } from '../../controller/fleet/kernel.ts'

export type PlainKernel = Omit<Kernel, 'memory'>

export function plainKernel(memory: ArrayBuffer): PlainKernel {
  const bytes = new Uint8Array(memory)
  const view = new DataView(memory)
  const byteAt = (address: number) => bytes[address] ?? 0
  const wordAt = (address: number) => view.getUint32(address, true)
  return {
    place: (codes, width, rows, table) => {
      for (let row = 0; row < rows; row++) {
        let code = 0
        for (let i = 0; i < width; i++) code += byteAt(codes + row * width + i) * 256 ** i
        const address = wordAt(table + 4 * code) + (row >>> 3)
        bytes[address] = byteAt(address) | (1 << (row & 7))
      }
    },
    combine: (step, end, length) => {
      for (let at = step; at < end; at += 20) {
        const [what = 0, to = 0, a = 0, b = 0, c = 0] = [0, 4, 8, 12, 16].map((offset) => wordAt(at + offset))
        for (let i = 0; i < length; i++) {
          const [one, two, three] = [byteAt(a + i), byteAt(b + i), byteAt(c + i)]
          bytes[to + i] = what === 0 ? one & two & three : what === 1 ? one | two | three : one & ~(two | three)
        }
      }
    },
    differs: (a, b, length) => {
      for (let i = 0; i < length; i++) if (byteAt(a + i) !== byteAt(b + i)) return 1
      return 0
    },
  }
}
