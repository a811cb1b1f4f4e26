// What keeps a policy test from being played: RM16xx.
import type { ErrorPage } from './error-page.ts'

export const POLICY_TEST_CODES = {
  RM1601: {
    title: 'TestTooLarge',
    meaning: 'A policy test may have 10,000 devices, and last 3660 days from its start to its last step.',
    wrong: 'devices: [{prefix: pc-, count: 10000}, {id: one-more}]',
    right: 'devices: [{prefix: pc-, count: 20}]',
  },
  RM1602: {
    title: 'StepOrder',
    meaning:
      'The steps of a policy test go forward in time. A step that does something has an instant of its own: what two steps do at the same instant would happen together.',
    wrong: 'start: 2026-01-13T18:00:00Z\nsteps:\n- at: 2026-01-13T17:00:00Z',
    right: 'start: 2026-01-13T17:00:00Z\nsteps:\n- at: 2026-01-13T18:00:00Z\n- after: PT1H',
  },
  RM1603: {
    title: 'TestUpdate',
    meaning: 'Two updates of a policy test have the same id.',
    wrong: 'updates: [{id: KB1}, {id: KB1}]',
    right: 'updates: [{id: KB1}, {id: KB2}]',
  },
  RM1604: {
    title: 'TestDevice',
    meaning: 'A policy test names a device that it does not have, or has two of the same name.',
    wrong: 'devices: [{id: pc-1}]\nsteps:\n- do: [{leave: [pc-2]}]',
    right: 'devices: [{id: pc-1}, {id: pc-2}]\nsteps:\n- do: [{leave: [pc-2]}]',
  },
  RM1605: {
    title: 'TestDeclarations',
    meaning:
      'The declarations that a policy test is about are not valid, or would not be after one of its steps. `ringmaster validate` lists what is wrong with them; a controller would not take them either.',
    wrong: 'declarations: [../rules]\n# where a rule names a collection that is not declared',
    right: 'declarations: [../rules, ../collections.yaml]',
  },
  RM1606: {
    title: 'TestCatalog',
    meaning:
      'Where the updates of a policy test come from is not clear, or its feed file cannot be read. Each update comes from one declared UpdateSource, whose supersedence and declines apply to it.',
    wrong: 'catalog:\n  updates: [{id: KB1}]\n# where two UpdateSources are declared',
    right: 'catalog:\n  source: microsoft\n  updates: [{id: KB1}]',
  },
  RM1607: {
    title: 'NoTests',
    meaning:
      'No policy test was found, or none that the filter lets through. Tests stand in files named *.test.yaml; a file that is named itself may have any name.',
    wrong: '# rules-test.yaml',
    right: '# rules.test.yaml',
  },
} as const satisfies Record<string, ErrorPage>
