// A JSON array whose items are made while it is printed, so that a long list never stands in memory as a whole.
import type { RawJson } from './exact.js';

export class JsonList {
  /** The items in portions. Read once. */
  readonly portions: AsyncIterable<readonly RawJson[]>;
  /** About how many bytes all items have together. */
  readonly bytes: number;

  constructor(portions: AsyncIterable<readonly RawJson[]>, bytes: number) {
    this.portions = portions;
    this.bytes = bytes;
  }
}
