// `ringmaster bench agents --cleanup`: takes the devices of earlier loads out of the fleet again, and no other.
import { isOfLoad, LOAD_LIMITS, type LoadPlan } from '../load/plan.ts'
import type { ListAnswer } from '../serve/admin-routes.ts'
import type { BenchValues } from './bench-options.ts'
import { type Client, call, clientFrom, fail, jsonText, pathOf, userName } from './client.ts'
import { type Command, EXIT, type Io } from './command.ts'

/** Listed at once, and removed before the next list is asked for. */
const PAGE = 500
const AT_ONCE = 8

/** Returns the exit code. */
export async function removeLoadDevices(
  values: BenchValues,
  plan: LoadPlan,
  command: Pick<Command, 'usage'>,
  io: Io,
): Promise<number> {
  const client = clientFrom(
    { server: plan.url, 'token-file': values['token-file'], format: values.format },
    command,
    io,
  )
  if (typeof client === 'number') return client
  let removed = 0
  for (let page = 0; page <= LOAD_LIMITS.devices / PAGE; page++) {
    const names = await listed(client, plan.prefix)
    if ('exit' in names) return fail(io, names)
    if (names.length === 0) break
    const failure = await removeAll(client, names, () => removed++)
    if (failure !== undefined) return fail(io, failure)
  }
  io.stdout(client.json ? jsonText({ removed }) : `${removed} simulated devices were removed\n`)
  return EXIT.good
}

type Failure = { readonly exit: number; readonly message: string }

// From the beginning each time: what was removed is not in the list any more. Others that have the prefix somewhere in their
// names are passed over, page by page.
async function listed(client: Client, prefix: string): Promise<string[] | Failure> {
  for (let offset = 0; ; offset += PAGE) {
    const query = { search: `${prefix}-`, limit: String(PAGE), offset: String(offset) }
    const answer = await call<ListAnswer>(client, { method: 'GET', path: pathOf(['objects', 'Device'], query) })
    if (answer.type === 'Failed') return answer
    const { items, total } = answer.body
    const names = items.map(({ metadata }) => metadata.name).filter((name) => isOfLoad(prefix, name))
    if (names.length > 0 || items.length === 0 || offset + items.length >= total) return names
  }
}

async function removeAll(client: Client, names: readonly string[], done: () => void): Promise<Failure | undefined> {
  let next = 0
  let failure: Failure | undefined
  const worker = async () => {
    for (let name = names[next++]; name !== undefined && failure === undefined; name = names[next++]) {
      const answer = await call(client, { method: 'DELETE', path: pathOf(['devices', name]), body: { by: userName() } })
      if (answer.type === 'Failed') failure ??= answer
      else done()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return failure
}
