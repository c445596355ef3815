// A log is verified while it is written: each verification sees one moment of it, in order, and disturbs nobody.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type VerifiedLog, verifyLog } from '../../src/domain/log/log-verification.js';
import { inSnapshot } from '../../src/store/log/log-verification.js';
import { createTestApp, type TestApp } from '../support/app.js';
import { createHistory } from '../support/log/history.js';
import { createWorld } from '../support/world.js';
import { randomFrom } from './support/writer.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const WRITERS = 4;
const VERIFICATIONS = 25;

let app: TestApp;
beforeEach(async () => {
  app = await createTestApp();
});
afterEach(() => app.close());

test(`${VERIFICATIONS} verifications beside ${WRITERS} writers find every state in order, and later ones later states`, async () => {
  const { people, environmentId } = await createWorld(app);
  let isOver = false;
  const writers = Array.from({ length: WRITERS }, async (_, index) => {
    const write = createHistory(app, { environmentId, token: people.owner.token, random: randomFrom(index) });
    while (!isOver) await write(1);
  });
  const { db, keyProvider } = app.services;
  const seen: bigint[] = [];
  // Writers are slow where much else goes on: then there are more verifications.
  const isEnough = () =>
    seen.length >= 20 * VERIFICATIONS || (seen.length >= VERIFICATIONS && new Set(seen).size > VERIFICATIONS / 2);
  let hash: Uint8Array = Buffer.alloc(0);
  try {
    while (!isEnough()) {
      // What one has seen is a head that the next must lead through.
      const revision = seen.at(-1);
      const head = revision === undefined ? undefined : { environmentId, revision, hash };
      const result = await inSnapshot(db, (tx) => verifyLog(tx, environmentId, { keyProvider, head }));
      expect(result, (result as Error).message).toMatchObject({ isIntact: true });
      ({ hash } = result as VerifiedLog);
      seen.push((result as VerifiedLog).revision);
    }
  } finally {
    isOver = true;
    await Promise.all(writers);
  }
  // Otherwise nobody has written beside them.
  expect(new Set(seen).size).toBeGreaterThan(VERIFICATIONS / 2);
  expect(seen).toEqual([...seen].sort((a, b) => Number(a - b)));
});
