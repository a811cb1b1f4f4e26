// What is applied to the API server for an object that Ringmaster writes itself.
import type { KubeObject } from '../kube/kube-object.ts'
import { API_VERSION } from '../model/kinds.ts'
import type { ObjectView } from '../project/views.ts'
import type { MadeObject } from './made-objects.ts'
import { APPLIED_ANNOTATION, OWNED_BY_LABEL } from './names.ts'
import { digestOf, plainJson } from './same-content.ts'

/** The fields that are ours; others may be on the object besides, and stay. */
export function madeBody(made: MadeObject, view: ObjectView, owner: KubeObject | undefined): object {
  const content = {
    apiVersion: API_VERSION,
    kind: made.kind,
    metadata: {
      name: made.name,
      labels: { [OWNED_BY_LABEL]: made.ownedBy },
      annotations: { ...view.metadata.annotations },
      ...(made.owner !== undefined && owner !== undefined && { ownerReferences: [ownerReference(made.owner, owner)] }),
    },
    spec: plainJson(view.spec),
  }
  const annotations = { ...content.metadata.annotations, [APPLIED_ANNOTATION]: digestOf(content) }
  return { ...content, metadata: { ...content.metadata, annotations } }
}

function ownerReference({ kind, name }: NonNullable<MadeObject['owner']>, { meta }: KubeObject): object {
  // To block the owner's deletion takes rights on its finalizers, and is not needed: what is made again is nothing that is lost.
  return { apiVersion: API_VERSION, kind, name, uid: meta.uid, controller: true, blockOwnerDeletion: false }
}
