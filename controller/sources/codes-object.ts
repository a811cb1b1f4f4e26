// What can be wrong with one object: RM11xx, and its fields: RM12xx.
import { type ErrorPage, object } from './error-page.ts'

export const OBJECT_CODES = {
  RM1101: {
    title: 'NotAnObject',
    meaning: 'A document is a list or a single value. Each document is one object; several are parted by `---`.',
    wrong: '- apiVersion: ringmaster.dev/v1alpha1\n  kind: Collection',
    right: object('kind: Collection'),
  },
  RM1102: {
    title: 'ApiVersion',
    meaning: '`apiVersion` is missing or not one that this version knows. Write `ringmaster.dev/v1alpha1`.',
    wrong: 'apiVersion: ringmaster.dev/v1\nkind: Freeze',
    right: object('kind: Freeze'),
  },
  RM1103: {
    title: 'Kind',
    meaning: '`kind` is missing or unknown. Kinds are written in full and with capitals.',
    wrong: object('kind: MaintainanceWindow'),
    right: object('kind: MaintenanceWindow'),
  },
  RM1104: {
    title: 'KindNotWritable',
    meaning: 'Objects of this kind are written by rollouts alone. Declare a Rollout or an AutomaticDeploymentRule.',
    wrong: object('kind: UpdateDeployment'),
    right: object('kind: Rollout'),
  },
  RM1105: {
    title: 'Name',
    meaning:
      '`metadata.name` is missing or no RFC 1123 label: 1 to 63 lower-case letters, digits and "-", with a letter or digit at both ends.',
    wrong: 'metadata:\n  name: Branch_Offices',
    right: 'metadata:\n  name: branch-offices',
  },
  RM1106: {
    title: 'ReservedName',
    meaning:
      'The collection `all` is built in: every enrolled device. The Git source `default` is the one of `ringmaster run --git`. Choose another name.',
    wrong: object('kind: Collection\nmetadata:\n  name: all'),
    right: object('kind: Collection\nmetadata:\n  name: all-servers'),
  },
  RM1201: {
    title: 'UnknownField',
    meaning: 'There is no such field here. A field that is spelt wrongly would silently do nothing, so it is an error.',
    wrong: 'phases:\n- name: pilot\n  collection: pilot\n  successPercentt: 90',
    right: 'phases:\n- name: pilot\n  collection: pilot\n  successPercent: 90',
  },
  RM1202: {
    title: 'MissingField',
    meaning: 'A field that has no default is missing.',
    wrong: 'spec:\n  duration: PT4H',
    right: 'spec:\n  schedule: {rrule: FREQ=DAILY, at: "22:00"}\n  duration: PT4H',
  },
  RM1203: {
    title: 'WrongType',
    meaning: 'The value is of another type: text where a number belongs, one value where a list belongs, and so on.',
    wrong: 'collections: servers\nsuspend: yes',
    right: 'collections: [servers]\nsuspend: true',
  },
  RM1204: {
    title: 'NotAChoice',
    meaning: 'The field allows only certain words, and this is none of them. Case counts.',
    wrong: 'onHalt: rollback',
    right: 'onHalt: Rollback',
  },
  RM1205: {
    title: 'OutOfRange',
    meaning: 'The number is too small or too large.',
    wrong: 'successPercent: 120',
    right: 'successPercent: 95',
  },
  RM1206: {
    title: 'WrongLength',
    meaning: 'The text or list has too few or too many characters or items.',
    wrong: 'collections: []',
    right: 'collections: [servers]',
  },
  RM1207: {
    title: 'WrongFormat',
    meaning:
      'The text has not the form that is asked for: a duration, a date, a time zone, a name, a URL, a recurrence rule.',
    wrong: 'soak: 1 day',
    right: 'soak: P1D',
  },
  RM1208: {
    title: 'Contradiction',
    meaning: 'Fields do not go together: one rules the other out, or one of several is needed.',
    wrong: 'successPercent: 90\nsuccessCount: 10',
    right: 'successPercent: 90',
  },
} as const satisfies Record<string, ErrorPage>
