// A folder with declarations and policy tests, for the tests of policy tests.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import type { TestReport, TestResult } from '../../controller/policy-test/results.ts'
import { runTests } from '../../controller/policy-test/run-tests.ts'

export const OBJECT = 'apiVersion: ringmaster.dev/v1alpha1\n'

/** Two phases, a window in the evening, a collection without kiosks. */
export const RULES = `${OBJECT}kind: AutomaticDeploymentRule
metadata: {name: monthly}
spec:
  template: patch-tuesday
  criteria: {products: [Windows *], released: {within: P14D}}
  deployment: {deadlineAfter: PT12H, spread: PT0S}
  phases:
    - {name: pilot, collection: pilots, failurePercent: 30, promotion: Manual}
    - {name: broad, collection: managed}
---
${OBJECT}kind: Collection
metadata: {name: pilots}
spec: {queries: [{matchLabels: {ring: pilot}}]}
---
${OBJECT}kind: Collection
metadata: {name: managed}
spec: {include: [all], exclude: [kiosks]}
---
${OBJECT}kind: Collection
metadata: {name: kiosks}
spec: {queries: [{matchLabels: {role: kiosk}}]}
---
${OBJECT}kind: MaintenanceWindow
metadata: {name: evenings}
spec:
  collections: [managed]
  schedule: {rrule: FREQ=DAILY, at: "19:00", timeZone: DeviceLocal}
  duration: PT4H
`

/** A PolicyTest with the catalog and devices of all these tests; `steps` are YAML at the left margin. */
export function policyTest(steps: string, more = ''): string {
  const indented = steps.replaceAll(/^(?=.)/gm, '        ')
  return `${OBJECT}kind: PolicyTest
metadata: {name: monthly}
spec:
  timeZone: Europe/Berlin
  catalog:
    updates:
      - {id: KB1, products: [Windows 11]}
      - {id: KB2, products: [Word]}
      - {id: KB3, products: [Windows 11], released: 2025-11-01T00:00:00Z}
  devices:
    - {prefix: pilot-, count: 2, attributes: {ring: pilot, timeZone: Europe/Berlin}}
    - {prefix: pc-, count: 3, attributes: {timeZone: Asia/Tokyo}}
    - {id: kiosk-1, attributes: {role: kiosk}}
  tests:
    - name: it goes well
      start: 2026-01-13T17:00:00Z
${more}      steps:
${indented}`
}

/** Writes files below a directory of the test, and returns its path. */
export function site(t: Test, files: Readonly<Record<string, string>>): string {
  const root = t.testdir({})
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

/** Plays one test over RULES. */
export async function play(t: Test, steps: string, more = ''): Promise<TestResult> {
  const report = await reportOf(t, policyTest(steps, more))
  const [test] = report.tests
  if (test === undefined) throw new Error(JSON.stringify(report.problems))
  return test
}

export async function reportOf(t: Test, text: string, rules = RULES): Promise<TestReport> {
  const root = site(t, { 'rules.yaml': rules, 'a.test.yaml': text })
  return runTests([join(root, 'a.test.yaml')])
}

export async function call(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const exit = await main(args, {
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
  })
  return { exit, out, err }
}
