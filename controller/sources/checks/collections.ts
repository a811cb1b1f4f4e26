// Collections that no device can be in, and collections and templates that nobody uses (semantics.md §2).
import type { Finding } from '../cross-checks.ts'
import { references } from '../references.ts'
import type { Membership } from './membership.ts'
import type { Site } from './site.ts'

/** RM1502. */
export function* checkEmpty(site: Site, membership: Membership): Iterable<Finding> {
  for (const object of site.objects) {
    if (object.kind !== 'Collection' || !membership.isEmpty(object.name)) continue
    const { limitedTo, queries = [], devices = [], include = [], exclude = [] } = object.spec
    let why = 'the conditions of its queries rule each other out'
    let field = queries.length > 0 ? 'queries' : 'include'
    if (limitedTo !== undefined && membership.isEmpty(limitedTo)) {
      why = `its limiting collection ${limitedTo} can have none`
      field = 'limitedTo'
    } else if (devices.length > 0 || (exclude.length > 0 && queries.length === 0)) {
      why = 'everything that it takes in is excluded again'
      field = 'exclude'
    } else if (queries.length === 0) why = `what it includes (${include.slice(0, 5).join(', ')}) can have none`
    else if (limitedTo !== undefined) why = `its queries, inside of ${limitedTo}, rule each other out`
    yield { object, path: ['spec', field], code: 'RM1502', message: `no device can ever be in it: ${why}` }
  }
}

/** RM1512, RM1513. */
export function* checkUnused(site: Site): Iterable<Finding> {
  const used = {
    Collection: new Set<string>(),
    DeploymentTemplate: new Set<string>(),
    SoftwareUpdateGroup: new Set<string>(),
  }
  for (const object of site.objects)
    for (const { kind, name } of references(object)) {
      // A collection that refers to itself is in a circle, and no use.
      if (object.kind !== kind || object.name !== name) used[kind].add(name)
    }
  for (const object of site.objects) {
    if (object.kind === 'DeploymentTemplate' && !used.DeploymentTemplate.has(object.name)) {
      const message = `no rule and no rollout uses the template ${object.name}: refer to it with template: ${object.name}, or remove it`
      yield { object, path: ['metadata', 'name'], code: 'RM1512', message }
    }
    if (object.kind === 'Collection' && !used.Collection.has(object.name)) {
      const message = `nothing refers to the collection ${object.name}: use it in a phase, window, freeze or hold, or remove it`
      yield { object, path: ['metadata', 'name'], code: 'RM1513', message }
    }
  }
}
