// A service account with a list of rights, and what it made of them according to the audit log.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { RbacRule, RbacScope } from '../../controller/operator/rbac.ts'
import type { ControlPlane } from './control-plane.ts'

const NAMESPACE = 'ringmaster'
export const ACCOUNT = { namespace: NAMESPACE, name: 'ringmaster' } as const

/** Makes the account with these rights. Resolves with its kubeconfig. */
export async function grant(plane: ControlPlane, rules: readonly RbacRule[]): Promise<string> {
  await plane.tryKubectl(['create', 'namespace', NAMESPACE])
  await plane.tryKubectl(['create', 'serviceaccount', ACCOUNT.name, '-n', NAMESPACE])
  const roles = (['cluster', 'namespace', 'default'] as const).flatMap((scope) => roleAndBinding(scope, rules))
  await plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: roles }) })
  return plane.kubeconfigOf(ACCOUNT)
}

function roleAndBinding(scope: RbacScope, rules: readonly RbacRule[]): object[] {
  const isCluster = scope === 'cluster'
  const namespace = isCluster ? {} : { namespace: scope === 'namespace' ? NAMESPACE : 'default' }
  const metadata = { name: 'ringmaster', ...namespace }
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const role = {
    apiVersion,
    kind: isCluster ? 'ClusterRole' : 'Role',
    metadata,
    rules: rules
      .filter((rule) => rule.scope === scope)
      .map(({ group, resources, verbs, names }) => ({
        apiGroups: [group],
        resources,
        verbs,
        ...(names !== undefined && { resourceNames: names }),
      })),
  }
  const binding = {
    apiVersion,
    kind: `${role.kind}Binding`,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role.kind, name: 'ringmaster' },
    subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
  }
  return [role, binding]
}

/** Each right as one text, such as `patch ringmaster.dev/rollouts/status`. */
export function rightsIn(rules: readonly RbacRule[]): string[] {
  const all = rules.flatMap(({ group, resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
  )
  return [...new Set(all)].sort()
}

const AuditEntry = z.object({
  verb: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({ apiGroup: z.string().default(''), resource: z.string().default(''), subresource: z.string().optional() })
    .optional(),
  responseStatus: z.object({ code: z.int().optional() }).optional(),
})

export type Audited = { readonly used: readonly string[]; readonly denied: readonly string[] }

/** What the account asked for so far, as `rightsIn` writes it. */
export function audited(plane: ControlPlane): Audited {
  const used = new Set<string>()
  const denied = new Set<string>()
  for (const line of readFileSync(plane.apiServer.auditLog, 'utf8').split('\n')) {
    if (!line.includes(`system:serviceaccount:${NAMESPACE}:${ACCOUNT.name}`)) continue
    const { verb, objectRef, responseStatus } = AuditEntry.parse(JSON.parse(line))
    if (objectRef === undefined) continue
    const { apiGroup, resource, subresource } = objectRef
    const right = `${verb} ${apiGroup}/${resource}${subresource === undefined ? '' : `/${subresource}`}`
    if (responseStatus?.code === 403) denied.add(right)
    else used.add(right)
    // Server-side apply that makes an object is a patch, and asks for the right to create as well.
    if (verb === 'patch' && responseStatus?.code === 201) used.add(`create ${apiGroup}/${resource}`)
  }
  return { used: [...used].sort(), denied: [...denied].sort() }
}
