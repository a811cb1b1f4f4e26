// A reader for the plain YAML that declarations are nearly always written in: block mappings and sequences, scalars and flow
// collections on one line, comments, several documents. It is several times as fast as a whole YAML parser because it gives
// up on everything else: whatever it reads, yaml-text.ts reads to the same values, and what it does not read goes there.
// Limits and errors are that reader's business too. docs/decisions/0023-two-readers.md.

/** `line`, from 1, of the document's first field. */
export type FastDocument = { readonly value: Readonly<Record<string, unknown>>; readonly line: number }

/**
 * The documents of a text, each a mapping; undefined when anything in it is not of the plain kind. `starts` receives the
 * offsets of the documents, and of what they consist of in the order of the text: of a field its key and its value.
 */
export function readFast(text: string, starts?: number[]): readonly FastDocument[] | undefined {
  if (UNUSUAL.test(text)) return undefined
  const documents: FastDocument[] = []
  const reader: Reader = { text, starts, at: 0, line: 0, start: 0, indent: END, nested: 0, failed: false }
  nextLine(reader)
  while (reader.indent !== END) {
    if (reader.indent === MARKER) {
      if (!isBareMarker(reader)) return undefined
      nextLine(reader)
      continue
    }
    if (documents.length === MAX_FAST_DOCUMENTS || reader.indent !== 0) return undefined
    const { line } = reader
    starts?.push(reader.at)
    const value = readMapping(reader, 0, {})
    if (reader.failed || reader.indent >= 0) return undefined
    documents.push({ value, line })
  }
  return documents.length === 0 ? undefined : documents
}

/** Tabs, carriage returns, control and invisible characters, and the rarer planes: their rules are the whole parser's. */
const UNUSUAL = /[^\n\x20-\x7e\u00a1-\u1fff\u2010-\u2027\u2030-\ud7ff]/
const MAX_FAST_DOCUMENTS = 1000
const MAX_NESTED = 32
const MAX_KEY = 256

/**
 * Stands at `at`: the first character of the content of a line that begins at `start` and is indented by `indent`, which is
 * MARKER between documents and END at the end of the text.
 */
type Reader = {
  readonly text: string
  readonly starts: number[] | undefined
  at: number
  line: number
  start: number
  indent: number
  nested: number
  failed: boolean
}

const END = -1
const MARKER = -2

const NEWLINE = 10
const SPACE = 32
const DOUBLE_QUOTE = 34
const HASH = 35
const QUOTE = 39
const COMMA = 44
const DASH = 45
const COLON = 58
const OPEN_LIST = 91
const BACKSLASH = 92
const CLOSE_LIST = 93
const OPEN_MAP = 123
const CLOSE_MAP = 125

/** To the content of the next line that has some; `at` stands at the end of the line before (or at the beginning). */
function nextLine(reader: Reader): void {
  const { text } = reader
  let at = reader.line === 0 ? 0 : reader.at + 1
  for (;;) {
    if (at >= text.length) {
      reader.at = text.length
      reader.indent = END
      return
    }
    reader.line++
    reader.start = at
    while (text.charCodeAt(at) === SPACE) at++
    const code = text.charCodeAt(at)
    if (code !== NEWLINE && code !== HASH && at < text.length) break
    if (code === HASH) at = endOfLine(text, at)
    at++
  }
  reader.at = at
  reader.indent = at === reader.start && text.startsWith('---', at) ? MARKER : at - reader.start
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/** Whether `---` stands alone on its line, or with a comment; steps to the end of the line. */
function isBareMarker(reader: Reader): boolean {
  const { text, at } = reader
  const end = endOfLine(text, at)
  if (!/^---(?: +#.*| *)$/.test(text.slice(at, end))) return false
  reader.at = end
  return true
}

function fail(reader: Reader): undefined {
  reader.failed = true
  return undefined
}

/** Fields from the current line on that stand in the column `indent`, into `target`. */
function readMapping(reader: Reader, indent: number, target: Record<string, unknown>): Record<string, unknown> {
  while (reader.indent === indent && !reader.failed) {
    reader.starts?.push(reader.at)
    const key = readKey(reader)
    if (key === undefined || Object.hasOwn(target, key)) {
      fail(reader)
      break
    }
    target[key] = readFieldValue(reader, indent)
  }
  // A line further in continues a scalar, or is wrong; one further out must fit a level above, which checks it.
  if (reader.indent > indent) fail(reader)
  return target
}

/** The key at hand and its colon; undefined when there is none, or none of the plain kind. */
function readKey(reader: Reader): string | undefined {
  const { text, at } = reader
  let end = at
  if (!KEY_START[text.charCodeAt(end)]) return undefined
  while (KEY_PART[text.charCodeAt(end)]) end++
  if (text.charCodeAt(end) !== COLON) return undefined
  const after = text.charCodeAt(end + 1)
  if (after !== SPACE && after !== NEWLINE && end + 1 < text.length) return undefined
  const key = text.slice(at, end)
  if (key.length > MAX_KEY || RESERVED.test(key)) return undefined
  reader.at = end + 1
  return key
}

/** What follows a key and its colon: on the line, or a block on the lines below. */
function readFieldValue(reader: Reader, indent: number): unknown {
  skipSpaces(reader)
  if (!isLineOver(reader)) {
    reader.starts?.push(reader.at)
    return readInline(reader)
  }
  nextLine(reader)
  reader.starts?.push(reader.at)
  if (reader.indent > indent) return readBlock(reader, reader.indent)
  // A list may stand in the column of its key.
  if (reader.indent === indent && isDash(reader)) return readSequence(reader, indent)
  return fail(reader)
}

function readBlock(reader: Reader, indent: number): unknown {
  if (++reader.nested > MAX_NESTED) return fail(reader)
  const value = isDash(reader) ? readSequence(reader, indent) : readMapping(reader, indent, {})
  reader.nested--
  return value
}

function isDash({ text, at }: Reader): boolean {
  return text.charCodeAt(at) === DASH && text.charCodeAt(at + 1) === SPACE
}

function readSequence(reader: Reader, indent: number): unknown[] {
  const items: unknown[] = []
  while (reader.indent === indent && isDash(reader) && !reader.failed) {
    reader.at++
    skipSpaces(reader)
    if (isLineOver(reader) || isDash(reader)) {
      fail(reader)
      break
    }
    items.push(readItem(reader))
  }
  if (reader.indent > indent) fail(reader)
  return items
}

/** After the dash: a mapping whose first field stands on this line, or a value. */
function readItem(reader: Reader): unknown {
  const { at } = reader
  reader.starts?.push(at)
  const key = readKey(reader)
  if (key === undefined) return readInline(reader)
  reader.starts?.push(at)
  if (++reader.nested > MAX_NESTED) return fail(reader)
  const column = at - reader.start
  const value = readMapping(reader, column, { [key]: readFieldValue(reader, column) })
  reader.nested--
  return value
}

function skipSpaces(reader: Reader): void {
  while (reader.text.charCodeAt(reader.at) === SPACE) reader.at++
}

/** Whether nothing but a comment is left of the line; steps to its end then. */
function isLineOver(reader: Reader): boolean {
  const { text, at } = reader
  if (at >= text.length || text.charCodeAt(at) === NEWLINE) return true
  // A comment has a space before it.
  if (text.charCodeAt(at) !== HASH || text.charCodeAt(at - 1) !== SPACE) return false
  reader.at = endOfLine(text, at)
  return true
}

/** A value that fills the rest of the line; goes on to the next one. */
function readInline(reader: Reader): unknown {
  const code = reader.text.charCodeAt(reader.at)
  let value: unknown
  if (code === OPEN_LIST || code === OPEN_MAP || code === QUOTE || code === DOUBLE_QUOTE) {
    value = readFlow(reader)
    skipSpaces(reader)
    if (!isLineOver(reader)) return fail(reader)
  } else value = readPlain(reader)
  if (!reader.failed) nextLine(reader)
  return value
}

/** A plain scalar up to the end of the line or a comment. */
function readPlain(reader: Reader): unknown {
  const { text, at } = reader
  if (!isPlainStart(text, at)) return fail(reader)
  const end = endOfLine(text, at)
  let last = end
  const comment = text.indexOf(' #', at)
  if (comment >= 0 && comment < end) last = comment
  while (text.charCodeAt(last - 1) === SPACE) last--
  const colon = text.indexOf(':', at)
  if (colon >= 0 && colon < last && hasFieldColon(text, colon, last)) return fail(reader)
  reader.at = end
  return plainValue(reader, text.slice(at, last))
}

/** Whether a colon from `from` on ends a key: it has a space after it, or is the last character. */
function hasFieldColon(text: string, from: number, end: number): boolean {
  for (let at = from; at >= 0 && at < end; at = text.indexOf(':', at + 1))
    if (at + 1 === end || text.charCodeAt(at + 1) === SPACE) return true
  return false
}

/** Text, true, false or a small whole number by the core schema; anything else of that schema is not read here. */
function plainValue(reader: Reader, text: string): unknown {
  const first = text.charCodeAt(0)
  if (first > 57 || first === 47) {
    if (text === 'true') return true
    if (text === 'false') return false
    return WORDS.test(text) ? fail(reader) : text
  }
  if (SMALL_NUMBER.test(text)) return Number(text)
  return NUMBER_LIKE.test(text) ? fail(reader) : text
}

const WORDS = /^(?:null|true|false|~)$/i
const SMALL_NUMBER = /^(?:0|[1-9]\d{0,14})$/
const NUMBER_LIKE = /^(?:[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?|0[ox][\da-f]+|[-+]?\.(?:inf|nan))$/i

/** A quoted scalar, a list or a mapping in flow style, or a plain scalar within one. */
function readFlow(reader: Reader): unknown {
  switch (reader.text.charCodeAt(reader.at)) {
    case QUOTE:
      return readQuoted(reader, "'")
    case DOUBLE_QUOTE:
      return readQuoted(reader, '"')
    case OPEN_LIST:
      return nested(reader, readFlowList)
    case OPEN_MAP:
      return nested(reader, readFlowMap)
    default:
      return readFlowPlain(reader)
  }
}

function nested(reader: Reader, read: (reader: Reader) => unknown): unknown {
  if (++reader.nested > MAX_NESTED) return fail(reader)
  const value = read(reader)
  reader.nested--
  return value
}

function readQuoted(reader: Reader, quote: '"' | "'"): unknown {
  const { text, at } = reader
  const end = text.indexOf(quote, at + 1)
  if (end < 0) return fail(reader)
  for (let i = at + 1; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === NEWLINE || (code === BACKSLASH && quote === '"')) return fail(reader)
  }
  reader.at = end + 1
  // Two single quotes stand for one.
  if (text.charCodeAt(reader.at) === QUOTE) return fail(reader)
  return text.slice(at + 1, end)
}

function readFlowList(reader: Reader): unknown {
  const items: unknown[] = []
  if (beginsEmpty(reader, CLOSE_LIST)) return items
  do {
    skipSpaces(reader)
    reader.starts?.push(reader.at)
    items.push(readFlow(reader))
  } while (!reader.failed && goesOn(reader, CLOSE_LIST))
  return items
}

function readFlowMap(reader: Reader): unknown {
  const fields: Record<string, unknown> = {}
  if (beginsEmpty(reader, CLOSE_MAP)) return fields
  do {
    skipSpaces(reader)
    reader.starts?.push(reader.at)
    const key = readKey(reader)
    if (key === undefined || Object.hasOwn(fields, key)) return fail(reader)
    skipSpaces(reader)
    reader.starts?.push(reader.at)
    fields[key] = readFlow(reader)
  } while (!reader.failed && goesOn(reader, CLOSE_MAP))
  return fields
}

/** Steps over the opening bracket, and over the closing one when it follows. */
function beginsEmpty(reader: Reader, close: number): boolean {
  reader.at++
  skipSpaces(reader)
  if (reader.text.charCodeAt(reader.at) !== close) return false
  reader.at++
  return true
}

/** Steps over a comma (true) or the closing bracket (false). */
function goesOn(reader: Reader, close: number): boolean {
  skipSpaces(reader)
  const code = reader.text.charCodeAt(reader.at)
  if (code !== COMMA && code !== close) {
    fail(reader)
    return false
  }
  reader.at++
  return code === COMMA
}

/** Up to a comma or a bracket on the same line. */
function readFlowPlain(reader: Reader): unknown {
  const { text, at } = reader
  if (!isPlainStart(text, at)) return fail(reader)
  let end = at
  while (end < text.length && !(FLOW_END[text.charCodeAt(end)] && !isInnerColon(text, end))) end++
  const code = text.charCodeAt(end)
  if (code !== COMMA && code !== CLOSE_LIST && code !== CLOSE_MAP) return fail(reader)
  reader.at = end
  while (text.charCodeAt(end - 1) === SPACE) end--
  return plainValue(reader, text.slice(at, end))
}

/** A dash begins text only where a letter or digit follows. */
function isPlainStart(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return PLAIN_START[code] === 1 || (code === DASH && KEY_START[text.charCodeAt(at + 1)] === 1)
}

/** The colon of `22:00` and of `https://`. */
function isInnerColon(text: string, at: number): boolean {
  return text.charCodeAt(at) === COLON && INNER[text.charCodeAt(at + 1)] === 1
}

const KEY_START = setOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_')
const KEY_PART = setOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789./-')
/** Texts that begin otherwise may be something else than text. */
const PLAIN_START = setOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789./(+=$^;')
const INNER = setOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789/')
/** Colons that may end a key, comments, quotes and brackets inside of a flow scalar are left to the whole parser. */
const FLOW_END = setOf(',[]{}:#\'"\n')
const RESERVED = /^(?:null|true|false|__proto__)$/i

function setOf(characters: string): Uint8Array {
  const set = new Uint8Array(65_536)
  for (const character of characters) set[character.charCodeAt(0)] = 1
  return set
}
