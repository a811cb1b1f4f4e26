// The plain ways to take messages in, for comparison: lines appended to a file, rows in a database, and Maps.
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { DeviceReport } from '../../controller/model/report.ts'

/** Lines, durable when `append` returns. */
export class LineLog {
  readonly #path: string
  readonly #file: number

  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'a')
  }

  append(lines: readonly string[]): void {
    writeSync(this.#file, `${lines.join('\n')}\n`)
    fdatasyncSync(this.#file)
  }

  readBack(): string[] {
    return readFileSync(this.#path, 'utf8').trimEnd().split('\n')
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** A live table, each message a transaction of its own. */
export class RowStore {
  readonly #database: DatabaseSync
  readonly #put: (device: string, update: string, state: number) => void

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE compliance (device TEXT, device_update TEXT, state INTEGER, PRIMARY KEY (device, device_update)) WITHOUT ROWID`)
    const statement = this.#database.prepare('INSERT OR REPLACE INTO compliance VALUES (?, ?, ?)')
    this.#put = (device, update, state) => {
      statement.run(device, update, state)
    }
  }

  put(device: string, { messages = [] }: DeviceReport): void {
    for (const { update, state } of messages) this.#put(device, update, state)
  }

  list(): string[] {
    const rows = this.#database.prepare('SELECT * FROM compliance').all()
    return rows.map((row) => `${row.device} ${row.device_update} ${row.state}`).sort()
  }

  close(): void {
    this.#database.close()
  }
}

/** What an application would keep in memory without further thought. */
export class PlainFold {
  readonly #devices = new Map<string, { sequence: number; states: Map<string, number> }>()

  put(device: string, { sequence, messages = [] }: DeviceReport): void {
    let known = this.#devices.get(device)
    if (known === undefined) {
      known = { sequence: 0, states: new Map() }
      this.#devices.set(device, known)
    }
    if (sequence <= known.sequence) return
    known.sequence = sequence
    for (const { update, state } of messages) known.states.set(update, state)
  }

  list(): string[] {
    return [...this.#devices]
      .flatMap(([device, { states }]) => [...states].map(([update, state]) => `${device} ${update} ${state}`))
      .sort()
  }
}
