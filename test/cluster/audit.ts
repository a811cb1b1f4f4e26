// Who asked an API server for what: its audit log (the option `audit` of startControlPlane).
import { promises as fs } from 'node:fs'
import { z } from 'zod'
import type { ControlPlane } from './control-plane.ts'

const AuditEvent = z.object({
  user: z.object({ username: z.string() }),
  verb: z.string(),
  objectRef: z
    .object({
      apiGroup: z.string().default(''),
      resource: z.string().default(''),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.int() }).optional(),
})
export type AuditEvent = z.infer<typeof AuditEvent>

/** The requests of a user that have been answered, as authorization has them; a watch stands here when it ends, or begins. */
export async function requestsOf(plane: ControlPlane, username: string): Promise<AuditEvent[]> {
  const text = await fs.readFile(plane.apiServer.auditLog, 'utf8')
  return text
    .split('\n')
    .filter((line) => line.includes(username))
    .map((line) => AuditEvent.parse(JSON.parse(line)))
    .filter(({ user }) => user.username === username)
}

/** What was asked, in words: `patch rollouts.ringmaster.dev/status`. */
export function askedFor({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {}
  return `${verb} ${resource}${apiGroup === '' ? '' : `.${apiGroup}`}${subresource === undefined ? '' : `/${subresource}`}`
}
