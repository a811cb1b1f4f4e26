// The policy as a simulated device works with it: instants as numbers, and only what it acts on. Read from the policy's
// JSON, or made from the world directly; both give the same, and the agent decides by this alone.
import type { EpochMs } from '../model/instant.ts'
import type { RestartBehaviour, UpdateId } from '../model/update.ts'
import type { Policy, PolicyInterval } from '../project/policy.ts'
import type { Interval } from '../schedule/intervals.ts'

export type AgentPolicy = {
  /** A policy that could not be renewed for so long starts nothing more. */
  readonly maxAgeMs: number
  /** In the order in which to start them. */
  readonly offers: readonly AgentOffer[]
  /** Updates that the device reports on: what gates wait for. */
  readonly watched: readonly Watched[]
}

export type AgentOffer = {
  readonly id: UpdateId
  readonly action: 'Install' | 'Uninstall'
  readonly available: EpochMs
  /** When it may be started, ascending. */
  readonly start: readonly Interval[]
  readonly restart: {
    readonly behaviour: RestartBehaviour
    readonly allowed: boolean
    readonly times: readonly Interval[]
  }
  readonly maxRunTimeMinutes: number
}

/** `from`: when what it says of the update begins to count; where that is not known, it is said again every day. */
export type Watched = { readonly id: UpdateId; readonly from: EpochMs | undefined }

/** The policy as it comes over HTTP. It names no instant for what the device only watches. */
export function agentPolicy(policy: Policy): AgentPolicy {
  const offers = policy.updates.map(
    (update): AgentOffer => ({
      id: update.id,
      action: update.action,
      available: Date.parse(update.available),
      start: update.start.map(readInterval),
      restart: { ...update.restart, times: update.restart.times.map(readInterval) },
      maxRunTimeMinutes: update.maxRunTimeMinutes,
    }),
  )
  return {
    maxAgeMs: policy.maxAgeSeconds * 1000,
    offers,
    watched: [
      ...offers.map(({ id, available }) => ({ id, from: available })),
      ...policy.monitor.map((id) => ({ id, from: undefined })),
    ],
  }
}

export const NO_POLICY: AgentPolicy = { maxAgeMs: 0, offers: [], watched: [] }

function readInterval({ from, until }: PolicyInterval): Interval {
  return { from: Date.parse(from), until: Date.parse(until) }
}
