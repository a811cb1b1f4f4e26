// What the settings of a project (project-file.ts) mean to those who check it.
import { type Code, severityOf } from './codes.ts'
import type { Severity } from './error-page.ts'
import type { Project } from './project-file.ts'

export const PROJECT_FILE = 'ringmaster.yaml'

/** The severity of a code in a project; undefined when it is switched off. */
export function severityIn(project: Project | undefined, code: Code): Severity | undefined {
  const level = project?.spec.severities?.[code] ?? severityOf(code)
  return level === 'Off' ? undefined : level
}
