// Long work in portions: whoever works through a list asks before each item whether this turn of the event loop has time
// left for it, and else waits for the next. All lists share one turn, so that many at once do not add up.

/** Others are kept waiting by so much, and by one item: that is never cut. */
const PORTION_MS = 3;
/** So many items are done without a look at the clock: most requests have one. */
const UNTIMED = 16;

let untimed = 0;
let end: number | undefined;
/** Who waits for a turn: the latest, and those before them with the first at the end, from where they are taken. */
let latest: (() => void)[] = [];
let first: (() => void)[] = [];

/** Whether there is time for one more item in this turn. */
export function hasSliceTime(): boolean {
  if (end !== undefined) return performance.now() < end;
  untimed += 1;
  if (untimed < UNTIMED) return true;
  untimed = 0;
  end = performance.now() + PORTION_MS;
  setImmediate(() => {
    end = undefined;
    wakeNext();
  });
  return true;
}

/** Resolves when others have had their turn. Whoever was quicker may have used up the new one, so ask again. */
export function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    latest.push(resolve);
  });
}

/** One after the other as long as there is time: to wake all for each turn would cost more than their work. */
function wakeNext(): void {
  if (end !== undefined && performance.now() >= end) return;
  if (first.length === 0) [first, latest] = [latest.reverse(), first];
  const wake = first.pop();
  if (!wake) return;
  wake();
  queueMicrotask(wakeNext);
}
