// Writes that go together in one statement: tried again on their own only where it is certain that none of them was done.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { session } from '../../../src/store/engine/client.js';
import { type Update, updateAgentSecret } from '../../../src/store/secrets/agent-secret-write.js';

/** A driver of which every statement fails. */
function failing(error: Error) {
  const sent: string[] = [];
  const run = async (text: string) => {
    sent.push(text);
    throw error;
  };
  return { sent, db: session(run, async () => {}) };
}

function update(sealedBytes = 10): Update {
  return {
    id: randomUUID(),
    environmentId: randomUUID(),
    value: { sealedValue: Buffer.alloc(sealedBytes), valueRevision: 1n, keyVersion: 1, keysId: Buffer.alloc(16) },
    entry: {
      change: 'updated',
      at: new Date(),
      accountId: randomUUID(),
      tokenId: null,
      valueDigest: Buffer.alloc(32),
      deletedAt: null,
      entryDigest: Buffer.alloc(32),
    },
    currentRevision: 0n,
    keepsValue: false,
    allowedRoles: '',
    valueBytes: sealedBytes,
  };
}

const together = (error: Error, ...writes: Update[]) => {
  const { db, sent } = failing(error);
  return Promise.allSettled(writes.map((write) => updateAgentSecret(db, write))).then((outcomes) => ({
    sent: sent.length,
    reasons: outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason),
  }));
};

test('what the database has refused is tried one by one', async () => {
  const refused = Object.assign(new Error('no'), { severity: 'ERROR', code: 'P0001' });
  expect(await together(refused, update(), update())).toEqual({ sent: 3, reasons: [refused, refused] });
});

test('what the database has ended for its time is tried one by one: it may have been another’s time', async () => {
  const late = Object.assign(new Error('canceling statement'), { severity: 'ERROR', code: '57014' });
  const { sent, reasons } = await together(late, update(), update());
  expect(sent).toBe(3);
  expect(reasons).toMatchObject([{ code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }]);
});

test('what may have been done before the connection broke is not tried again', async () => {
  const broken = Object.assign(new Error('network is down'), { code: 'ENETDOWN' });
  const lost = { code: 'UNAVAILABLE', cause: broken };
  expect(await together(broken, update(), update())).toMatchObject({ sent: 1, reasons: [lost, lost] });
});

test('large values go alone, so that one statement never holds many of them', async () => {
  const broken = Object.assign(new Error('network is down'), { code: 'ENETDOWN' });
  const writes = [update(500_000), update(500_000), update(), update()];
  expect((await together(broken, ...writes)).sent).toBe(3);
});
