// Time slicing of the event loop: work on long lists is divided into short slices, so that it does not block the event
// loop for everything else in this process.
//
// Code that works through a list calls, before each item:
//
//   while (!hasSliceTime()) await nextSlice();
//
// A slice begins with a call of `hasSliceTime` and lasts for `SLICE_MS`. Once that time is over, `hasSliceTime` returns
// false and its callers wait for the next slice. `setImmediate` ends the slice: its callback runs when the event loop
// has handled the I/O that became ready in the meantime. It then wakes the waiting callers, whose next calls of
// `hasSliceTime` begin the next slice.
//
// All lists of the process share the slice. If each had a slice of its own, the slices of many concurrent requests
// would add up to one long block of the event loop.

/** Length of a slice. Other work is delayed by this much and by one item, because an item is never interrupted. */
const SLICE_MS = 3;
/**
 * A slice begins only with every 16th item; the items before it are processed without reading the clock. Most requests
 * have a single item, for which a clock reading and a `setImmediate` would be a waste.
 */
const ITEMS_BEFORE_SLICE = 16;

/** Items since the last slice ended, while no slice is running. */
let untimedItems = 0;
/** When the running slice is over, by `performance.now`; undefined while no slice is running. */
let sliceEnd: number | undefined;
/**
 * Waiting callers, first in, first out, as two stacks: new callers are pushed onto `incoming`, and the longest waiting
 * one is at the end of `outgoing`. Unlike `Array.shift`, this never moves the elements of a long queue.
 */
interface Queue {
  incoming: (() => void)[];
  outgoing: (() => void)[];
}

/** The queues of the groups that have waiting callers, in the order in which they are served next. */
const queues = new Map<string, Queue>();

/**
 * Whether one more item may be processed now, or so many that belong together. When it returns false, await `nextSlice`
 * and call this again.
 */
export function hasSliceTime(items = 1): boolean {
  if (sliceEnd !== undefined) return performance.now() < sliceEnd;
  untimedItems += items;
  if (untimedItems < ITEMS_BEFORE_SLICE) return true;
  untimedItems = 0;
  sliceEnd = performance.now() + SLICE_MS;
  setImmediate(() => {
    sliceEnd = undefined;
    wakeNext();
  });
  return true;
}

/**
 * Resolves once the event loop has handled other work. Callers that were woken earlier may have used up the new slice
 * already, so `hasSliceTime` must be called again. Call this only after `hasSliceTime` has returned false: only then is
 * it certain that a `setImmediate` callback is pending, which wakes the caller.
 *
 * Groups, such as the accounts that the work is for, are served in turn, however many callers of one are waiting.
 */
export function nextSlice(group = ''): Promise<void> {
  return new Promise((resolve) => {
    let queue = queues.get(group);
    if (!queue) {
      queue = { incoming: [], outgoing: [] };
      queues.set(group, queue);
    }
    queue.incoming.push(resolve);
  });
}

/**
 * Wakes the waiting callers one by one, for as long as the slice has time: a caller continues in a microtask, before
 * the next one is woken. The others stay in their queues until the slice has ended, when this runs again. To wake all
 * of them for every slice would cost more than their work.
 */
function wakeNext(): void {
  if (sliceEnd !== undefined && performance.now() >= sliceEnd) return;
  const [next] = queues;
  if (!next) return;
  const [group, queue] = next;
  if (queue.outgoing.length === 0) [queue.outgoing, queue.incoming] = [queue.incoming.reverse(), queue.outgoing];
  const wake = queue.outgoing.pop();
  // To the end of the round, or out of it.
  queues.delete(group);
  if (queue.outgoing.length + queue.incoming.length > 0) queues.set(group, queue);
  wake?.();
  queueMicrotask(wakeNext);
}
