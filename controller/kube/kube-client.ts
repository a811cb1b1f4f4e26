// The Kubernetes API as the rest of the code sees it: lists in pages, watches, server-side apply and little else. Everything that
// fails fails with a KubeError; every body has a limit of size and time.
import type { IncomingMessage } from 'node:http'
import { apiPath, withQuery } from './api-path.ts'
import type { Connection, Sent } from './connection.ts'
import { asKubeError, errorOfAnswer, errorOfStatus, KubeError } from './kube-error.ts'
import { isRecord, type KubeObject, type ObjectAt, type Resource, readKubeObject } from './kube-object.ts'
import { newLineReader } from './line-reader.ts'

/** As in RBAC. */
export type KubeVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

/** One request, for metrics and for tests of what is asked for. `status`: 0 without an answer. */
export type KubeRequest = {
  readonly verb: KubeVerb
  readonly resource: Resource
  readonly subresource: string | undefined
  readonly name: string | undefined
  readonly status: number
  readonly seconds: number
}

export type ListPage = {
  readonly objects: readonly KubeObject[]
  readonly version: string
  readonly next: string | undefined
}

export type WatchEvent =
  | { readonly type: 'Changed' | 'Deleted'; readonly object: KubeObject }
  | { readonly type: 'Bookmark'; readonly version: string }

export type ApplyOptions = {
  readonly manager: string
  /** Take over fields that another manager has set to something else. */
  readonly force: boolean
  readonly subresource?: 'status' | undefined
}

export type KubeClient = {
  readonly server: string
  readonly namespace: string | undefined
  readonly list: (resource: Resource, query: ListQuery, signal?: AbortSignal) => Promise<ListPage>
  /** Resolves when the API server has ended the watch. Rejects with a KubeError, `Gone` when the version is too old. */
  readonly watch: (
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>
  readonly get: (resource: Resource, at: ObjectAt) => Promise<KubeObject>
  readonly create: (resource: Resource, at: Partial<ObjectAt>, body: object) => Promise<KubeObject>
  /** Server-side apply. */
  readonly apply: (resource: Resource, at: ObjectAt, body: object, options: ApplyOptions) => Promise<KubeObject>
  /** JSON merge patch. */
  readonly merge: (resource: Resource, at: ObjectAt, body: object) => Promise<KubeObject>
  /** Only if `body` carries the version that is there. */
  readonly replace: (resource: Resource, at: ObjectAt, body: object) => Promise<KubeObject>
  /** Only the object with this uid. One that is gone already is no error. */
  readonly remove: (resource: Resource, at: ObjectAt, uid: string) => Promise<void>
  /** Who we are to the API server. */
  readonly whoAmI: () => Promise<string>
  readonly close: () => void
}

export type ListQuery = {
  readonly limit: number
  readonly next?: string | undefined
  readonly namespace?: string | undefined
}
export type WatchQuery = { readonly version: string; readonly timeoutSeconds: number }

export type ClientOptions = {
  readonly onRequest?: (request: KubeRequest) => void
  /** The field manager of `create`, `merge` and `replace`. Default ringmaster. */
  readonly manager?: string
  /** Without a byte for so long a request counts as failed. Default 30 s. */
  readonly idleMs?: number
}

const MAX_BODY = 64 * 1024 * 1024
/** etcd takes objects of 1.5 MiB; managed fields and escapes add to that. */
const MAX_LINE = 16 * 1024 * 1024
/** A watch that the API server does not end in time was cut without a word. */
const WATCH_GRACE_MS = 30_000
const IDLE_MS = 30_000

type Call = {
  readonly verb: KubeVerb
  readonly resource: Resource
  readonly at: Partial<ObjectAt>
  readonly subresource?: string | undefined
}

export function newKubeClient(connection: Connection, options: ClientOptions = {}): KubeClient {
  const { idleMs = IDLE_MS, onRequest = () => {}, manager: fieldManager = 'ringmaster' } = options
  const ask = async (call: Call, sent: Omit<Sent, 'idleMs'>): Promise<unknown> => {
    const answer = await requested(connection, call, { ...sent, idleMs }, onRequest)
    return parsed(describe(call), await textOf(describe(call), answer))
  }
  const one = async (call: Call, sent: Omit<Sent, 'idleMs'>): Promise<KubeObject> =>
    asObject(describe(call), await ask(call, sent))
  const write = (verb: KubeVerb, method: Sent['method'], contentType: string) => {
    return (resource: Resource, at: Partial<ObjectAt>, body: object, query = {}, subresource?: string) =>
      one(
        { verb, resource, at, subresource },
        {
          method,
          path: withQuery(apiPath(resource, at, subresource), query),
          contentType,
          body: JSON.stringify(body),
        },
      )
  }
  const post = write('create', 'POST', 'application/json')
  const put = write('update', 'PUT', 'application/json')
  const mergePatch = write('patch', 'PATCH', 'application/merge-patch+json')
  // JSON is YAML.
  const applyPatch = write('patch', 'PATCH', 'application/apply-patch+yaml')
  return {
    server: connection.server,
    namespace: connection.namespace,
    list: async (resource, { limit, next, namespace }, signal) => {
      const path = withQuery(apiPath(resource, { namespace }), { limit, continue: next })
      const call: Call = { verb: 'list', resource, at: { namespace } }
      return listPage(describe(call), await ask(call, { method: 'GET', path, signal }))
    },
    watch: (resource, query, onEvent, signal) => watch(connection, resource, query, onEvent, signal, onRequest),
    get: (resource, at) => one({ verb: 'get', resource, at }, { method: 'GET', path: apiPath(resource, at) }),
    create: (resource, { namespace }, body) => post(resource, { namespace }, body, { fieldManager }),
    apply: (resource, at, body, { manager, force, subresource }) =>
      applyPatch(resource, at, body, { fieldManager: manager, force }, subresource),
    merge: (resource, at, body) => mergePatch(resource, at, body, { fieldManager }),
    replace: (resource, at, body) => put(resource, at, body, { fieldManager }),
    remove: async (resource, at, uid) => {
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } })
      const sent = { method: 'DELETE', path: apiPath(resource, at), contentType: 'application/json', body } as const
      await ask({ verb: 'delete', resource, at }, sent).catch((error: unknown) => {
        if (!(error instanceof KubeError) || error.type !== 'NotFound') throw error
      })
    },
    whoAmI: async () => {
      const call: Call = { verb: 'create', resource: SELF_SUBJECT_REVIEWS, at: {} }
      const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
      const path = apiPath(SELF_SUBJECT_REVIEWS)
      return userIn(describe(call), await ask(call, { method: 'POST', path, contentType: 'application/json', body }))
    },
    close: connection.close,
  }
}

const SELF_SUBJECT_REVIEWS: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
}

function userIn(what: string, review: unknown): string {
  const status = isRecord(review) && isRecord(review.status) ? review.status : {}
  const user = isRecord(status.userInfo) ? status.userInfo.username : undefined
  if (typeof user === 'string' && user !== '') return user
  throw new KubeError('Malformed', `${what}: no user name`)
}

async function requested(
  connection: Connection,
  call: Call,
  sent: Sent,
  onRequest: (request: KubeRequest) => void,
): Promise<IncomingMessage> {
  const begun = performance.now()
  const { verb, resource, at, subresource } = call
  const told = (status: number) => {
    const seconds = (performance.now() - begun) / 1000
    onRequest({ verb, resource, subresource, name: at.name, status, seconds })
  }
  const answer = await connection.open(sent).catch((error: unknown) => {
    told(0)
    throw asKubeError(describe(call), error)
  })
  const status = answer.statusCode ?? 0
  told(status)
  if (status >= 200 && status < 300) return answer
  const body = await textOf(describe(call), answer)
  throw errorOfAnswer(describe(call), status, body, answer.headers['retry-after'])
}

async function watch(
  connection: Connection,
  resource: Resource,
  { version, timeoutSeconds }: WatchQuery,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
  onRequest: (request: KubeRequest) => void,
): Promise<void> {
  const call: Call = { verb: 'watch', resource, at: {} }
  const what = describe(call)
  const query = { watch: true, allowWatchBookmarks: true, resourceVersion: version, timeoutSeconds }
  const idleMs = timeoutSeconds * 1000 + WATCH_GRACE_MS
  const sent: Sent = { method: 'GET', path: withQuery(apiPath(resource), query), signal, idleMs }
  const answer = await requested(connection, call, sent, onRequest)
  const lines = newLineReader(MAX_LINE)
  // Bookmarks would keep a watch alive whose end was lost on the way.
  const overdue = setTimeout(() => answer.destroy(new Error('the API server did not end it in time')), idleMs)
  try {
    for await (const bytes of answer)
      for (const line of linesOf(what, lines, bytes)) if (line.trim() !== '') onEvent(watchEvent(what, line))
    // Cut in the middle of a line, a chunk, or before its end was announced.
    if (!answer.complete) throw new KubeError('Unavailable', `${what}: the connection broke`)
  } catch (error) {
    throw asKubeError(what, error)
  } finally {
    clearTimeout(overdue)
    answer.destroy()
  }
}

function linesOf(what: string, lines: ReturnType<typeof newLineReader>, bytes: Buffer): string[] {
  try {
    return lines.push(bytes)
  } catch (error) {
    throw new KubeError('Malformed', `${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function watchEvent(what: string, line: string): WatchEvent {
  const event = parsed(what, line)
  const type = isRecord(event) ? event.type : undefined
  const object = isRecord(event) ? event.object : undefined
  if (type === 'ERROR') throw errorOfStatus(what, object)
  if (type === 'BOOKMARK') return { type: 'Bookmark', version: versionOf(what, object) }
  if (type === 'ADDED' || type === 'MODIFIED') return { type: 'Changed', object: asObject(what, object) }
  if (type === 'DELETED') return { type: 'Deleted', object: asObject(what, object) }
  throw new KubeError('Malformed', `${what}: an event of type ${String(type).slice(0, 40)}`)
}

function listPage(what: string, value: unknown): ListPage {
  const items = isRecord(value) ? value.items : undefined
  const metadata = isRecord(value) && isRecord(value.metadata) ? value.metadata : {}
  if (items !== null && !Array.isArray(items)) throw new KubeError('Malformed', `${what}: the answer is no list`)
  const next = typeof metadata.continue === 'string' && metadata.continue !== '' ? metadata.continue : undefined
  return { objects: (items ?? []).map((item) => asObject(what, item)), version: versionOf(what, value), next }
}

function versionOf(what: string, value: unknown): string {
  const metadata = isRecord(value) ? value.metadata : undefined
  const version = isRecord(metadata) ? metadata.resourceVersion : undefined
  if (typeof version === 'string' && version !== '') return version
  throw new KubeError('Malformed', `${what}: no resourceVersion`)
}

function asObject(what: string, value: unknown): KubeObject {
  const object = readKubeObject(value)
  if (object === undefined) throw new KubeError('Malformed', `${what}: what came is no object`)
  return object
}

function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new KubeError('Malformed', `${what}: what came is no JSON`)
  }
}

async function textOf(what: string, answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const bytes of answer) {
      size += bytes.length
      if (size > MAX_BODY) throw new KubeError('Malformed', `${what}: the answer has more than ${MAX_BODY} bytes`)
      pieces.push(bytes)
    }
  } catch (error) {
    throw asKubeError(what, error)
  }
  if (!answer.complete) throw new KubeError('Unavailable', `${what}: the connection broke`)
  return Buffer.concat(pieces).toString('utf8')
}

function describe({ verb, resource, at, subresource }: Call): string {
  const name = at.name === undefined ? '' : `/${at.name}`
  return `${verb} ${resource.plural}${name}${subresource === undefined ? '' : ` (${subresource})`}`
}
