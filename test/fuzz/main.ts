// npm run fuzz: `ringmaster validate` over changed manifests for a while. Each seed stands for 500 inputs, and can be run again.
import { parseArgs } from 'node:util'
import { runBatch } from './batch.ts'

const INPUTS = 500
const HELP = `npm run fuzz -- [--seconds 120] [--seed N]

  --seconds N  how long to go on, at most an hour (default 120)
  --seed N     the first seed (default: the day); each one after it is one more
`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 86_400_000)) },
    help: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const first = Number(values.seed)
if (values.help || !(seconds > 0 && seconds <= 3600) || !Number.isSafeInteger(first)) {
  process.stdout.write(HELP)
  process.exit(values.help ? 0 : 2)
}
const end = performance.now() + seconds * 1000
let inputs = 0
for (let seed = first; performance.now() < end; seed++) {
  const batch = await runBatch(seed, INPUTS)
  if (batch.type === 'Bad') {
    process.stdout.write(`${batch.what}\n`)
    process.exit(1)
  }
  inputs += batch.inputs
  process.stdout.write(`seed ${seed}: ${inputs} inputs, none crashed, hung or ended with another code than 0 and 1\n`)
}
