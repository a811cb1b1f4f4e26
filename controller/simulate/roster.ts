// Devices that are named one by one, each with what is on it: for those who know exactly which device they ask about.
import type { EpochMs } from '../model/instant.ts'
import type { Update } from '../model/update.ts'

export type RosterDevice = {
  readonly id: string
  /** As it enrols. `timeZone` among them is the device's. */
  readonly attributes: Readonly<Record<string, string>>
  /** When it enrols. */
  readonly joins: EpochMs
  /** How long any installation takes on it, in minutes. Undefined: as the scenario says. */
  readonly installMinutes?: number | undefined
}

export type Roster = {
  readonly devices: readonly RosterDevice[]
  /** What a scan of the device at this index finds of an update at the start. */
  readonly finds: (index: number, update: Update) => 'Required' | 'Installed' | 'NotRequired'
}
