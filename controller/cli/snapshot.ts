// `ringmaster snapshot -o FILE`: the state of a controller in a file, as the world for `diff` and `preview`.
import { rename, writeFile } from 'node:fs/promises'
import { countBits } from '../model/bit-plane.ts'
import { toRfc3339 } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { CLIENT_OPTIONS, clientFrom, jsonText } from './client.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { type ExportedWorld, fetchSnapshot, packSnapshot, readDataFolder, unpackSnapshot } from './world-file.ts'

export const snapshotCommand: Command = {
  usage: `Usage: ringmaster snapshot -o FILE [--server URL | --data DIR] [OPTIONS]

Writes what a controller knows now to a file: declarations, catalog, devices and what they reported, rollouts. Tokens and
enrolment keys are left out, and so are passwords in the addresses of feeds; but the file names every device and says what
is not patched there, so keep it as you keep such lists. \`ringmaster diff\` and \`ringmaster preview\` take it as their world,
for example in CI, where no controller can be reached.

  -o, --output FILE  Where to; written whole or not at all
  --server URL       A running controller (default $RINGMASTER_SERVER, else http://127.0.0.1:8080)
  --token-file FILE  The admin token (default $RINGMASTER_TOKEN, else ./data/admin.token where it is there)
  --data DIR         A data folder instead; a controller that runs on it is not disturbed
  --format text|json What is printed about it. Default text
  --help             This text

Exit code: 0 written, 2 wrong usage, 3 no controller answers, or a file cannot be read or written.`,
  async run(args, io) {
    const parsed = readArgs(snapshotCommand, args, io, {
      options: { ...CLIENT_OPTIONS, data: { type: 'string' }, output: { type: 'string', short: 'o' } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { data, output, server } = parsed.values
    if (output === undefined) return wrongUsage(snapshotCommand, io, '-o FILE is missing: name the file to write')
    if (parsed.positionals.length > 0) return wrongUsage(snapshotCommand, io, 'snapshot takes options only')
    if (data !== undefined && server !== undefined)
      return wrongUsage(snapshotCommand, io, 'give --server or --data, not both')
    const client = clientFrom(parsed.values, snapshotCommand, io)
    if (typeof client === 'number') return client
    try {
      const folder = data === undefined ? undefined : await readDataFolder(data)
      const bytes = folder === undefined ? await fetchSnapshot(client) : await packSnapshot(folder)
      const world = await unpackSnapshot(bytes, data ?? client.url)
      await writeWhole(output, bytes)
      tell(output, bytes.length, world, client.json, io)
      return EXIT.good
    } catch (error) {
      io.stderr(`ringmaster: ${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${path}.tmp`
  // It names devices: for its owner alone.
  await writeFile(unfinished, bytes, { mode: 0o600 })
  await rename(unfinished, path)
}

function tell(file: string, bytes: number, { about, state }: ExportedWorld, json: boolean, io: Io): void {
  const [devices, updates] = [countBits(state.fleet.present), state.catalog.ids.length]
  const { takenAt, version, seq, revisions } = about
  if (json) {
    io.stdout(jsonText({ file, bytes, takenAt: toRfc3339(takenAt), version, seq, revisions, devices, updates }))
    return
  }
  const named = Object.entries(revisions).map(([source, revision]) => `${source} ${revision}`)
  io.stdout(
    `${file}: the state at ${toRfc3339(takenAt)}, ${devices} devices, ${updates} updates, ${state.control.rollouts.size} rollouts, ${bytes} bytes\n${
      named.length === 0 ? '' : `revision: ${named.join(', ')}\n`
    }`,
  )
}
