// New ids: UUID version 7, so that ids sort by the time at which they were made.
import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';
import { uuidText } from './uuid.js';

/** Random numbers for many ids at once. A call of the system for each id would cost as much as everything else about it. */
const random = new Uint32Array(1_024);
let used = random.length;
const ids = new V7Generator({
  nextUint32() {
    if (used === random.length) {
      randomFillSync(random);
      used = 0;
    }
    return random[used++] as number;
  },
});

export function newId(): string {
  return uuidText(ids.generate().bytes);
}
