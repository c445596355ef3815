// What the verification of a log accepts, and what it calls the first bad row of each kind.
import { randomInt } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { openWith } from '../../../src/domain/keys/opened-value.js';
import { sealWith } from '../../../src/domain/keys/sealed-value.js';
import { LogFinding } from '../../../src/domain/log/log-finding.js';
import { type VerifiedLog, verifyLog } from '../../../src/domain/log/log-verification.js';
import type { Session } from '../../../src/store/engine/client.js';
import { findEnvironmentIds, inSnapshot } from '../../../src/store/log/log-verification.js';
import { randomFrom } from '../../races/support/writer.js';
import { databaseKind } from '../../support/app.js';
import { canary } from '../../support/canary.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { createHistory } from '../../support/log/history.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';
import { readTables, replaceAll, update } from './tables-as-text.js';

const { app, world, token } = await graphqlSuite();

const newEnvironment = () => createEnvironment(app, token, world.applicationId);
const verify = (environmentId: string, session: Session = app.services.db) =>
  verifyLog(session, environmentId, { keyProvider: app.services.keyProvider });

describe('a long honest history', () => {
  const seed = randomInt(2 ** 31);
  let environmentId: string;
  beforeAll(async () => {
    environmentId = await newEnvironment();
    // More than two pages.
    await createHistory(app, { environmentId, token, random: randomFrom(seed) })(
      databaseKind() === 'postgres' ? 900 : 400,
    );
  }, 240_000);

  test('is in order, with as many secrets as there are, and every value that is left opened', async () => {
    const { log, secrets, environments } = await readTables(app.services.db);
    const own = log.filter((row) => row.environment_id === environmentId);
    expect(new Set(own.map(({ change }) => change)).size, `seed ${seed}`).toBe(6);
    const head = environments.find(({ id }) => id === environmentId)!;
    const result = await verify(environmentId);
    expect(result, `seed ${seed}: ${(result as LogFinding).message}`).toEqual({
      isIntact: true,
      environmentId,
      revision: BigInt(own.length),
      hash: expect.anything(),
      secretCount: secrets.filter((row) => row.environment_id === environmentId && row.deleted_at === null).length,
      openedValues: own.filter(({ sealed_value }) => sealed_value !== null).length,
      facts: { version: 1, digest: expect.anything(), isSealed: true },
    });
    expect(`\\x${Buffer.from((result as VerifiedLog).hash).toString('hex')}`).toBe(head.head_hash);
  });

  test('stays in order when its values are sealed anew', async () => {
    const { db, keys } = app.services;
    const { log, secrets } = await readTables(db);
    const own = log.filter(({ environment_id, sealed_value }) => environment_id === environmentId && sealed_value);
    const ready = await keys.keysOf(environmentId);
    const statements = own.map(({ environment_revision, agent_secret_id: id, revision, sealed_value: old }) => {
      const { path, secret_type: secretType } = secrets.find((secret) => secret.id === id)!;
      const place = { environmentId, id, path, secretType, valueRevision: BigInt(revision) };
      const text = openWith(ready, place, Buffer.from(old.slice(2), 'hex'));
      const { sealedValue } = sealWith(ready, place, BigInt(revision), text);
      const sealed_value = `\\x${Buffer.from(sealedValue as Uint8Array).toString('hex')}`;
      return (
        update('agent_secret_revisions', { environment_id: environmentId, environment_revision }, { sealed_value }) +
        update('agent_secrets', { id, value_revision: revision }, { sealed_value })
      );
    });
    await db.script(statements.join('\n'));
    expect(await verify(environmentId), `seed ${seed}`).toMatchObject({ isIntact: true, openedValues: own.length });
  });

  test('has a head at every revision that it leads through, and at no other', async () => {
    const { log } = await readTables(app.services.db);
    const own = log.filter((row) => row.environment_id === environmentId);
    for (const { environment_revision, hash } of own.filter((_, index) => index % 97 === 0)) {
      const head = { environmentId, revision: BigInt(environment_revision), hash: Buffer.from(hash.slice(2), 'hex') };
      expect(await verifyLog(app.services.db, environmentId, { head })).toMatchObject({ isIntact: true });
      const wrong = await verifyLog(app.services.db, environmentId, {
        head: { ...head, revision: head.revision + 1n },
      });
      expect(wrong).toMatchObject({ isIntact: false, kind: 'head', environmentRevision: head.revision + 1n });
    }
  });
});

test('an environment without a write is in order', async () => {
  const environmentId = await newEnvironment();
  expect(await verify(environmentId)).toMatchObject({ isIntact: true, revision: 0n, secretCount: 0, openedValues: 0 });
});

test('there is nothing to say of an environment that never was, unless a head was exported', async () => {
  const environmentId = '00000000-0000-7000-8000-00000000abcd';
  expect(await verify(environmentId)).toBeUndefined();
  const head = { environmentId, revision: 1n, hash: Buffer.alloc(32) };
  expect(await verifyLog(app.services.db, environmentId, { head })).toMatchObject({ kind: 'head' });
});

test('environments are found page by page, deleted ones too', async () => {
  const { db } = app.services;
  const gone = await newEnvironment();
  await db.script(update('environments', { id: gone }, { deleted_at: new Date().toISOString() }));
  const all: string[] = [];
  for (let after: string | null = null; ; after = all.at(-1)!) {
    const page = await findEnvironmentIds(db, { after, limit: 2 });
    all.push(...page);
    if (page.length < 2) break;
  }
  expect(all).toEqual((await readTables(db)).environments.map(({ id }) => id));
  expect(all).toContain(gone);
});

test('a snapshot can be verified in, and not written in', async () => {
  const environmentId = await newEnvironment();
  expect(await inSnapshot(app.services.db, (tx) => verify(environmentId, tx))).toMatchObject({ isIntact: true });
  const write = inSnapshot(app.services.db, (tx) =>
    tx.script(update('environments', { id: environmentId }, { secret_count: 1 })),
  );
  await expect(write).rejects.toMatchObject({ cause: { code: '25006' } });
});

describe('the first bad row is named', () => {
  let environmentId: string;
  let id: string;
  let rows: Record<string, any>[];
  let secrets: Record<string, any>[];
  beforeAll(async () => {
    environmentId = await newEnvironment();
    const input = () => ({ environmentId, path: [unique('s')], secretType: { type: 'Str' }, secretValue: canary() });
    ({ id } = await done(createSecret(app, token, input())));
    const other = await done(createSecret(app, token, input()));
    for (const currentRevision of [0, 1, 2]) {
      const secretValue = { op: 'SET', value: canary() };
      await done(updateSecret(app, token, { id, currentRevision, secretValue }));
    }
    await done(updateSecret(app, token, { id: other.id, currentRevision: 0 }));
    await done(deleteSecret(app, token, { id: other.id, currentRevision: 1 }));
    await done(updateSecret(app, token, { id, currentRevision: 3 }));
    const tables = await readTables(app.services.db);
    rows = tables.log.filter((row) => row.environment_id === environmentId);
    secrets = tables.secrets.filter((row) => row.environment_id === environmentId);
    expect(rows).toHaveLength(8);
  });

  class Undo extends Error {}
  async function findingAfter(statements: string): Promise<[string, bigint | null, string]> {
    let found: unknown;
    const undone = app.services.db.transaction(async (tx) => {
      await tx.script(statements);
      found = await verify(environmentId, tx);
      throw new Undo();
    });
    await expect(undone).rejects.toThrow(Undo);
    expect(found).toBeInstanceOf(LogFinding);
    const { kind, environmentRevision, message } = found as LogFinding;
    return [kind, environmentRevision, message];
  }
  const edit = (revision: number, columns: object) =>
    update('agent_secret_revisions', { environment_id: environmentId, environment_revision: revision }, columns);
  const numbered = (log: Record<string, any>[]) =>
    replaceAll(environmentId, { log: log.map((row, index) => ({ ...row, environment_revision: index + 1 })) });
  const without = ({ environment_id: _, environment_revision: __, ...rest }: any) => rest;

  test('an edited one', async () => {
    const edited = edit(4, { account_id: id });
    expect(await findingAfter(edited)).toEqual(['edited', 4n, expect.stringMatching(/^edited: /)]);
  });

  test('an edited one that its hash does not cover', async () => {
    const deletion = rows.find(({ change }) => change === 'deleted')!.environment_revision;
    const finding = await findingAfter(edit(deletion, { deleted_at: null }));
    expect(finding).toEqual(['edited', BigInt(deletion), expect.stringContaining('deleted_at')]);
  });

  test('a removed one, also when the rest was numbered anew', async () => {
    const removed = `delete from agent_secret_revisions where environment_id = '${environmentId}' and environment_revision = 5;`;
    expect(await findingAfter(removed)).toEqual(['removed', 5n, 'removed: the next row is of revision 6']);
    const closed = numbered(rows.filter((_, index) => index !== 4));
    expect(await findingAfter(closed)).toEqual(['removed', 5n, expect.stringMatching(/^removed: /)]);
  });

  test('one cut off', async () => {
    const cut = `delete from agent_secret_revisions where environment_id = '${environmentId}' and environment_revision > 7;`;
    const finding = await findingAfter(cut + update('agent_secrets', { id }, { revision: 3, updated_at: rows[4]!.at }));
    expect(finding).toEqual(['removed', 8n, 'removed: the log ends at revision 7, the environment is at 8']);
  });

  test('an inserted one', async () => {
    const foreign = { ...rows[5], agent_secret_id: id, revision: 77 };
    const inserted = numbered([...rows.slice(0, 3), foreign, ...rows.slice(3)]);
    expect(await findingAfter(inserted)).toEqual(['inserted', 4n, expect.stringMatching(/^inserted: /)]);
  });

  test.each([
    [3, 6],
    [3, 4],
  ])('reordered ones: %i and %i', async (one, other) => {
    const first = rows[one - 1];
    const second = rows[other - 1];
    // Through a third place, for the sake of uniqueness.
    const swap = edit(one, { revision: -1 }) + edit(other, without(first)) + edit(one, without(second));
    expect(await findingAfter(swap)).toEqual([
      'reordered',
      BigInt(one),
      `reordered: this row was written as revision ${other}`,
    ]);
  });

  test.each([
    ['secret_type', { secret_type: '{"type":"U64"}' }, 1n, 'path or secret_type'],
    ['path', { path: 'elsewhere' }, 1n, 'path or secret_type'],
    ['created_at', { created_at: '2020-01-01' }, 1n, 'created_at'],
    ['type_kind', { type_kind: 'U64' }, 8n, 'type_kind'],
    ['revision', { revision: 3 }, 8n, 'revision'],
    ['value_revision', { value_revision: 0 }, 8n, 'value_revision'],
    ['sealed_value', { sealed_value: null }, 8n, 'sealed_value'],
    ['updated_at', { updated_at: '2020-01-01' }, 8n, 'updated_at'],
    ['deleted_at', { deleted_at: '2020-01-01' }, 8n, 'deleted_at'],
  ])('a current secret that disagrees in %s', async (_, columns, revision, column) => {
    const message = `the current secret ${id} disagrees with the log in ${column}`;
    expect(await findingAfter(update('agent_secrets', { id }, columns))).toEqual(['secret', revision, message]);
  });

  test('a value that does not open, one that differs, and one that is missing', async () => {
    const old = rows.find((row) => row.agent_secret_id === id && row.revision === 0)!;
    const place = BigInt(old.environment_revision);
    const value = `the value of revision 0 of the secret ${id}`;
    const moved = edit(old.environment_revision, { sealed_value: rows[2]!.sealed_value });
    expect(await findingAfter(moved)).toEqual(['value', place, expect.stringContaining(`${value} does not open`)]);
    const keys = await app.services.keys.keysOf(environmentId);
    const { path, secret_type: secretType } = secrets.find((secret) => secret.id === id)!;
    const { sealedValue } = sealWith(keys, { environmentId, id, path, secretType }, 0n, '"another"');
    const sealed_value = `\\x${Buffer.from(sealedValue as Uint8Array).toString('hex')}`;
    const other = edit(old.environment_revision, { sealed_value });
    expect(await findingAfter(other)).toEqual(['value', place, expect.stringContaining(`${value} differs`)]);
    const gone = edit(old.environment_revision, { sealed_value: null });
    expect(await findingAfter(gone)).toEqual(['value', place, expect.stringContaining(`${value} is missing`)]);
  });

  test('of two, the earlier', async () => {
    const both = edit(6, { token_id: null, account_id: id }) + edit(3, { sealed_value: secrets[0]!.id.slice(0, 8) });
    expect(await findingAfter(both)).toEqual(['value', 3n, expect.anything()]);
  });

  test('an environment that disagrees', async () => {
    const end = (columns: object) => findingAfter(update('environments', { id: environmentId }, columns));
    const disagrees = (column: string) => ['environment', null, `the environment disagrees with the log in ${column}`];
    expect(await end({ revision: 7 })).toEqual(disagrees('revision'));
    expect(await end({ head_hash: '\\x00' })).toEqual(disagrees('head_hash'));
    expect(await end({ secret_count: 2 })).toEqual(disagrees('secret_count'));
  });
});
