// Runs a batch of inputs in a process of its own, within a limit of memory and with a watch over each input.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Megabytes of heap; four times what an ordinary run takes. */
const MAX_HEAP_MB = 256
/** How long one input may take on a machine that is busy; an ordinary one takes milliseconds. */
const MAX_MS = 60_000

export type Batch = { readonly type: 'Good'; readonly inputs: number } | { readonly type: 'Bad'; readonly what: string }

/** Resolves when `count` inputs of the seed have been given, or with what went wrong. */
export function runBatch(seed: number, count: number): Promise<Batch> {
  const args = [`--max-old-space-size=${MAX_HEAP_MB}`, join(import.meta.dirname, 'run.ts'), String(seed), String(count)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let inputs = 0
  let text = ''
  let hangs = false
  const watch = setTimeout(() => {
    hangs = true
    child.kill('SIGKILL')
  }, MAX_MS)
  child.stdout.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-100_000)
    inputs += chunk.toString().split('\n').length - 1
    watch.refresh()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-100_000)
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(watch)
      if (code === 0) return resolve({ type: 'Good', inputs })
      const why = hangs ? `took longer than ${MAX_MS} ms` : `ended with ${signal ?? code}`
      resolve({ type: 'Bad', what: `seed ${seed}, after ${inputs} inputs: ${why}\n${text.slice(-20_000)}` })
    })
  })
}
