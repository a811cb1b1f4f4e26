// What devices say: enrolment and reports (docs/guides/devices.md). A device speaks for itself only: its token
// says who it is, and nothing in a body does.
import { MAX_DEVICES, refusedKeys } from '../fleet/fleet.ts'
import { hasBit } from '../model/bit-plane.ts'
import type { Input } from '../model/facts.ts'
import { type DeviceReport, EnrolRequest, ReportRequest } from '../model/report.ts'
import type { Controller } from '../runtime/controller.ts'
import type { State } from '../state/state.ts'
import type { App } from './app.ts'
import { authenticateDevice, badKey, hashSecret, type KeysInUse, newDeviceToken, takeKey } from './auth.ts'
import type { ServeContext } from './context.ts'
import { withCurrent } from './current.ts'
import { HttpProblem, invalidBody } from './problem.ts'

/** Updates that the catalog does not know, which an answer lists; what is beyond is counted. */
export const MAX_UNKNOWN_LISTED = 100

/** The answer to POST /v1/enrol. */
export type EnrolAnswer = {
  readonly device: string
  readonly token: string
  readonly refusedAttributes: readonly string[]
}

/** The answer to POST /v1/reports: all of it is durable. */
export type ReportAnswer = {
  /** How many of the reports changed what is known of the device. */
  readonly accepted: number
  readonly ignored: readonly { readonly sequence: number; readonly reason: 'NotNewer' | 'NotEnrolled' }[]
  /** Sorted, at most 100. */
  readonly unknownUpdates: readonly string[]
  readonly unknownUpdatesTotal: number
  /** The number of the last report that counted; the next one needs a higher one. */
  readonly lastSequence: number
  /** Attributes that the fleet has no room for. */
  readonly refusedAttributes: readonly string[]
}

export function registerDeviceRoutes(app: App, { controller }: ServeContext): void {
  registerEnrolment(app, controller)
  registerReports(app, controller)
}

function registerEnrolment(app: App, controller: Controller): void {
  const { state } = controller
  const inUse: KeysInUse = new Set()
  let enrolling = 0

  app.post('/v1/enrol', async (request, reply): Promise<EnrolAnswer> => {
    const { device, key, attributes } = parsed(EnrolRequest, request.body)
    if (!state.fleet.rowOf.has(device) && state.fleet.ids.length + enrolling >= MAX_DEVICES)
      throw new HttpProblem(507, 'FleetFull', `${MAX_DEVICES} devices have been enrolled; no more can be`)
    const take = () => takeKey(state, inUse, key, controller.clock.nowMs())
    const keyHash = await withCurrent(controller, take)
    const token = newDeviceToken(device)
    let refusedAttributes: readonly string[] = []
    let isSpent = false
    enrolling++
    try {
      await controller.submitWatched(
        [{ type: 'DeviceEnrolled', device, tokenHash: hashSecret(token), keyHash, attributes }],
        () => {
          isSpent = state.access.spent.has(keyHash)
          refusedAttributes = refusedKeys(state.fleet, attributes)
        },
      )
    } finally {
      enrolling--
      inUse.delete(keyHash)
    }
    if (isSpent) throw badKey()
    reply.code(201).header('cache-control', 'no-store')
    return { device, token, refusedAttributes }
  })
}

function registerReports(app: App, controller: Controller): void {
  const { state } = controller
  app.post(
    '/v1/reports',
    {
      // Before the body is read: who has no token sends nothing that is unpacked.
      onRequest: async (request) => {
        await withCurrent(controller, () => authenticateDevice(state, request.headers.authorization))
      },
    },
    async (request): Promise<ReportAnswer> => {
      const row = authenticateDevice(state, request.headers.authorization)
      const { reports } = parsed(ReportRequest, request.body)
      return takeReports(controller, row, reports)
    },
  )
}

/** Resolves when the reports of the device in this row are durable and folded. Rejects with a JournalError. */
export async function takeReports(
  controller: Controller,
  row: number,
  reports: readonly DeviceReport[],
): Promise<ReportAnswer> {
  const { state } = controller
  const device = state.fleet.ids[row] ?? ''
  const draft = newAnswer()
  await controller.submitWatched(
    reports.map((report): Input => ({ type: 'DeviceReported', device, report })),
    (_fact, i) => noteReport(state, row, reports[i], draft),
  )
  return answerOf(state, row, draft)
}

type Schema<T> = { safeParse(body: unknown): { success: true; data: T } | { success: false; error: ZodErrorLike } }
type ZodErrorLike = { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] }

/** The body as the schema has it. Throws 400 with the first fault and its place. */
export function parsed<T>(schema: Schema<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw invalidBody(result.error.issues)
}

/** Texts are gathered in sets that are made when there is one: of nearly every report there is none. */
type AnswerDraft = {
  accepted: number
  readonly ignored: ReportAnswer['ignored'][number][]
  unknown: Set<string> | undefined
  refused: Set<string> | undefined
}

function newAnswer(): AnswerDraft {
  return { accepted: 0, ignored: [], unknown: undefined, refused: undefined }
}

// Right before the fold takes the report in: what it is compared with here is what the fold compares it with.
function noteReport(state: State, row: number, report: DeviceReport | undefined, draft: AnswerDraft): void {
  if (report === undefined) return
  const { fleet, catalog } = state
  const { sequence, scan, messages = [], attributes } = report
  const note = (id: (typeof catalog.ids)[number]) => {
    if (!catalog.rowOf.has(id)) draft.unknown = (draft.unknown ?? new Set()).add(id)
  }
  if (scan !== undefined) for (const ids of [scan.required, scan.installed, scan.notRequired]) ids.forEach(note)
  for (const { update } of messages) note(update)
  if (!hasBit(fleet.present, row)) draft.ignored.push({ sequence, reason: 'NotEnrolled' })
  else if (sequence <= (fleet.sequence[row] ?? 0)) draft.ignored.push({ sequence, reason: 'NotNewer' })
  else {
    draft.accepted++
    if (attributes === undefined) return
    for (const key of refusedKeys(fleet, attributes)) draft.refused = (draft.refused ?? new Set()).add(key)
  }
}

function answerOf(state: State, row: number, draft: AnswerDraft): ReportAnswer {
  return {
    accepted: draft.accepted,
    ignored: draft.ignored,
    unknownUpdates: sorted(draft.unknown).slice(0, MAX_UNKNOWN_LISTED),
    unknownUpdatesTotal: draft.unknown?.size ?? 0,
    lastSequence: state.fleet.sequence[row] ?? 0,
    refusedAttributes: sorted(draft.refused),
  }
}

function sorted(texts: ReadonlySet<string> | undefined): string[] {
  return texts === undefined ? [] : [...texts].sort()
}
