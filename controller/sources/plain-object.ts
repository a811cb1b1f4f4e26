// One document's value to a declared object, when it plainly is one, without zod (docs/decisions/0096-plain-objects-without-zod.md).
import { readFileSync } from 'node:fs'
import type { Declared, Origin } from '../model/declared.ts'
import { API_VERSION, KIND_NAMES, type Kind } from '../model/kinds.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { COMMAND_LINE_GIT } from '../model/source-names.ts'
import type { SpecOf } from '../model/specs.ts'
import { type Form, type FormReader, readerOf } from './form-reader.ts'
import { isRecord } from './records.ts'

/** Of `metadata`, and of the spec of each kind that has one. */
export type Forms = { readonly metadata: Form; readonly specs: Readonly<Record<string, Form>> }

/** What readObject of manifest-object.ts gives for an object without any problem; undefined for it to look at. */
export function readPlainObject(value: unknown, origin: Origin): Declared | undefined {
  if (!isRecord(value) || value.apiVersion !== API_VERSION) return undefined
  for (const field in value) if (!FIELDS.has(field)) return undefined
  const kind = KIND_NAMES.find((name) => name === value.kind)
  const metadata = readMetadata(value.metadata)
  if (kind === undefined || metadata === undefined || RESERVED[kind] === metadata.name) return undefined
  return readAs(kind, value.spec, metadata, origin)
}

const FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
const RESERVED: { readonly [K in Kind]?: string } = { Collection: ALL_DEVICES, GitSource: COMMAND_LINE_GIT }

type Metadata = Pick<Declared, 'name' | 'labels' | 'annotations'>

function readMetadata(value: unknown): Metadata | undefined {
  const read = formReader('metadata', (forms) => forms.metadata)(value)
  if (!isMetadata(read)) return undefined
  const { name, labels = {}, annotations = {} } = read
  return { name, labels, annotations }
}

function readAs<K extends Kind>(kind: K, value: unknown, metadata: Metadata, origin: Origin): Declared<K> | undefined {
  const spec = formReader(kind, (forms) => forms.specs[kind])(value)
  return isSpec(kind, spec) ? { kind, ...metadata, spec, origin } : undefined
}

// What a form has read is what its schema gives: a property test holds the two equal.
function isSpec<K extends Kind>(_: K, read: unknown): read is SpecOf[K] {
  return read !== undefined
}

function isMetadata(read: unknown): read is Pick<Metadata, 'name'> & Partial<Metadata> {
  return read !== undefined
}

const readers = new Map<string, FormReader>()
let known: Forms | undefined

/** Made when the first object asks for it. */
function formReader(name: string, formOf: (forms: Forms) => Form | undefined): FormReader {
  const before = readers.get(name)
  if (before !== undefined) return before
  known ??= readForms()
  const form = formOf(known)
  const reader = form === undefined ? () => undefined : readerOf(form)
  readers.set(name, reader)
  return reader
}

/** Written by `ringmaster generate` (form-of.ts). */
function readForms(): Forms {
  return JSON.parse(readFileSync(new URL('plain-forms.json', import.meta.url), 'utf8'))
}
