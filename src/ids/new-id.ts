// Generates new ids: UUIDs of version 7, which sort by the time of their creation.
import { randomFillSync } from 'node:crypto';
import { V7Generator } from 'uuidv7';
import { bucketOf } from './bucket.js';
import { uuidText } from './uuid.js';

/**
 * Random numbers for many ids, filled by one system call. A call per id would cost as much as everything else about it.
 */
const random = new Uint32Array(1_024);
let used = random.length;
function nextUint32(): number {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  return random[used++] as number;
}
const ids = new V7Generator({ nextUint32 });

export function newId(): string {
  return uuidText(ids.generate().bytes);
}

/**
 * An id for what belongs to an environment. The twelve bits behind the version are the environment's bucket, so that the
 * id alone tells which server it is on, should buckets ever be on different ones. The last 62 bits are random.
 */
export function newIdIn(environmentId: string): string {
  const bytes = Buffer.from(ids.generate().bytes);
  bytes.writeUInt16BE(0x7000 | bucketOf(environmentId), 6);
  bytes.writeUInt32BE((0x8000_0000 | (nextUint32() & 0x3fff_ffff)) >>> 0, 8);
  bytes.writeUInt32BE(nextUint32(), 12);
  return uuidText(bytes);
}
