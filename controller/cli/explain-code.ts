// `ringmaster explain CODE|REASON`: what an error code, a reason, or a result code of Windows means. Needs no controller.
import { REASONS } from '../model/reasons.ts'
import { STATUS_REASONS } from '../model/status-reasons.ts'
import { meaningOfCode } from '../project/error-codes.ts'
import { ALL_CODES, CODES, isCode, severityOf } from '../sources/codes.ts'
import { errorText } from '../sources/reference.ts'
import { nearest } from '../sources/suggest.ts'
import { EXIT, type Io } from './command.ts'

const MEANINGS: Readonly<Record<string, string>> = { ...REASONS, ...STATUS_REASONS }

/** Case does not count. Returns the exit code: 0 explained, 1 not known. */
export function explainCode(word: string, json: boolean, io: Io): number {
  const code = word.toUpperCase()
  const print = (text: string, value: unknown) => {
    io.stdout(json ? `${JSON.stringify(value, null, 2)}\n` : text)
    return EXIT.good
  }
  if (isCode(code)) return print(errorText(code), { code, severity: severityOf(code), ...CODES[code] })
  const reason = Object.keys(MEANINGS).find((known) => known.toLowerCase() === word.toLowerCase())
  if (reason !== undefined) {
    const meaning = MEANINGS[reason]
    return print(`# ${reason}\n\n${meaning}\n\n${whereFrom(reason)}\n`, { reason, meaning })
  }
  const meaning = meaningOfCode(word)
  if (meaning !== undefined)
    return print(`# ${word}\n\nA result code of Windows: ${meaning}.\n`, { code: word, meaning })
  const meant = nearest(word, [...ALL_CODES, ...Object.keys(MEANINGS)])
  const hint =
    meant === undefined ? 'docs/errors and docs/reference/reasons.md list them all' : `did you mean ${meant}?`
  io.stderr(`${word.slice(0, 80)} is no code and no reason that is known here; ${hint}\n`)
  return EXIT.bad
}

function whereFrom(reason: string): string {
  return reason in REASONS
    ? 'A reason of decisions, waits and statuses: `describe` and `get decisions` show where it was given.'
    : 'A reason of statuses and explanations: `describe` and `explain --device` show where it was given.'
}
