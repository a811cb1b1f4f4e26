// Findings as a Code Quality report of GitLab, which shows what a merge request adds and what it mends.
import type { Remark } from '../sources/check-set.ts'
import { fingerprints } from './report-fingerprints.ts'
import type { Report } from './validate-report.ts'

const SEVERITIES = { Error: 'critical', Warning: 'minor', Note: 'info' } as const

export function gitlabReport({ remarks }: Report): string {
  const fingerprintOf = fingerprints()
  const issues = remarks.map((remark: Remark) => ({
    description: `${remark.path === '' ? '' : `${remark.path}: `}${remark.message}`,
    check_name: remark.code,
    fingerprint: fingerprintOf(remark),
    severity: SEVERITIES[remark.severity],
    location: { path: remark.file.replace(/^\.\//, ''), lines: { begin: remark.line } },
  }))
  return `${JSON.stringify(issues, null, 2)}\n`
}
