// Who decides, where several replicas fold one journal. An election is behind it: a PostgreSQL advisory lock, a Kubernetes
// Lease, or none at all for one replica. It need not be exact: what an old leader appends late is refused by the journal (its
// term is over), so that two that believe in themselves for a moment do no harm.

export type Leadership = {
  /** How this replica is named in the election, in logs and in the journal. */
  readonly identity: string
  /** As far as is known here, without asking anybody. */
  readonly isLeader: () => boolean
  /** Calls `listener` at each change from now on, with what is so then. Returns how to end that. */
  readonly subscribe: (listener: (leader: boolean) => void) => () => void
  /** Gives the leadership up, if it is held, so that another replica takes it at once; then listeners hear no more. */
  readonly close: () => Promise<void>
}

/** For the only replica of a controller. */
export function alwaysLeader(identity: string): Leadership {
  return { identity, isLeader: () => true, subscribe: () => () => {}, close: async () => {} }
}
