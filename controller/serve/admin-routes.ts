// What people ask and order over HTTP: objects, explanations, decisions, commands, enrolment keys (docs/commands.md).
// Commands need the admin token, and so do readings from anywhere but this machine (docs/decisions/0014).
import { z } from 'zod'
import { type Command, isDecisionType } from '../model/facts.ts'
import { API_VERSION } from '../model/kinds.ts'
import { parseDuration } from '../model/times.ts'
import { UpdateState } from '../model/update.ts'
import { checkCommand, checkRemoval, type Verdict } from '../project/command-check.ts'
import { type DecisionPage, type DecisionView, decisionsAfter, readDecisions } from '../project/decisions.ts'
import { explain } from '../project/explain.ts'
import type { Explanation } from '../project/explanation.ts'
import { objectNamed, pageObjects, VIEW_KINDS, viewKindNamed } from '../project/objects.ts'
import type { ViewKind, ViewOf } from '../project/views.ts'
import type { Controller } from '../runtime/controller.ts'
import type { App, Reply, Request } from './app.ts'
import { authenticateAdmin, hashSecret, randomSecret } from './auth.ts'
import { HttpProblem, invalidBody } from './problem.ts'

export type AdminContext = {
  readonly controller: Controller
  /** SHA-256 of the admin token, hex; without one nobody is an admin. */
  readonly adminTokenHash: string | undefined
}

/** On every reading: the controller's clock, RFC 3339, which times in the answer are told from. */
export const NOW_HEADER = 'ringmaster-now'

/** The answer of GET /v1/objects/KIND. */
export type ListAnswer<K extends ViewKind = ViewKind> = {
  readonly apiVersion: typeof API_VERSION
  readonly kind: K
  readonly items: readonly ViewOf[K][]
  readonly total: number
}

export type ExplainAnswer = Explanation & { readonly apiVersion: typeof API_VERSION }
export type DecisionAnswer = DecisionPage & { readonly apiVersion: typeof API_VERSION }

/** The answer to a command: what it gave rise to, oldest first. `message` says what was so already. */
export type CommandAnswer = {
  readonly apiVersion: typeof API_VERSION
  readonly done: 'Done' | 'AlreadySo'
  readonly message: string
  readonly decisions: readonly DecisionView[]
}

export type KeyAnswer = {
  readonly apiVersion: typeof API_VERSION
  /** Shown this once; only its hash is kept. */
  readonly key: string
  readonly once: boolean
  readonly expires?: string | undefined
}

export function registerAdminRoutes(app: App, context: AdminContext): void {
  registerReadings(app, context)
  registerRolloutCommands(app, context)
  const { controller } = context
  app.post<Named>('/v1/rules/:name/evaluate', (request) => {
    const { by } = order(context, request, OrderBody)
    return carryOut(controller, { type: 'Evaluate', rule: request.params.name }, by)
  })
  app.post('/v1/enrolment-keys', (request, reply) => {
    const body = order(context, request, KeyBody)
    return issueKey(controller, body, reply)
  })
  app.delete<{ Params: { id: string } }>('/v1/devices/:id', async (request) => {
    const { by } = order(context, request, OrderBody)
    const device = request.params.id
    const verdict = checkRemoval(controller.state, device)
    if (verdict.type !== 'Sensible') return notDone(verdict)
    await controller.submit({ type: 'DeviceRemoved', device, by })
    await controller.settled()
    return done(`device ${device} was removed`, [])
  })
}

type Named = { Params: { name: string } }
type Phased = { Params: { name: string; phase: string } }

function registerReadings(app: App, context: AdminContext): void {
  const { controller } = context
  app.get<{ Params: { kind: string } }>('/v1/objects/:kind', (request, reply) => {
    admitReader(context, request)
    const kind = kindOf(request.params.kind)
    const { attribute, ...query } = parsed(ListParameters, request.query)
    const now = controller.clock.now()
    const filter = { ...query, attribute: attribute === undefined ? undefined : attributeFilter(attribute) }
    const page = pageObjects(controller.state, controller.notes, kind, now.epochMilliseconds, filter)
    const answer: ListAnswer = { apiVersion: API_VERSION, kind, ...page }
    return fresh(reply, now).send(answer)
  })
  app.get<{ Params: { kind: string; name: string } }>('/v1/objects/:kind/:name', (request, reply) => {
    admitReader(context, request)
    const { name } = request.params
    const kind = kindOf(request.params.kind)
    const now = controller.clock.now()
    const found = objectNamed(controller.state, controller.notes, kind, name, now.epochMilliseconds)
    if (found === undefined) throw new HttpProblem(404, 'NotFound', `there is no ${kind} ${name.slice(0, 200)}`)
    return fresh(reply, now).send(found)
  })
  app.get('/v1/explain', (request, reply) => {
    admitReader(context, request)
    const { device, update } = parsed(ExplainParameters, request.query)
    const now = controller.clock.now()
    const explanation = explain(controller.state, controller.notes, device, update, now.epochMilliseconds)
    const answer: ExplainAnswer = { apiVersion: API_VERSION, ...explanation }
    return fresh(reply, now).send(answer)
  })
  app.get('/v1/decisions', async (request, reply) => {
    admitReader(context, request)
    const page = await readDecisions(controller.journal, parsed(DecisionParameters, request.query))
    const answer: DecisionAnswer = { apiVersion: API_VERSION, ...page }
    return fresh(reply, controller.clock.now()).send(answer)
  })
}

function registerRolloutCommands(app: App, context: AdminContext): void {
  const { controller } = context
  app.post<Named>('/v1/rollouts/:name/approve', (request) => {
    const { phase, by, early } = order(context, request, ApproveBody)
    return carryOut(controller, { type: 'Approve', rollout: request.params.name, phase }, by, early)
  })
  for (const [path, type] of [
    ['pause', 'Pause'],
    ['rollback', 'Rollback'],
  ] as const)
    app.post<Named>(`/v1/rollouts/:name/${path}`, (request) => {
      const { reason, by } = order(context, request, ReasonBody)
      const command = { type, rollout: request.params.name, ...(reason !== undefined && { reason }) }
      return carryOut(controller, command, by)
    })
  app.post<Named>('/v1/rollouts/:name/resume', (request) => {
    const { by } = order(context, request, OrderBody)
    return carryOut(controller, { type: 'Resume', rollout: request.params.name }, by)
  })
  app.post<Phased>('/v1/rollouts/:name/phases/:phase/signal', (request) => {
    const { signal, by } = order(context, request, SignalBody)
    const { name, phase } = request.params
    return carryOut(controller, { type: 'Signal', rollout: name, phase, signal }, by)
  })
}

const text = z.string().min(1).max(1024)
const by = z.string().min(1).max(256).default('admin')
const OrderBody = z.strictObject({ by })
const ReasonBody = z.strictObject({ by, reason: text.optional() })
const ApproveBody = z.strictObject({ by, phase: z.string().min(1).max(63), early: z.boolean().default(false) })
const SignalBody = z.strictObject({ by, signal: text.default('go') })
const KeyBody = z.strictObject({
  by,
  once: z.boolean().default(false),
  expires: z
    .string()
    .max(64)
    .refine((value) => isExpiry(value), 'write an ISO 8601 duration such as P1D, or an instant in RFC 3339')
    .optional(),
})
type KeyBody = z.infer<typeof KeyBody>

const wholeNumber = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const MAX_LISTED = 1000
const ListParameters = z.strictObject({
  limit: wholeNumber(1, MAX_LISTED).default(500),
  offset: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  search: z.string().max(256).optional(),
  collection: z.string().max(63).optional(),
  stale: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
  attribute: z
    .string()
    .max(400)
    .regex(/^[^=]+=/, 'write KEY=VALUE')
    .optional(),
  state: UpdateState.optional(),
})
const ExplainParameters = z.strictObject({
  device: z.string().min(1).max(256),
  update: z.string().min(1).max(256),
})
const DecisionParameters = z.strictObject({
  limit: wholeNumber(1, MAX_LISTED).default(100),
  fromSeq: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  type: z
    .string()
    .refine((value) => isDecisionType(value), 'this is no type of decision')
    .optional(),
  rule: z.string().max(63).optional(),
  rollout: z.string().max(63).optional(),
  hold: z.string().max(63).optional(),
})

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {})
  if (!result.success) throw invalidBody(result.error.issues)
  return result.data
}

/** Who orders has the admin token, whatever machine it comes from: a page in a browser can send to this one, too. */
function order<T>({ adminTokenHash }: AdminContext, request: Request, schema: z.ZodType<T>): T {
  authenticateAdmin(adminTokenHash, request.headers.authorization)
  return parsed(schema, request.body)
}

function admitReader({ adminTokenHash }: AdminContext, request: Request): void {
  if (!isFromHere(request)) authenticateAdmin(adminTokenHash, request.headers.authorization)
}

// Over loopback, not through a proxy, and under a name of this machine: a page that had its own name point here
// (DNS rebinding) sends that name.
function isFromHere({ socket, headers }: Request): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  return (
    isLoopback(socket.localAddress) &&
    isLoopback(socket.remoteAddress) &&
    LOCAL_NAMES.includes(host) &&
    PROXY_HEADERS.every((name) => headers[name] === undefined)
  )
}

const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]']
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address)
}

function kindOf(name: string): ViewKind {
  const kind = viewKindNamed(name)
  if (kind !== undefined) return kind
  throw new HttpProblem(404, 'NotFound', `there is no kind ${name.slice(0, 63)}; there are ${VIEW_KINDS.join(', ')}`)
}

function attributeFilter(filter: string): { key: string; value: string } {
  const at = filter.indexOf('=')
  return { key: filter.slice(0, at), value: filter.slice(at + 1) }
}

function fresh(reply: Reply, now: Temporal.Instant): Reply {
  return reply.headers({ 'cache-control': 'no-store', [NOW_HEADER]: now.toString() })
}

/** Refuses what makes no sense now, and answers when the rest is durable and decided. */
async function carryOut(controller: Controller, command: Command, by: string, early = false): Promise<CommandAnswer> {
  await controller.current()
  const verdict = checkCommand(controller.state, command, early)
  if (verdict.type !== 'Sensible') return notDone(verdict)
  const before = controller.journal.lastSeq
  await controller.submit({ type: 'CommandGiven', command, by })
  const isDecided = await controller.settled()
  const about = (one: DecisionView) =>
    command.type === 'Evaluate' ? one.rule === command.rule : one.rollout === command.rollout
  const decisions = (await decisionsAfter(controller.journal, before)).filter(about)
  return done(isDecided ? doneText(command, decisions) : `${DONE[command.type]}; ${UNDECIDED}`, decisions)
}

function notDone(verdict: Exclude<Verdict, { readonly type: 'Sensible' }>): CommandAnswer {
  const { type, message } = verdict
  if (type === 'NotFound') throw new HttpProblem(404, 'NotFound', message)
  if (type === 'Refused') throw new HttpProblem(409, 'Refused', message)
  return { apiVersion: API_VERSION, done: 'AlreadySo', message, decisions: [] }
}

function done(message: string, decisions: readonly DecisionView[]): CommandAnswer {
  return { apiVersion: API_VERSION, done: 'Done', message, decisions }
}

function doneText(command: Command, decisions: readonly DecisionView[]): string {
  const last = decisions.at(-1)
  const result = last === undefined ? 'nothing had to be decided for it yet' : `${last.type}: ${last.message}`
  return `${DONE[command.type]}; ${result}`
}

const UNDECIDED = 'this is durable, and no replica leads at the moment: it is decided on when one does'

const DONE = {
  Approve: 'approved',
  Signal: 'signal given',
  Pause: 'paused',
  Resume: 'resumed',
  Rollback: 'rolled back',
  Evaluate: 'evaluated',
} as const satisfies Record<Command['type'], string>

async function issueKey(controller: Controller, body: KeyBody, reply: Reply): Promise<Reply> {
  const now = controller.clock.nowMs()
  const expires = body.expires === undefined ? undefined : expiryAt(body.expires, now)
  if (expires !== undefined && expires <= now)
    throw new HttpProblem(400, 'Invalid', 'the key would have expired already', { path: 'expires' })
  const key = randomSecret()
  await controller.submit({
    type: 'EnrolmentKeyIssued',
    keyHash: hashSecret(key),
    once: body.once,
    ...(expires !== undefined && { expires }),
    by: body.by,
  })
  const until = expires === undefined ? undefined : Temporal.Instant.fromEpochMilliseconds(expires).toString()
  const answer: KeyAnswer = { apiVersion: API_VERSION, key, once: body.once, expires: until }
  return fresh(reply, controller.clock.now()).code(201).send(answer)
}

function isExpiry(value: string): boolean {
  return expiryAt(value, 0) !== undefined
}

/** An instant as it is, a duration from now on. */
function expiryAt(value: string, now: number): number | undefined {
  if (z.iso.datetime({ offset: true }).safeParse(value).success) return Date.parse(value)
  try {
    const from = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
    return from.add(parseDuration(value)).epochMilliseconds
  } catch {
    return undefined
  }
}
