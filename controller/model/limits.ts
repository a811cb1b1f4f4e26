// The numbers that bound what comes from outside. Each is a promise: nothing in the project handles more.

/** Updates in one group and so in one deployment (Configuration Manager's own limit; semantics.md §3). */
export const MAX_UPDATES_PER_GROUP = 1000

/** What an update may give as its maximum run time, in minutes (semantics.md §1). */
export const MAX_RUN_TIME_MINUTES = 9999

/** Phases of one rollout (semantics.md §6). */
export const MAX_PHASES = 12

/** Declared objects that one source may hold. */
export const MAX_OBJECTS_PER_SOURCE = 20_000

/** Problems listed for one revision; what is beyond is counted. */
export const MAX_PROBLEMS_LISTED = 200

/** State messages in one device report. */
export const MAX_MESSAGES_PER_REPORT = 2000

/** Updates named by one scan, each of its three lists. */
export const MAX_UPDATES_PER_SCAN = 20_000

/** Reports that a device may send in one request (what it has queued while it was offline). */
export const MAX_REPORTS_PER_REQUEST = 100
