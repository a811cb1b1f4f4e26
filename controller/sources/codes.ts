// Every error that a declaration can have. docs/errors/ has one page for each, generated from here.

export type ErrorPage = {
  readonly title: string
  /** What is wrong, why it matters and what to do. */
  readonly meaning: string
  /** YAML that has the error. */
  readonly wrong: string
  /** The same, mended. */
  readonly right: string
}

const object = (rest: string) => `apiVersion: ringmaster.dev/v1alpha1\n${rest}`

/** 10xx: the file; 11xx: the object; 12xx: a field; 13xx: objects together. A code never changes its meaning. */
export const CODES = {
  RM1001: {
    title: 'FileTooLarge',
    meaning:
      'A file of declarations may have 1 MiB, and all files of a source together 64 MiB. Split it into several files.',
    wrong: '# one file of 10 MB',
    right: '# ten files of at most 1 MiB each',
  },
  RM1002: {
    title: 'NotText',
    meaning:
      'The file holds a NUL or another control character, so it is no YAML text. Often an archive or an image has the wrong name, or the text was saved as UTF-16. Save it as UTF-8.',
    wrong: '# a picture named window.yaml',
    right: '# UTF-8 text',
  },
  RM1003: {
    title: 'NotUtf8',
    meaning: 'The file has bytes that are no UTF-8, for example from an older Windows code page. Save it as UTF-8.',
    wrong: '# "Büro" saved as Windows-1252',
    right: '# "Büro" saved as UTF-8',
  },
  RM1004: {
    title: 'YamlSyntax',
    meaning:
      'The text is no YAML 1.2. The position is where the parser noticed it; the cause is there or on the line above. Objects of this document are not looked at further until this is mended.',
    wrong: 'metadata:\n  name: servers\n   labels: {}',
    right: 'metadata:\n  name: servers\n  labels: {}',
  },
  RM1005: {
    title: 'TooDeep',
    meaning: 'Values are nested more than 64 levels deep. No object of Ringmaster needs more than a dozen.',
    wrong:
      'spec: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]',
    right: 'spec: []',
  },
  RM1006: {
    title: 'TooManyDocuments',
    meaning: 'One file may hold 10,000 documents (parted by `---`). Split it into several files.',
    wrong: '--- # 10,001 times',
    right: '--- # at most 10,000 times',
  },
  RM1007: {
    title: 'TooManyAliases',
    meaning:
      'A file may use 100 aliases (`*name`), and what they stand for may be 100,000 values when written out. More is the mark of a text made to fill the memory.',
    wrong: 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b] # and so on',
    right: 'c: [x, x]',
  },
  RM1008: {
    title: 'TagNotAllowed',
    meaning: 'Tags (`!name`) have no meaning here. To force text, use quotes.',
    wrong: 'description: !secret text',
    right: 'description: text',
  },
  RM1009: {
    title: 'DuplicateKey',
    meaning: 'A key stands twice in one mapping; YAML does not say which one counts. Remove one of them.',
    wrong: 'spec:\n  duration: PT4H\n  duration: PT5H',
    right: 'spec:\n  duration: PT4H',
  },
  RM1010: {
    title: 'MergeKey',
    meaning:
      'Merge keys (`<<`) are no part of YAML 1.2. Write the fields out, or share settings with a DeploymentTemplate.',
    wrong: 'deployment:\n  <<: *defaults',
    right: 'deployment:\n  deadlineAfter: P7D',
  },
  RM1011: {
    title: 'KeyNotText',
    meaning:
      'A key is a number, a boolean, null, a list or a mapping, or is reserved. Keys are text: put it in quotes.',
    wrong: 'labels:\n  1: one',
    right: 'labels:\n  "1": one',
  },
  RM1012: {
    title: 'NotFinite',
    meaning: 'The number is infinite, no number, or too large to be held exactly.',
    wrong: 'failureCount: 1e999',
    right: 'failureCount: 100',
  },
  RM1013: {
    title: 'UnknownAlias',
    meaning: 'The alias names no anchor above it in the same document, or lies inside of its own anchor.',
    wrong: 'exclude: *names',
    right: 'include: &names [servers]\nexclude: *names',
  },
  RM1014: {
    title: 'CannotRead',
    meaning: 'The file or folder cannot be read: it does not exist (any more), or permissions forbid it.',
    wrong: '# a file without read permission',
    right: '# chmod a+r FILE',
  },
  RM1015: {
    title: 'TooManyFiles',
    meaning: 'A source may hold 10,000 YAML files, in folders nested at most 32 deep. What is beyond was not read.',
    wrong: '# 10,001 files',
    right: '# several objects in one file, parted by ---',
  },
  RM1016: {
    title: 'TooManyObjects',
    meaning: 'A source may declare 20,000 objects.',
    wrong: '# 20,001 objects',
    right: '# fewer collections, with queries in place of one for each device',
  },
  RM1017: {
    title: 'OutsideSource',
    meaning: 'A symbolic link leads out of the source folder, or nowhere. Links are followed only within it.',
    wrong: '# extra.yaml -> /etc/extra.yaml',
    right: '# a copy of the file inside the folder',
  },
  RM1018: {
    title: 'NothingDeclared',
    meaning: 'The file or directory was named expressly, and holds no object of Ringmaster, or no YAML file.',
    wrong: '# an empty file',
    right: object('kind: Collection\n…'),
  },
  RM1019: {
    title: 'TooManyProblems',
    meaning: 'There are more problems than are listed (200 for one file). Mend the listed ones first.',
    wrong: '# …',
    right: '# …',
  },
  RM1020: {
    title: 'DirectoryEmptied',
    meaning:
      'The directory of a running controller has no YAML file any more, although objects of it are in force. Nothing is removed: a volume that is not mounted must not withdraw every approval. To remove everything, leave one file with a comment in it.',
    wrong: '# no file at all',
    right: '# nothing is declared here any more',
  },
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
    meaning: 'The collection `all` is built in: every enrolled device. Choose another name.',
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
  RM1301: {
    title: 'DuplicateObject',
    meaning: 'Two objects of a source have the same kind and name. Rename or remove one of them.',
    wrong: object(
      'kind: Freeze\nmetadata: {name: year-end}\n---\n# and again\nkind: Freeze\nmetadata: {name: year-end}',
    ),
    right: object('kind: Freeze\nmetadata: {name: year-end}'),
  },
  RM1302: {
    title: 'UnknownCollection',
    meaning: 'A collection is referred to that is not declared. `all` is built in.',
    wrong: 'collections: [serves]',
    right: 'collections: [servers]',
  },
  RM1303: {
    title: 'UnknownTemplate',
    meaning: 'A template is referred to that is not declared. `patch-tuesday` and `definitions` are built in.',
    wrong: 'template: patch-tuseday',
    right: 'template: patch-tuesday',
  },
  RM1304: {
    title: 'UnknownGroup',
    meaning:
      'A rollout refers to a SoftwareUpdateGroup that is not declared. Groups made by rules cannot be rolled out a second time by hand.',
    wrong: 'kind: Rollout\nspec: {group: october}',
    right: 'kind: SoftwareUpdateGroup\nmetadata: {name: october}',
  },
  RM1305: {
    title: 'CollectionCycle',
    meaning:
      'Collections refer to each other in a circle (limitedTo, include, exclude), so that none can be worked out. Cut it at one place.',
    wrong: '# a includes b, b is limited to a',
    right: '# a includes b, b is limited to all',
  },
  RM1306: {
    title: 'NoPhases',
    meaning: 'Neither the rule (or rollout) nor its template names a phase, so its updates would go nowhere.',
    wrong: object('kind: AutomaticDeploymentRule\nspec: {template: patch-tuesday}'),
    right: object(
      'kind: AutomaticDeploymentRule\nspec:\n  template: patch-tuesday\n  phases: [{name: pilot, collection: pilot}]',
    ),
  },
  RM1307: {
    title: 'NoCriteria',
    meaning:
      'The rule names no criterion, so it would select the whole catalog (Configuration Manager: 0x87D20416). `superseded` alone is no criterion.',
    wrong: 'criteria: {}',
    right: 'criteria: {classifications: [Security Updates]}',
  },
  RM1308: {
    title: 'DuplicatePhase',
    meaning: 'Two phases of one plan have the same name. Approvals and reports name phases, so each needs its own.',
    wrong: 'phases:\n- {name: pilot, collection: a}\n- {name: pilot, collection: b}',
    right: 'phases:\n- {name: pilot, collection: a}\n- {name: broad, collection: b}',
  },
} as const satisfies Record<string, ErrorPage>

export type Code = keyof typeof CODES
