// The declaration sources of a controller: Git repositories and a directory, read by the replica that leads.
import { KUBERNETES_SOURCE } from '../operator/names.ts'
import type { Operator } from '../operator/operator.ts'
import type { Controller } from '../runtime/controller.ts'
import { directorySource } from '../runtime/directory-declarations.ts'
import { GitSources, type GitSourcesOptions, type GitWebhooks } from '../runtime/git-declarations.ts'
import { Intake } from '../runtime/intake.ts'
import type { Log } from '../runtime/log.ts'
import type { Running } from '../runtime/while-leading.ts'

export type RunningSources = Running & { readonly git: GitSources; readonly intake: Intake }

/**
 * Git sources take their seats first: what they declared before a restart is theirs. The cluster has a seat too, so that no
 * other source takes over what it declares, and what others let go of is looked at there. Rejects with nothing left running.
 */
export async function startSources(
  controller: Controller,
  log: Log,
  options: GitSourcesOptions,
  path: string | undefined,
  operator: Operator | undefined,
): Promise<RunningSources> {
  const intake = new Intake(controller, log)
  if (operator !== undefined) intake.seat(KUBERNETES_SOURCE, operator.lookAgain)
  const git = new GitSources(intake, options)
  const running: Running[] = [git]
  const close = async () => {
    for (const source of running.splice(0).reverse()) await source.close()
  }
  try {
    git.start()
    if (path !== undefined) running.push(await directorySource(path).start(intake))
    return { git, intake, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Of several replicas, only the one that reads the sources has any. */
export function webhooksOf(git: () => GitSources | undefined): GitWebhooks {
  return { secretOf: async (name) => git()?.secretOf(name), wake: (name) => git()?.wake(name) }
}
