// What can be wrong with a snapshot.

/**
 * - Unsupported: the value holds something that is not plain data; the message says where.
 * - Damaged: the bytes are not what was encoded, or were cut off.
 * - OtherFormat: the bytes are not a snapshot, or one of another version or byte order.
 */
export type SnapshotErrorCode = 'Unsupported' | 'Damaged' | 'OtherFormat'

export class SnapshotError extends Error {
  readonly code: SnapshotErrorCode

  constructor(code: SnapshotErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SnapshotError'
    this.code = code
  }
}
