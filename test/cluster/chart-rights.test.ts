// The chart and the operator agree on what the service account may do.
import { join } from 'node:path'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { RBAC_RULES, type RbacRule, type RbacScope, WEBHOOK_RBAC_RULES } from '../../controller/operator/rbac.ts'
import { clusterBinaries, skipWithoutCluster } from './binaries.ts'
import { run } from './command.ts'

const CHART = join(import.meta.dirname, '../../charts/ringmaster')
const skip = await skipWithoutCluster()

type Role = {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[]
}

test('the chart grants the rights of rbac.ts, no more and no less, with the webhook and without', {
  skip,
}, async (t) => {
  const found = await clusterBinaries()
  if (found.type === 'Missing') throw new Error(found.reason)
  const granted = async (set: string) => {
    const args = ['template', 'ringmaster', CHART, '--namespace', 'ringmaster', '--set', set]
    const { stdout } = await run(found.binaries.helm, args)
    const roles = parseAllDocuments(stdout)
      .map((document): Role | null => document.toJS())
      .filter((object) => object !== null && ['ClusterRole', 'Role'].includes(object.kind))
    return roles.flatMap((role) => (role === null ? [] : rightsOf(role))).toSorted()
  }
  t.strictSame(await granted('crds.install=false'), asked(RBAC_RULES))
  t.strictSame(await granted('webhook.create=true'), asked([...RBAC_RULES, ...WEBHOOK_RBAC_RULES]))
  t.strictSame(await granted('webhook.create=true,webhook.certificateSecretName=tls'), asked(RBAC_RULES))
})

function rightsOf({ metadata, kind, rules }: Role): string[] {
  const inNamespace: RbacScope = metadata.namespace === 'default' ? 'default' : 'namespace'
  const scope = kind === 'ClusterRole' ? 'cluster' : inNamespace
  return rules.flatMap(({ apiGroups: [group = ''], resources, verbs, resourceNames = [] }) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => `${scope} ${verb} ${group}/${resource} ${resourceNames.join()}`),
    ),
  )
}

function asked(rules: readonly RbacRule[]): string[] {
  return rules
    .flatMap(({ scope, group, resources, verbs, names = [] }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${scope} ${verb} ${group}/${resource} ${names.join()}`)),
    )
    .toSorted()
}
