// Everything that the controller asks of the API server, as RBAC rules: no more, no less. The chart grants just these; tests compare
// them with the chart, and with what a controller does ask for.
import { API_GROUP, KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'

/** `namespace`: of the release; `default`: there, because events of objects without a namespace are kept there. */
export type RbacScope = 'cluster' | 'namespace' | 'default'

export type RbacRule = {
  readonly scope: RbacScope
  readonly group: string
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** For `get` and `update` only these; `create` cannot be bound to names. */
  readonly names?: readonly string[]
  /** What it is for. */
  readonly why: string
}

const OWNED: readonly Kind[] = ['SoftwareUpdateGroup', 'Rollout', 'UpdateDeployment']
const plurals = (kinds: readonly Kind[]) => kinds.map((kind) => KINDS[kind].plural)

export const RBAC_RULES: readonly RbacRule[] = [
  {
    scope: 'cluster',
    group: API_GROUP,
    resources: plurals(KIND_NAMES),
    verbs: ['list', 'watch'],
    why: 'What is declared, and what of what was written is still so.',
  },
  {
    scope: 'cluster',
    group: API_GROUP,
    resources: KIND_NAMES.map((kind) => `${KINDS[kind].plural}/status`),
    verbs: ['patch'],
    why: 'How it is doing.',
  },
  {
    scope: 'cluster',
    group: API_GROUP,
    resources: plurals(OWNED),
    verbs: ['create', 'patch', 'delete'],
    why: 'What rules and rollouts make, and the finalizer of declared rollouts.',
  },
  {
    scope: 'cluster',
    group: API_GROUP,
    resources: ['automaticdeploymentrules'],
    verbs: ['patch'],
    why: 'The finalizer by which a rule unapproves before it goes.',
  },
  { scope: 'namespace', group: 'coordination.k8s.io', resources: ['leases'], verbs: ['create'], why: 'Who leads.' },
  {
    scope: 'namespace',
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'update'],
    names: ['ringmaster'],
    why: 'Who leads.',
  },
  {
    scope: 'default',
    group: 'events.k8s.io',
    resources: ['events'],
    verbs: ['create', 'patch'],
    why: 'What was decided, for kubectl describe; `patch` counts what happens again.',
  },
]

/** With the admission webhook and a certificate that it makes itself. */
export const WEBHOOK_RBAC_RULES: readonly RbacRule[] = [
  { scope: 'namespace', group: '', resources: ['secrets'], verbs: ['create'], why: 'Its certificate.' },
  {
    scope: 'namespace',
    group: '',
    resources: ['secrets'],
    verbs: ['get', 'update'],
    names: ['ringmaster-webhook'],
    why: 'Its certificate, and its renewal.',
  },
  {
    scope: 'cluster',
    group: 'admissionregistration.k8s.io',
    resources: ['validatingwebhookconfigurations'],
    verbs: ['get', 'patch'],
    names: ['ringmaster-webhook'],
    why: 'By which authority the API server knows it.',
  },
]
