// Remembers what a request has already opened, so that the audit log contains each value once per request, however
// often the request opens it.
import { openingsIn, type ReadRow } from './read-batch.js';

/**
 * At least this many of the latest openings are remembered; older ones may be forgotten, because a long stream opens
 * more.
 */
const GENERATION_SIZE = 10_000;

/** The commit promise of each opening, by secret and revision: the latest generation, and the one before it. */
export interface RecordedOpenings {
  latest: Map<string, Promise<void>>;
  before: Map<string, Promise<void>> | undefined;
}

/** Indexes all openings in the rows. */
export function recordedBy(rows: readonly ReadRow[]): RecordedOpenings {
  const recorded: RecordedOpenings = { latest: new Map(), before: undefined };
  for (const row of rows) {
    for (const [id, revision] of openingsIn(row)) rememberRecorded(recorded, id, revision, row.batch.committed);
  }
  return recorded;
}

/** The promise of the commit; undefined when the opening has not been recorded. */
export function findRecorded(
  { latest, before }: RecordedOpenings,
  id: string,
  revision: bigint,
): Promise<void> | undefined {
  const key = keyOf(id, revision);
  return latest.get(key) ?? before?.get(key);
}

export function rememberRecorded(
  recorded: RecordedOpenings,
  id: string,
  revision: bigint | string,
  committed: Promise<void>,
) {
  if (recorded.latest.size === GENERATION_SIZE) {
    recorded.before = recorded.latest;
    recorded.latest = new Map();
  }
  recorded.latest.set(keyOf(id, revision), committed);
}

/** Unambiguous without a separator, because all ids have the same length. */
function keyOf(id: string, revision: bigint | string): string {
  return `${id}${revision}`;
}
