// An object of the Kubernetes API to a declared one, by the same reader as for files.
import { isRecord, type KubeMeta, type KubeObject } from '../kube/kube-object.ts'
import type { Declared, Origin } from '../model/declared.ts'
import { API_VERSION, type Kind } from '../model/kinds.ts'
import { COMMIT_ANNOTATION } from '../project/views.ts'
import type { Code } from '../sources/codes.ts'
import { readObject } from '../sources/manifest-object.ts'
import { pathText } from '../sources/problems.ts'
import {
  ASKED_BY_ANNOTATION,
  FIELD_MANAGER,
  KUBERNETES_SOURCE,
  OWNED_BY_LABEL,
  RESUME_ANNOTATION,
  ROLLBACK_ANNOTATION,
  SUSPEND_ANNOTATION,
} from './names.ts'

/** One thing that keeps an object from coming into force. `path` as in `spec.phases[0].collection`; empty for the whole. */
export type Fault = { readonly code: Code; readonly path: string; readonly message: string }

export type DeclaredRead =
  | { readonly type: 'Declared'; readonly declared: Declared }
  | { readonly type: 'Faulty'; readonly faults: readonly Fault[] }

/** Written by a rule or a rollout, so that it shows what was decided and declares nothing. */
export function isOwned({ meta }: KubeObject): boolean {
  return meta.labels[OWNED_BY_LABEL] !== undefined
}

/** Never throws. The result depends on nothing but the object. */
export function readDeclared(kind: Kind, { meta, raw }: KubeObject): DeclaredRead {
  const { name, labels, annotations } = meta
  const metadata = { name, labels, annotations: lasting(annotations) }
  const spec = suspended(kind, annotations) && isRecord(raw.spec) ? { ...raw.spec, suspend: true } : raw.spec
  const read = readObject({ apiVersion: API_VERSION, kind, metadata, spec }, originOf(kind, meta, raw), () => undefined)
  if (read.type === 'Problems')
    return {
      type: 'Faulty',
      faults: read.problems.map(({ code, path, message }) => ({ code, path: pathText(path), message })),
    }
  const relative = relativePath(read.object)
  return relative === undefined ? { type: 'Declared', declared: read.object } : { type: 'Faulty', faults: [relative] }
}

/** The kinds that `ringmaster.dev/suspend` stands for `suspend: true` on. */
const SUSPENDABLE: readonly Kind[] = ['AutomaticDeploymentRule', 'Rollout', 'UpdateSource']

function suspended(kind: Kind, annotations: Readonly<Record<string, string>>): boolean {
  return SUSPENDABLE.includes(kind) && annotations[SUSPEND_ANNOTATION] === 'true'
}

// Asked for once, or a copy of the object: neither says what is declared, and a change of it is no edit.
const PASSING: readonly string[] = [SUSPEND_ANNOTATION, ROLLBACK_ANNOTATION, RESUME_ANNOTATION, ASKED_BY_ANNOTATION]

function lasting(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([key]) => !PASSING.includes(key) && !key.startsWith('kubectl.kubernetes.io/')),
  )
}

// There is no file that it could be relative to.
function relativePath(object: Declared): Fault | undefined {
  if (object.kind !== 'UpdateSource' || object.spec.path === undefined || object.spec.path.startsWith('/'))
    return undefined
  const message = `"${object.spec.path.slice(0, 80)}" is relative, and an object in a cluster has no folder: write the path from / on in the controller's container, or use url`
  return { code: 'RM1701', path: 'spec.path', message }
}

function originOf(kind: Kind, meta: KubeMeta, raw: KubeObject['raw']): Origin {
  const author = managerOf(raw)
  const commit = meta.annotations[COMMIT_ANNOTATION]
  return {
    source: KUBERNETES_SOURCE,
    revision: revisionOf(meta),
    file: `${kind}/${meta.name}`,
    line: 1,
    ...(commit !== undefined && { commit }),
    ...(author !== undefined && { author }),
  }
}

/** Which version of which object: a generation counts the versions of its spec, and a name may be taken again. */
export function revisionOf({ uid, generation }: Pick<KubeMeta, 'uid' | 'generation'>): string {
  return `kubernetes@${uid.slice(0, 8)}.${generation}`
}

/** The field manager that last wrote the spec, such as `kustomize-controller`: who that was, the API server does not keep. */
function managerOf(raw: KubeObject['raw']): string | undefined {
  const metadata = isRecord(raw.metadata) ? raw.metadata : {}
  const entries = Array.isArray(metadata.managedFields) ? metadata.managedFields.filter(isRecord) : []
  const writers = entries.flatMap((entry) => {
    const { manager, time, subresource, fieldsV1 } = entry
    const wrote = isRecord(fieldsV1) && 'f:spec' in fieldsV1
    if (typeof manager !== 'string' || manager === FIELD_MANAGER || !wrote || subresource !== undefined) return []
    return [{ manager, time: typeof time === 'string' ? time : '' }]
  })
  return writers.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))[0]?.manager
}
