// Bytes of a file to YAML documents, within limits: nothing here throws, overflows the stack or runs long, whatever the bytes.
import { Composer, CST, type Document, isScalar, Lexer, Parser } from 'yaml'
import type { Code } from './codes.ts'
import { MAX_ALIASES, MAX_DEPTH, MAX_DOCUMENTS, MAX_FILE_BYTES, MAX_PROBLEMS_PER_FILE } from './limits.ts'

/** `offset` in UTF-16 units of the text. */
export type TextProblem = { readonly offset: number; readonly code: Code; readonly message: string }

export type YamlText = {
  readonly text: string
  /** Documents with content, up to the first problem that ends the reading. A document with `errors` is not to be used. */
  readonly documents: readonly Document.Parsed[]
  readonly problems: readonly TextProblem[]
}

/** Reads a whole file (limits: limits.ts). */
export function readYaml(bytes: Uint8Array | string): YamlText {
  const decoded = decode(bytes)
  return typeof decoded === 'string' ? compose(decoded) : { text: '', documents: [], problems: [decoded] }
}

function decode(bytes: Uint8Array | string): string | TextProblem {
  if (bytes.length > MAX_FILE_BYTES)
    return whole('RM1001', `the file has ${bytes.length} bytes, at most ${MAX_FILE_BYTES} (1 MiB) are read: split it`)
  let text: string
  try {
    text =
      typeof bytes === 'string' ? bytes.replace(/^\ufeff/, '') : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return looksBinary(bytes) ? whole('RM1002', BINARY) : whole('RM1003', 'the file is not UTF-8: save it as UTF-8')
  }
  const control = text.search(CONTROL)
  if (control < 0) return text
  const shown = `U+${text.charCodeAt(control).toString(16).padStart(4, '0').toUpperCase()}`
  return { offset: 0, code: 'RM1002', message: `${BINARY} (${shown} at character ${control + 1})` }
}

const BINARY = 'the file is no text: it holds control characters'
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what YAML forbids
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

function looksBinary(bytes: Uint8Array | string): boolean {
  return typeof bytes !== 'string' && bytes.includes(0)
}

function whole(code: Code, message: string): TextProblem {
  return { offset: 0, code, message }
}

/** Why reading stopped before the end. */
class Stopped extends Error {
  readonly problem: TextProblem
  constructor(offset: number, code: Code, message: string) {
    super(message)
    this.problem = { offset, code, message }
  }
}

function compose(text: string): YamlText {
  const documents: Document.Parsed[] = []
  const problems: TextProblem[] = []
  // Own checks stand in for the parser's duplicate keys (quadratic) and merge keys; 1.1 directives change nothing.
  const options = { schema: 'core', merge: false, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const
  const composer = new Composer({ ...options, resolveKnownTags: false, strict: true })
  try {
    let count = 0
    for (const document of composer.compose(tokens(text), true, text.length)) {
      if (count++ === MAX_DOCUMENTS)
        throw new Stopped(document.range[0], 'RM1006', `more than ${MAX_DOCUMENTS} documents in one file: split it`)
      if (!isEmpty(document) || document.errors.length > 0) documents.push(document)
      for (const error of document.errors.slice(0, MAX_PROBLEMS_PER_FILE))
        problems.push({
          offset: Math.min(error.pos[0], text.length),
          code: 'RM1004',
          message: syntaxMessage(error.code, error.message),
        })
      if (problems.length > MAX_PROBLEMS_PER_FILE) break
    }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    problems.push(error.problem)
  }
  return { text, documents, problems }
}

/** Nothing, or nothing but comments, between two `---`: what templates leave where they give no object. */
function isEmpty({ contents }: Document.Parsed): boolean {
  if (contents === null) return true
  if (!isScalar(contents) || contents.value !== null || contents.source) return false
  return contents.tag === undefined && contents.anchor === undefined
}

function* tokens(text: string) {
  const parser = new Parser()
  let aliases = 0
  let errors = 0
  let before = ''
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme.startsWith('*') && before !== CST.SCALAR && ++aliases > MAX_ALIASES)
      throw new Stopped(parser.offset, 'RM1007', `more than ${MAX_ALIASES} aliases in one file: write the values out`)
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error' && ++errors > MAX_PROBLEMS_PER_FILE) return
      yield token
    }
    if (parser.stack.length > 2 * MAX_DEPTH) throw tooDeep(parser.offset)
    before = lexeme
  }
  yield* parser.end()
}

/** Raised for nesting: by the parser's own stack here, and exactly by yaml-values.ts. */
export const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`

function tooDeep(offset: number): Stopped {
  return new Stopped(offset, 'RM1005', TOO_DEEP)
}

const ADVICE: Readonly<Record<string, string>> = {
  BAD_INDENT: 'wrong indentation: fields of one object start in the same column',
  TAB_AS_INDENT: 'a tab is used to indent: use spaces',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a `:` is missing, or the line is indented wrongly',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping within a line: put the value in quotes if its text has a `: `, or begin a new line',
  BLOCK_IN_FLOW: 'a block inside of [ ] or { }: write it on one line, separated by commas',
  BAD_SCALAR_START: 'text must not begin with this character: put it in quotes',
  BAD_DQ_ESCAPE: 'an unknown escape in double quotes: write \\\\ for a backslash, or use single quotes',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MULTIPLE_ANCHORS: 'two anchors on one value: leave out one',
  MULTIPLE_TAGS: 'two tags on one value: leave both out',
  BAD_ALIAS: 'an anchor or alias without a name: put the value in quotes if it is text that begins with * or &',
  ALIAS_PROPS: 'an alias cannot have an anchor or a tag',
  BAD_DIRECTIVE: 'an unknown directive: leave out the line that begins with %',
  RESOURCE_EXHAUSTION: TOO_DEEP,
}

function syntaxMessage(code: string, message: string): string {
  const [, unexpected] = /^Unexpected .*token in .*: (".*")$/s.exec(message) ?? []
  if (unexpected !== undefined)
    return `no valid YAML: unexpected ${unexpected.slice(0, 60)}: remove it, or put the text in quotes`
  if (/^Missing closing .*quote/.test(message))
    return 'no valid YAML: text in quotes is never closed: add the closing quote'
  if (code === 'BAD_INDENT' && message.startsWith('Flow'))
    return 'no valid YAML: a [ or { above is not closed: add the closing bracket'
  return `no valid YAML: ${ADVICE[code] ?? lower(message).slice(0, 200)}`
}

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}
