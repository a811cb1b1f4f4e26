// What the settings of a project (project-file.ts) mean to those who check it.
import { ADVICE_CODES, type AdviceCode } from './codes-advice.ts'
import type { Severity } from './error-page.ts'
import type { Project } from './project-file.ts'

export const PROJECT_FILE = 'ringmaster.yaml'

/** The severity of advice in a project; undefined when it is switched off. */
export function severityIn(project: Project | undefined, code: AdviceCode): Severity | undefined {
  const level = project?.spec.severities?.[code] ?? ADVICE_CODES[code].severity
  return level === 'Off' ? undefined : level
}
