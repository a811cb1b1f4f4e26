// Checks that a replica must not fail for being a moment behind the others.
import type { Controller } from '../runtime/controller.ts'
import { HttpProblem } from './problem.ts'

/**
 * What `check` answers. What one replica has acknowledged, such as an enrolment, another may not have folded yet: before a
 * check's HttpProblem is passed on, everything that was acknowledged is folded, and it is asked again.
 */
export async function withCurrent<T>(controller: Controller, check: () => T): Promise<T> {
  try {
    return check()
  } catch (error) {
    if (controller.follower === undefined || !(error instanceof HttpProblem)) throw error
    await controller.current()
    return check()
  }
}
