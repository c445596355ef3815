// Long work in portions: whoever works through a long list asks before each item whether this turn of the event loop has
// time left for it, and else waits for the next. All lists share one turn, so that many at once do not add up.

/** Others are kept waiting by so much, and by one item: that is never cut. */
const PORTION_MS = 8;

let end: number | undefined;
let next: Promise<void> = Promise.resolve();

/** Whether there is time left in this turn; the first to ask begins it. */
export function hasTime(): boolean {
  const now = performance.now();
  if (end === undefined) {
    end = now + PORTION_MS;
    next = new Promise((resolve) => {
      setImmediate(() => {
        end = undefined;
        resolve();
      });
    });
  }
  return now < end;
}

/** Resolves when everybody else has been served; whoever was quicker may have used that turn up, so ask again. */
export function nextTurn(): Promise<void> {
  return next;
}
