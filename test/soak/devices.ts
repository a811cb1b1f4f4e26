// The devices of a soak: what each has said, what of it was acknowledged, and an hour of their calls as fast as they go.
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { toRfc3339 } from '../../controller/model/instant.ts'

export type SoakDevice = {
  readonly name: string
  token: string
  /** The number of its last report that was acknowledged; 0 for none. Numbers follow on each other. */
  acknowledged: number
  /** The highest number that was sent. */
  sent: number
}

export type Answer = { readonly status: number; readonly body: string }

export const UPDATE = 'u1'
/** What a device gathers in ten minutes, a report a minute, and sends together. */
export const GATHERED = 10
const IN_FLIGHT = 32
const TIMEOUT_MS = 30_000

/** Keeps its connections; one for each controller process. */
export type Client = { readonly url: string; readonly agent: Agent }

export function newClient(url: string): Client {
  if (new URL(url).hostname !== '127.0.0.1') throw new Error(`a soak goes to loopback only, not to ${url}`)
  return { url, agent: new Agent({ keepAlive: true, maxSockets: IN_FLIGHT }) }
}

export async function enrolAll(client: Client, devices: readonly SoakDevice[], key: string): Promise<void> {
  await inTurns(devices, async (device) => {
    if (device.token !== '') return
    const { status, body } = await send(client, 'POST', '/v1/enrol', '', { device: device.name, key, attributes: {} })
    if (status !== 201) throw new Error(`${device.name} was not enrolled: ${status} ${body.slice(0, 200)}`)
    device.token = String(JSON.parse(body).token)
  })
}

/** Resolves when the controller has read its catalog: reports about what it does not know would be answered and say nothing. */
export async function catalogRead(client: Client, probe: SoakDevice): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const reports = [reportNumber(++probe.sent)]
    const { body } = await send(client, 'POST', '/v1/reports', probe.token, { reports })
    if (JSON.parse(body).unknownUpdatesTotal === 0) return
    await delay(50)
  }
  throw new Error('the catalog was not read: are the declarations in force?')
}

/**
 * Ten minutes of every device: it asks for its policy and sends what it gathered. `stopped` ends it; a request that fails
 * after that is none that was acknowledged.
 */
export async function playTenMinutes(
  client: Client,
  devices: readonly SoakDevice[],
  stopped: () => boolean,
): Promise<void> {
  await inTurns(devices, async (device) => {
    if (stopped()) return
    try {
      const policy = await send(client, 'GET', '/v1/policy', device.token)
      if (policy.status !== 200) throw new Error(`GET /v1/policy: ${policy.status} ${policy.body.slice(0, 200)}`)
      const from = device.acknowledged + 1
      device.sent = Math.max(device.sent, device.acknowledged + GATHERED)
      const reports = Array.from({ length: GATHERED }, (_, i) => reportNumber(from + i))
      const { status, body } = await send(client, 'POST', '/v1/reports', device.token, { reports })
      if (status !== 200) throw new Error(`POST /v1/reports: ${status} ${body.slice(0, 200)}`)
      device.acknowledged = from + GATHERED - 1
    } catch (error) {
      if (!stopped()) throw error
    }
  })
}

/** By its number it is known what a report said. */
export function saysInstalled(sequence: number): boolean {
  return sequence % 2 === 0
}

function reportNumber(sequence: number): object {
  const scan = saysInstalled(sequence) ? { installed: [UPDATE] } : { required: [UPDATE] }
  return { sequence, at: toRfc3339(Date.now()), scan }
}

/** One device after the other, as many at once as there are connections. The first error ends it. */
async function inTurns(devices: readonly SoakDevice[], visit: (device: SoakDevice) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let device = devices[next++]; device !== undefined; device = devices[next++]) await visit(device)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}

function send({ url, agent }: Client, method: string, path: string, token: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const asked = request(`${url}${path}`, { method, agent, headers, timeout: TIMEOUT_MS }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
      answer.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path} was not answered in ${TIMEOUT_MS} ms`)))
    asked.on('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
