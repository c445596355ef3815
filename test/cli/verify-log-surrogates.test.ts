// What verify-log says of types and values that were taken in before lone surrogates were refused.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../src/crypto/local-keyring.js';
import type { Context } from '../../src/domain/request/context.js';
import { EVERYTHING } from '../../src/domain/request/grant.js';
import { createAgentSecret } from '../../src/domain/secrets/agent-secret-create.js';
import { parseAnalysedType } from '../../src/domain/types/analysed-type-parse.js';
import { parseJson } from '../../src/json/parse.js';
import { createLogger } from '../../src/logging/logger.js';
import { servicesOn } from '../../src/start/services.js';
import { openPostgres } from '../../src/store/engine/client.js';
import { call, developer } from '../server/process/client.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres/database.js';
import { type RunningServer, runToEnd, startServer } from '../support/server.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let database: TestDatabase;
let server: RunningServer;
let env: Record<string, string>;
const ids: string[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  const keyring = generateKeyring();
  env = { DATABASE_URL: database.url, MASTER_KEYS: keyring };
  server = await startServer({ env });
  const { accountId, environmentId } = server.facts();
  const db = openPostgres({
    url: database.url,
    poolSize: 2,
    statementTimeout: 10_000,
    connectTimeout: 5,
    prepare: true,
  });
  const services = servicesOn(db, localKeyProvider(parseKeyring(keyring)), createLogger('error'), 'off');
  try {
    const actor = { accountId, tokenId: null, isAdmin: false, grant: EVERYTHING };
    const ctx: Context = { services, actor, requestId: 'before', door: 'rest' };
    const kept = (text: string) => parseJson(text, { keepsLoneSurrogates: true });
    for (const [path, type, value] of [
      ['oldValue', '{"type":"Str"}', '"\\ud83d"'],
      ['oldType', '{"type":"Enum","cases":["nameless\\udc00"]}', 'null'],
      ['both', '{"type":"Enum","cases":["\\udc00","\\\\ud83d"]}', '"\\udc00"'],
      // Text that only looks like it.
      ['fine', '{"type":"Str","name":"a"}', '"\\\\ud83d \\\\\\\\udc00 \\ud83d\\udd11"'],
    ] as const) {
      const secretType = parseAnalysedType(kept(type));
      // No door takes it in any more.
      const made = await createAgentSecret(ctx, { environmentId, path: [path], secretType, secretValue: kept(value) });
      ids.push(made.id);
    }
  } finally {
    await services.feed.close();
    await services.reads.flush();
    await db.close();
  }
});
afterAll(async () => {
  await server?.stop();
  await database?.drop();
});

const verifyLog = (...args: string[]) => runToEnd({ script: 'cli/verify-log.js', args, env });

test('each is named, without what it holds, and the log is in order all the same', async () => {
  const { environmentId } = server.facts();
  const { code, stdout, stderr } = await verifyLog();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const named = (revision: number, part: string, index: number, path: string) =>
    `environment ${environmentId}: revision ${revision}: the ${part} of secret ${ids[index]} (${path}) has lone surrogates, which strict clients cannot read`;
  expect(stdout.split('\n')).toEqual([
    named(7, 'value', 0, 'oldValue'),
    named(8, 'type', 1, 'oldType'),
    named(9, 'type', 2, 'both'),
    named(9, 'value', 2, 'both'),
    expect.stringMatching(/: ok, revision 10, .*, 4 types and values with lone surrogates, head /),
    '',
  ]);
  expect(stdout).not.toMatch(/nameless|\\u|\ufffd/);
});

test('without keys the types are named; what is replaced or deleted is no longer current', async () => {
  const unset = { currentRevision: 0, secretValue: { op: 'unset' } };
  expect((await call(developer(server), 'PATCH', `/v1/agent-secrets/${ids[0]}`, unset)).status).toBe(200);
  expect((await call(developer(server), 'DELETE', `/v1/agent-secret/${ids[2]}?current_revision=0`)).status).toBe(200);
  const { stdout } = await verifyLog();
  expect(stdout).toContain(`${ids[0]} (oldValue), no longer current, has`);
  expect(stdout.match(new RegExp(`${ids[2]} \\(both\\), no longer current, has`, 'g'))).toHaveLength(2);
  expect((await verifyLog('--no-keys')).stdout).toContain(', 2 types and values with lone surrogates');
});
