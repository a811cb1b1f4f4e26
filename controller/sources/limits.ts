// What a source of declarations may hold at most, so that no input takes unbounded time or memory.

/** Bytes of one file. */
export const MAX_FILE_BYTES = 1024 * 1024

/** Bytes of all files of one source. */
export const MAX_SOURCE_BYTES = 64 * 1024 * 1024

/** Files of one source. */
export const MAX_FILES = 10_000

/** Folders inside folders. */
export const MAX_FOLDER_DEPTH = 32

/** Entries of a source's folders that are looked at, YAML or not. */
export const MAX_ENTRIES = 200_000

/** Documents in one file. */
export const MAX_DOCUMENTS = 10_000

/** Values inside values. */
export const MAX_DEPTH = 64

/** Uses of aliases in one file. */
export const MAX_ALIASES = 100

/** Values of a document when its aliases are written out; a document without aliases may have more. */
export const MAX_EXPANDED_VALUES = 100_000

/** Problems listed for one file (model/limits.ts has the limit for one revision). */
export const MAX_PROBLEMS_PER_FILE = 200
