// What makes objects that are right each for itself unusable together: RM13xx.
import { type ErrorPage, object } from './error-page.ts'

export const TOGETHER_CODES = {
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
