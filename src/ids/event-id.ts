// Ids of events of a change stream: an environment's revision, and the beginning of the log's hash up to it. A database that
// goes back makes the same revisions again, but not the same hashes.

const HASH_BYTES = 8;
const LARGEST_REVISION = 2n ** 64n - 1n;

/** Where a client resumes. The hash is undefined for a plain revision, which clients of earlier versions have. */
export interface EventId {
  revision: bigint;
  hash: string | undefined;
}

export function eventIdOf(revision: bigint, hash: Uint8Array): string {
  return `${revision}-${beginningOf(hash)}`;
}

/** Undefined for a text that is no event id and no plain revision. */
export function eventIdFrom(text: string): EventId | undefined {
  const [, digits, hash] = /^(\d{1,20})(?:-([0-9a-f]{16}))?$/.exec(text) ?? [];
  if (digits === undefined || BigInt(digits) > LARGEST_REVISION) return undefined;
  return { revision: BigInt(digits), hash };
}

/** Whether the event was of the log that has this hash at its revision; always true for a plain revision. */
export function isOfLog({ hash }: EventId, hashOfLog: Uint8Array): boolean {
  return hash === undefined || hash === beginningOf(hashOfLog);
}

function beginningOf(hash: Uint8Array): string {
  return Buffer.from(hash.subarray(0, HASH_BYTES)).toString('hex');
}
