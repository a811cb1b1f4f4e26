// What kernel.wat does, in TypeScript and the obvious way: the twin that tests hold it equal to. The same parameters.

export type PlainKernel = {
  readonly scanBytes: (
    codes: number,
    end: number,
    table: number,
    tableEnd: number,
    planes: number,
    stride: number,
  ) => void
  readonly scanPairs: (codes: number, end: number, table: number, planes: number, stride: number) => void
  readonly combine: (step: number, end: number, bytes: number) => void
}

export function plainKernel(memory: ArrayBuffer): PlainKernel {
  const bytes = new Uint8Array(memory)
  const view = new DataView(memory)
  const byteAt = (address: number) => bytes[address] ?? 0
  /** Conditions of one device: condition k in bit 7 − k, device `row` of plane k in its bit `row`. */
  const spread = (holds: number, row: number, planes: number, stride: number) => {
    for (let k = 0; k < 8; k++) {
      const address = planes + k * stride + (row >>> 3)
      const bit = 1 << (row & 7)
      bytes[address] = (holds >>> (7 - k)) & 1 ? byteAt(address) | bit : byteAt(address) & ~bit
    }
  }
  return {
    scanBytes: (codes, end, table, tableEnd, planes, stride) => {
      for (let row = 0; codes + row < end; row++) {
        const address = table + byteAt(codes + row)
        spread(address < tableEnd ? byteAt(address) : 0, row, planes, stride)
      }
    },
    scanPairs: (codes, end, table, planes, stride) => {
      for (let row = 0; codes + 2 * row < end; row++)
        spread(byteAt(table + view.getUint16(codes + 2 * row, true)), row, planes, stride)
    },
    combine: (step, end, length) => {
      for (let at = step; at < end; at += 16) {
        const [what = 0, to = 0, a = 0, b = 0] = [0, 4, 8, 12].map((offset) => view.getUint32(at + offset, true))
        for (let i = 0; i < length; i++) {
          const [left, right] = [byteAt(a + i), byteAt(b + i)]
          bytes[to + i] = what === 0 ? left & right : what === 1 ? left | right : left & ~right
        }
      }
    },
  }
}
