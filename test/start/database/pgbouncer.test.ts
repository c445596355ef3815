// Behind a real PgBouncer in transaction mode, configured as the page about databases says.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateKeyring } from '../../../src/crypto/local-keyring.js';
import { createEmptyDatabase } from '../../races/support/empty-database.js';
import { call, createSecret, developer, secretsOf } from '../../server/process/client.js';
import type { TestDatabase } from '../../support/postgres/database.js';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../../support/postgres/pgbouncer.js';
import { runToEnd, startServer } from '../../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const isInstalled = hasPgBouncer();
if (!isInstalled)
  process.stderr.write('PgBouncer is not installed (apt-get install pgbouncer): its tests are skipped\n');

describe.runIf(isInstalled)('behind PgBouncer', () => {
  const MASTER_KEYS = generateKeyring();
  let database: TestDatabase;
  let pooler: PgBouncer;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    pooler = await startPgBouncer(database.url);
  });
  afterAll(async () => {
    await pooler?.stop();
    await database?.drop();
  });

  const refusalOf = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await runToEnd({ env: { MASTER_KEYS, ...env } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr;
  };

  test('what it refuses is shown in its own words, and DATABASE_POOLER is named only where it helps', async () => {
    expect(await refusalOf({ DATABASE_URL: pooler.url })).toMatch(
      /^Cannot start: the pooler of DATABASE_URL refuses the connection \(08P01\): unsupported startup parameter: \w+; behind a pooler set DATABASE_POOLER=true\n$/,
    );
    const behind = { DATABASE_POOLER: 'true' };
    const elsewhere = Object.assign(new URL(pooler.url), { pathname: '/nowhere' }).href;
    expect(await refusalOf({ ...behind, DATABASE_URL: elsewhere })).toBe(
      'Cannot start: the pooler of DATABASE_URL refuses the connection (08P01): no such database: nowhere\n',
    );
    expect(await refusalOf({ ...behind, DATABASE_URL: `${pooler.url}?options=-cwork_mem%3D8MB` })).toBe(
      'Cannot start: the pooler of DATABASE_URL refuses the connection (08P01): unsupported startup parameter: options; leave options out of DATABASE_URL\n',
    );
  });

  test('the service starts on an empty database, reads and writes, and so do its commands', async () => {
    const env = { DATABASE_URL: pooler.url, DATABASE_POOLER: 'true', MASTER_KEYS };
    const server = await startServer({ env });
    const { id } = await createSecret(server, 'pooled', 'x');
    const update = (currentRevision: number) =>
      call(developer(server), 'PATCH', `/v1/agent-secrets/${id}`, {
        currentRevision,
        secretValue: { op: 'set', value: 'y' },
      });
    // More at once than there are connections to the server.
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => update(0)));
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await secretsOf(server)).size).toBe(7);
    expect(await runToEnd({ script: 'cli/verify-log.js', env })).toMatchObject({ code: 0 });
    await server.stop();
  });
});
