// What is worth saying of objects that are sound and could come into force: warnings and notes (RM15xx). They stop nothing.
import type { Declared } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import { checkEmpty, checkUnused } from './checks/collections.ts'
import { membershipOf } from './checks/membership.ts'
import { checkPhases, checkReplaced } from './checks/phases.ts'
import { checkApprovals, checkOverlaps } from './checks/rules.ts'
import { siteOf } from './checks/site.ts'
import { checkDeadlines, checkOver, checkWindowLengths } from './checks/times.ts'
import { type Finding, MAX_FINDINGS } from './cross-checks.ts'

/**
 * Findings about the objects of a whole source, for the instant `at`; at most MAX_FINDINGS. For objects without errors:
 * what is doubtful about others need not be true. The order of the objects makes no difference.
 */
export function advise(objects: readonly Declared[], at: EpochMs): Finding[] {
  const site = siteOf(objects, at)
  const membership = membershipOf(site)
  const findings: Finding[] = []
  const checks = [
    checkEmpty(site, membership),
    checkPhases(site, membership),
    checkWindowLengths(site),
    checkOverlaps(site, membership),
    checkDeadlines(site, membership),
    checkReplaced(site),
    checkApprovals(site),
    checkOver(site),
    checkUnused(site),
  ]
  for (const check of checks)
    for (const finding of check) {
      if (findings.length === MAX_FINDINGS) return findings
      findings.push(finding)
    }
  return findings
}
