// Requests to an API server as they go over the wire, for what kubectl is too slow at.
import { promises as fs } from 'node:fs'
import { Agent, request } from 'node:https'
import type { ControlPlane } from './control-plane.ts'

export type Answer = { readonly status: number; readonly body: string }

/** As the administrator, over one connection. */
export class ApiClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #plane: ControlPlane
  readonly #ca: Buffer

  private constructor(plane: ControlPlane, ca: Buffer) {
    this.#plane = plane
    this.#ca = ca
  }

  static async of(plane: ControlPlane): Promise<ApiClient> {
    return new ApiClient(plane, await fs.readFile(plane.apiServer.certificate))
  }

  /** Rejects when there is no answer. */
  send(method: string, path: string, body?: unknown): Promise<Answer> {
    const { url, adminToken } = this.#plane.apiServer
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }
    return new Promise((resolve, reject) => {
      const asked = request(`${url}${path}`, { method, headers, ca: this.#ca, agent: this.#agent, timeout: 30_000 })
      asked.on('timeout', () => asked.destroy(new Error('no answer')))
      asked.on('error', reject)
      asked.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
