// What `validate` and a real API server say to one object.
import { API_VERSION, KINDS, type Kind } from '../../controller/model/kinds.ts'
import { crossChecks } from '../../controller/sources/cross-checks.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'
import type { ApiClient } from './api-client.ts'

/** What is wrong, in words; empty when nothing is. */
export type Verdict = readonly string[]

/** Findings about what other objects there are; an API server looks at one object. */
const OF_SEVERAL_OBJECTS = ['RM1302', 'RM1303', 'RM1304', 'RM1305']

export type Written = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: object
  readonly spec: unknown
}

export function objectOf(kind: Kind, name: string, spec: unknown): Written {
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec }
}

export function validateVerdict(object: Written): Verdict {
  const { problems, objects } = parseManifests('corpus.json', JSON.stringify(object), { source: 's', revision: 'r' })
  const findings = crossChecks(objects).filter(({ code, message, path }) => {
    const ofTemplate = code === 'RM1306' && path.at(-1) === 'template'
    return !OF_SEVERAL_OBJECTS.includes(code) && !ofTemplate && message !== ''
  })
  return [...problems, ...findings].map(({ code, message }) => `${code} ${message}`)
}

/** Of a request that changes nothing, with unknown fields refused as kubectl has it. */
export async function apiServerVerdict(client: ApiClient, kind: Kind, object: Written): Promise<Verdict> {
  const path = `/apis/${API_VERSION}/${KINDS[kind].plural}?dryRun=All&fieldValidation=Strict`
  const { status, body } = await client.send('POST', path, object)
  if (status === 201) return []
  const { message } = JSON.parse(body)
  return [`${status} ${message}`]
}
