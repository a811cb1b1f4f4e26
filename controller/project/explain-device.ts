// What an explanation says of the device itself, and of what the device last said of the update (semantics.md §8).
import { collectionsOf } from '../fleet/collections.ts'
import { complianceOf, enforcementOf } from '../fleet/compliance.ts'
import type { Enforcement } from '../fleet/enforcement-table.ts'
import { hasBit } from '../model/bit-plane.ts'
import { toRfc3339 } from '../model/instant.ts'
import { COMPLIANCE_STATES, ENFORCEMENT_STATES, isFailure } from '../model/report.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import { meaningOfCode } from './error-codes.ts'
import type { Case, Step } from './explanation.ts'

export function explainDevice({ state, row, device }: Case): Step[] {
  const { fleet } = state
  const last = toRfc3339(fleet.lastReport[row] ?? 0)
  const inside = collectionsOf(fleet, state.collections, row).join(', ')
  return hasBit(fleet.stale, row)
    ? [
        {
          step: 'Device',
          outcome: 'Info',
          reason: 'Silent',
          message: `${device} is silent since ${last} and counts as unknown; in ${inside}`,
        },
      ]
    : [
        {
          step: 'Device',
          outcome: 'Yes',
          reason: 'Reporting',
          message: `${device} last reported at ${last}; in ${inside}`,
        },
      ]
}

export function explainReported({ state, row, id }: Case): Step[] {
  const status = complianceOf(state.compliance, id, row)
  const said = enforcementOf(state.compliance, id, row)
  const steps: Step[] = [
    {
      step: 'Reported',
      outcome: 'Info',
      reason: STATUS_REASON[status],
      message:
        status === 0
          ? 'the device has not said whether it needs the update'
          : `the device says: ${COMPLIANCE_STATES[status]}`,
    },
  ]
  if (said !== undefined)
    steps.push({
      step: 'Reported',
      outcome: isFailure(said.state) ? 'No' : 'Info',
      reason: enforcementReason(said),
      message: `at ${toRfc3339(said.at)}: ${describeEnforcement(said)}`,
    })
  return steps
}

/** "failed with 0x80070643 (the installer failed …): the device's own words" */
export function describeEnforcement({ state, code, message }: Enforcement): string {
  const meaning = meaningOfCode(code)
  const error = code === '' ? '' : ` with ${code}${meaning === undefined ? '' : ` (${meaning})`}`
  return `${ENFORCEMENT_STATES[state]}${error}${message === '' ? '' : `: ${message}`}`
}

export function enforcementReason({ state }: Enforcement): StatusReason {
  if (isFailure(state)) return 'Failed'
  return state === 2 || state === 5 ? 'RestartPending' : 'InProgress'
}

const STATUS_REASON = { 0: 'NothingReported', 1: 'NotRequired', 2: 'Required', 3: 'Installed' } as const
