// Generates new ids: UUIDs of version 7, which sort by the time of their creation.
import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';
import { uuidText } from './uuid.js';

/**
 * Random numbers for many ids, filled by one system call. A call per id would cost as much as everything else about it.
 */
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
