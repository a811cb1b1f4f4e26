// What to write in place of a duration or a time that cannot be read.

/** Of a text that is no duration; `calendar`: years and months are allowed, `isCalendar`: they would make it one. */
export function durationError(text: string, calendar: boolean, isCalendar: boolean): string {
  const shown = `"${text.slice(0, 40)}"`
  const example = calendar ? 'P1M or P7D' : 'P7D or PT2H'
  if (/^[-+]/.test(text)) return `${shown} must not have a sign: write for example ${example}`
  if (!calendar && isCalendar)
    return `${shown}: months and years have no fixed length, write days (P30D); minutes are PT…M`
  const [, number = '', word = ''] = /^P?(\d{1,5})\s*([A-Z]+)$/i.exec(text) ?? []
  const unit = Object.entries(UNIT_WORDS).find(([, words]) => words.test(word))?.[0]
  if (unit !== undefined) return `${shown} is no ISO 8601 duration: write ${unit.replace('#', number)}`
  return `${shown} is no ISO 8601 duration in whole numbers: write for example ${example}`
}

const UNIT_WORDS = {
  'PT#S': /^s(ec(ond)?s?)?$/i,
  'PT#M': /^m(in(ute)?s?)?$/i,
  'PT#H': /^h((ou)?rs?)?$/i,
  'P#D': /^d(ays?)?$/i,
  'P#W': /^w(eeks?)?$/i,
}

/** Of a text that is no time of day. */
export function timeError(text: string): string {
  if (/^\d:[0-5]\d(:[0-5]\d)?$/.test(text)) return `"${text}": write 0${text}`
  if (/^24:00/.test(text)) return '"24:00" is the next day: write 00:00, and offset: P1D if the day matters'
  return `"${text}" is no time of day: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59`
}

/** Of a text that is no time as freezes give it. */
export function momentError(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `"${text}" is a date alone: add the time, ${text}T00:00`
  if (/^\d{4}-\d\d-\d\d +\d\d:\d\d/.test(text))
    return `"${text}": write a T between date and time, ${text.replace(/ +/, 'T')}`
  return `"${text.slice(0, 40)}" is no time: write wall-clock as 2026-12-20T18:00, or an instant as 2026-12-20T18:00:00Z`
}
