// How many bytes the byte budget has, when nobody has told.
import { constrainedMemory } from 'node:process';
import { getHeapStatistics } from 'node:v8';

/** The part of the memory limit that answers under way may hold. The rest is for everything else, and for garbage. */
const SHARE = 0.2;

/** A budget's capacity by default: a share of the memory limit of this process, that of a container included. */
export function memoryShare(): number {
  // Without a limit it is absent, zero, or more than any machine has.
  const constrained = constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.floor(SHARE * Math.min(getHeapStatistics().heap_size_limit, constrained));
}
