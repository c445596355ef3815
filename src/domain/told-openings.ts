// What a request is known to have opened, so that its record tells each opening once, however often it opens a value.

/** At least so many of the latest are remembered; a stream opens more. */
const REMEMBERED = 10_000;

/** Openings and when they are committed, each by its secret and revision. */
export interface ToldOpenings {
  /** All of them, while that is one value or one list: they are told apart only where something else is opened, too. */
  first: FirstOpenings | undefined;
  /** The latest, and those before them. */
  latest: Map<string, Promise<unknown>> | undefined;
  before: Map<string, Promise<unknown>> | undefined;
}

/** A value, or the parts of a list: ids and revisions at the same places, separated by commas. */
export interface FirstOpenings {
  ids: readonly string[];
  revisions: readonly string[];
  committed: Promise<unknown>;
}

/** When the opening is committed; undefined for one that has not been told. */
export function findTold(told: ToldOpenings, id: string, revision: bigint): Promise<unknown> | undefined {
  if (told.first) tellApart(told, told.first);
  const key = keyOf(id, revision);
  return told.latest?.get(key) ?? told.before?.get(key);
}

export function rememberTold(told: ToldOpenings, id: string, revision: bigint | string, committed: Promise<unknown>) {
  if (told.latest?.size === REMEMBERED) {
    told.before = told.latest;
    told.latest = undefined;
  }
  told.latest ??= new Map();
  told.latest.set(keyOf(id, revision), committed);
}

function tellApart(told: ToldOpenings, { ids, revisions, committed }: FirstOpenings): void {
  told.first = undefined;
  const all = revisions.join().split(',');
  for (const [place, id] of ids.join().split(',').entries()) rememberTold(told, id, all[place] as string, committed);
}

/** Ids are all of one length. */
function keyOf(id: string, revision: bigint | string): string {
  return `${id}${revision}`;
}
