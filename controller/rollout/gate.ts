// Thresholds against figures, in exact integers (semantics.md §6).
import type { GateFigures } from '../model/facts.ts'
import { plural } from '../model/plural.ts'
import type { Threshold } from '../model/resolved-plan.ts'

/** Compliant devices reach the threshold: over all targets, those that said nothing included. Never true of a phase without devices. */
export function isMet(success: Threshold, figures: GateFigures): boolean {
  if (figures.targets === 0) return false
  return success.type === 'Percent'
    ? figures.compliant * 100 >= success.value * figures.targets
    : figures.compliant >= success.value
}

/** The first failure threshold that is strictly exceeded. */
export function exceeded(failure: readonly Threshold[], figures: GateFigures): Threshold | undefined {
  return failure.find((threshold) =>
    threshold.type === 'Percent'
      ? figures.failed * 100 > threshold.value * figures.targets
      : figures.failed > threshold.value,
  )
}

/** How many devices have to be compliant. */
export function devicesNeeded(success: Threshold, targets: number): number {
  return success.type === 'Percent' ? Math.ceil((success.value * targets) / 100) : success.value
}

export function describeFigures({ targets, compliant, failed, unknown }: GateFigures): string {
  return `of ${plural(targets, 'device')} ${compliant} compliant, ${failed} failed, ${unknown} not heard from about it`
}
