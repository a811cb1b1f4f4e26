// What a report is made of, and small pieces that its sections share.
import { grouped } from './local-time.ts'

/** `+` comes, `-` goes, `~` changes, `!` needs attention. */
export type Mark = '+' | '-' | '~' | '!' | ' '

export type Line = { readonly mark: Mark; readonly text: string; readonly details?: readonly string[] }

export type Row = { readonly mark: Mark; readonly cells: readonly string[] }

export type Block =
  | { readonly type: 'Lines'; readonly heading?: string; readonly lines: readonly Line[] }
  | {
      readonly type: 'Table'
      readonly heading?: string
      readonly head: readonly string[]
      readonly rows: readonly Row[]
    }

export type Section = { readonly title: string; readonly summary: string; readonly blocks: readonly Block[] }

export type Report = {
  readonly verdict: string
  readonly differs: boolean
  /** What a reviewer must not overlook. */
  readonly warnings: readonly string[]
  /** What was compared, where and when. */
  readonly about: readonly (readonly [string, string])[]
  readonly short: readonly Row[]
  readonly sections: readonly Section[]
  readonly notes: readonly string[]
}

export function moreLine(more: number, mark: Mark = ' '): Line[] {
  return more <= 0 ? [] : [{ mark, text: `and ${grouped(more)} more` }]
}

/** "+3 −27"; empty for none. */
export function signs(added: number, withdrawn: number): string {
  return [added === 0 ? '' : `+${grouped(added)}`, withdrawn === 0 ? '' : `−${grouped(withdrawn)}`]
    .filter(Boolean)
    .join(' ')
}

/** `main@sha1:0123456789ab`: enough of a hash to find it. */
export function shortHashes(text: string): string {
  return text.replace(/[0-9a-f]{13,}/g, (hash) => hash.slice(0, 12))
}
