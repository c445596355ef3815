// What a request is known to have opened, so that its record tells each opening once, however often it opens a value.
import { openingsIn, type ReadRow } from './read-batch.js';

/** At least so many of the latest are remembered; a stream opens more. */
const GENERATION_SIZE = 10_000;

/** When openings are committed, by secret and revision: the latest, and those before them. */
export interface RecordedOpenings {
  latest: Map<string, Promise<void>>;
  before: Map<string, Promise<void>> | undefined;
}

/** All that the rows tell. */
export function recordedBy(rows: readonly ReadRow[]): RecordedOpenings {
  const recorded: RecordedOpenings = { latest: new Map(), before: undefined };
  for (const row of rows) {
    for (const [id, revision] of openingsIn(row)) rememberRecorded(recorded, id, revision, row.batch.committed);
  }
  return recorded;
}

/** When the opening is committed; undefined for one that has not been recorded. */
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

/** Ids are all of one length. */
function keyOf(id: string, revision: bigint | string): string {
  return `${id}${revision}`;
}
