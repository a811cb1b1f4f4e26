// Declarations from a directory, and word of every change of it.
import { promises as fs } from 'node:fs'
import { basename, resolve as resolvePath } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import type { Declared } from '../model/declared.ts'
import { assemble, parseAhead } from './assemble.ts'
import type { Declarations, ParsedFiles } from './assemble-by.ts'
import { isSkippedFolder, isYamlName, readFolder } from './folder.ts'

export type WatchOptions = {
  /** Name of the source in origins. Default `directory`. */
  readonly source?: string
  /** How long to wait for further changes, in ms. Default 100. */
  readonly debounceMs?: number
  /** The directory is also read this often, for file systems that tell of no changes, in ms. Default 60,000. */
  readonly rescanMs?: number
  /** Objects of other sources, which these may refer to. */
  readonly elsewhere?: () => readonly Declared[]
  /** Trouble with watching itself; reading goes on with every rescan. */
  readonly onError?: (message: string) => void
}

export type DirectoryWatch = {
  /** Resolves after the first load was given to onChange and changes are being watched. */
  readonly ready: Promise<void>
  /** Offers the content anew, also when it is the same as before. */
  readonly recheck: () => Promise<void>
  /** No call of onChange begins after this has resolved. */
  close(): Promise<void>
}

/** Reads and checks a directory. Never throws: a directory that cannot be read is a problem (RM1014). */
export async function loadDirectory(
  path: string,
  source = 'directory',
  parsed: ParsedFiles = new Map(),
  elsewhere: () => readonly Declared[] = () => [],
): Promise<Declarations> {
  const { files, problems } = await readFolder(path)
  await parseAhead(source, files, parsed)
  return assemble(source, files, problems, parsed, new Set(), { elsewhere: elsewhere() })
}

/**
 * Calls onChange with the whole content now, and again whenever the content is another one. A broken edit comes as
 * problems, and so does a directory that has vanished; it is looked for until it is back.
 */
export function watchDirectory(
  path: string,
  onChange: (load: Declarations) => void | Promise<void>,
  options: WatchOptions = {},
): DirectoryWatch {
  const { debounceMs = 100, rescanMs = 60_000, onError = () => {} } = options
  const { read, forget } = reader(path, onChange, options)
  // Two timers: the end of a reading must not put off a change that was told of while it ran.
  const timers: { change?: NodeJS.Timeout; rescan?: NodeJS.Timeout } = {}
  let watcher: FSWatcher | undefined
  let watched: string | undefined
  let closed = false
  let running: Promise<void> = Promise.resolve()

  const wake = (why: 'change' | 'rescan', ms: number) => {
    clearTimeout(timers[why])
    if (!closed) timers[why] = setTimeout(enqueue, ms)
  }
  const enqueue = () => {
    running = running.then(reload).catch((error: unknown) => {
      onError(String(error))
      wake('rescan', rescanMs)
    })
    return running
  }
  const reload = async () => {
    if (closed) return
    const there = await read(() => closed)
    const folder = there ? await identityOf(path) : undefined
    if (folder !== watched) {
      // The old watch is of what was there before.
      await watcher?.close()
      watched = folder
      watcher = folder === undefined ? undefined : await startWatching(path, () => wake('change', debounceMs), onError)
      // Finds what changed between the first reading and the start of the watch.
      if (watcher !== undefined) await read(() => closed)
    }
    wake('rescan', there ? rescanMs : Math.min(1000, rescanMs))
  }

  // Another folder in the place of the first, or a link that leads elsewhere: whoever watches the first hears nothing of it.
  const endLooking = repeatedly(REPLACED_MS, async () => {
    if (watched !== undefined && (await identityOf(path)) !== watched) await enqueue()
  })

  return {
    ready: enqueue(),
    recheck: () => {
      forget()
      return enqueue()
    },
    close: async () => {
      closed = true
      for (const timer of Object.values(timers)) clearTimeout(timer)
      endLooking()
      await running
      await watcher?.close()
    },
  }
}

/** Reads the directory and offers what is new. The function returned resolves with whether the directory is there. */
function reader(
  path: string,
  onChange: (load: Declarations) => void | Promise<void>,
  { source = 'directory', onError = () => {}, elsewhere }: WatchOptions,
): { read: (isClosed: () => boolean) => Promise<boolean>; forget: () => void } {
  const parsed: ParsedFiles = new Map()
  let revision: string | undefined
  const read = async (isClosed: () => boolean) => {
    const load = await loadDirectory(path, source, parsed, elsewhere)
    if (isClosed()) return false
    // What onChange did not take is offered again with the next reading.
    if (load.revision !== revision) {
      try {
        await onChange(load)
        revision = load.revision
      } catch (error) {
        onError(`a change of ${path} was not taken: ${String(error)}`)
      }
    }
    return !load.problems.some((problem) => problem.file === '.' && problem.code === 'RM1014')
  }
  const forget = () => {
    revision = undefined
  }
  return { read, forget }
}

const REPLACED_MS = 500

/** Returns how to end it. */
function repeatedly(ms: number, work: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const again = () => {
    timer = ended ? undefined : setTimeout(() => void work().then(again), ms)
  }
  again()
  return () => {
    ended = true
    clearTimeout(timer)
  }
}

/** What the path leads to: another one after it was replaced. Undefined when there is nothing. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await fs.stat(path)
    return `${dev}/${ino}`
  } catch {
    return undefined
  }
}

/** Resolves when changes from now on will be told. */
async function startWatching(
  path: string,
  onEvent: () => void,
  onError: (message: string) => void,
): Promise<FSWatcher> {
  // A link is not watched through, so that what it leads to is watched itself.
  const root = await fs.realpath(path).catch(() => resolvePath(path))
  const ignored = (entry: string, stats?: { isFile(): boolean }) => {
    const name = basename(entry)
    if (entry === root) return false
    // `..data` is how Kubernetes swaps the content of a mounted ConfigMap.
    if (isSkippedFolder(name) && !name.startsWith('..')) return true
    return stats?.isFile() === true && !isYamlName(name)
  }
  const watcher = watch(root, { ignored, ignoreInitial: true, followSymlinks: false, atomic: false })
  watcher.on('all', onEvent).on('error', (error) => onError(`watching ${path}: ${String(error)}`))
  await new Promise<void>((resolve) => {
    watcher.once('ready', () => resolve())
  })
  return watcher
}
