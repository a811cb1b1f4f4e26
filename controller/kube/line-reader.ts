// A stream of bytes to lines of text, each of bounded length.
import { StringDecoder } from 'node:string_decoder'

export type LineReader = {
  /** The lines that have ended with these bytes. Throws a RangeError when one is longer than allowed. */
  readonly push: (bytes: Buffer) => string[]
}

export function newLineReader(mostCharacters: number): LineReader {
  const decoder = new StringDecoder('utf8')
  let pieces: string[] = []
  let length = 0
  return {
    push: (bytes) => {
      const [first = '', ...more] = decoder.write(bytes).split('\n')
      pieces.push(first)
      length += first.length
      if (length > mostCharacters) throw new RangeError(`a line has more than ${mostCharacters} characters`)
      const last = more.pop()
      if (last === undefined) return []
      const lines = [pieces.join(''), ...more]
      pieces = [last]
      length = last.length
      return lines
    },
  }
}
