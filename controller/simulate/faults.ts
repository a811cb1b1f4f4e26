// What may go wrong between the devices and the controller in a simulation, and within the controller. For tests: nothing
// of it may change what a rollout comes to, or break a law.

export type Faults = {
  /** So many reports in a hundred arrive twice. */
  readonly twicePercent: number
  /** So many reports in a hundred arrive late, out of order with those after them, by up to `lateMinutes`. */
  readonly latePercent: number
  readonly lateMinutes: number
  /** Clocks of devices are wrong by up to so many minutes, ahead or behind. */
  readonly skewMinutes: number
  /** The controller dies and comes back from its snapshot after every so many steps; 0 for never. */
  readonly crashEvery: number
}

export const NO_FAULTS: Faults = { twicePercent: 0, latePercent: 0, lateMinutes: 0, skewMinutes: 0, crashEvery: 0 }
