// Assembles controller/fleet/kernel.wat into controller/fleet/kernel-bytes.ts: npm run kernel.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import wabt from 'wabt'

const FOLDER = join(import.meta.dirname, '../../controller/fleet')
export const BYTES_FILE = join(FOLDER, 'kernel-bytes.ts')

/** What the file has to say. */
export async function assembledKernel(): Promise<string> {
  const { parseWat } = await wabt()
  const module = parseWat('kernel.wat', readFileSync(join(FOLDER, 'kernel.wat'), 'utf8'), { simd: true })
  module.resolveNames()
  module.validate()
  const { buffer } = module.toBinary({})
  module.destroy()
  const lines = buffer.toBase64().match(/.{1,100}/g) ?? []
  const text = lines.map((line) => `  '${line}'`).join(' +\n')
  return `// Assembled from kernel.wat by \`npm run kernel\`; do not edit.\n\n/** Base64. */\nexport const KERNEL =\n${text}\n`
}

if (import.meta.main) writeFileSync(BYTES_FILE, await assembledKernel())
