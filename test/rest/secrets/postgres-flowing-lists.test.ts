// Large lists flow: in portions, of one state of the environment, no faster than the client takes them, and never a short
// list that looks whole.
import { get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../../src/server/app.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import { ask } from '../../support/graphql/client.js';
import { changeSet, type Result, rowsOf } from '../../support/graphql/log.js';
import { createSecret, type Secret } from '../../support/graphql/secrets.js';
import { closed, listening } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const SECRETS = 400;
const IN_A_SET = 20;
const nthValue = (n: number) => `${n}:${'x'.repeat(40_000)}`;

const { app, token } = await restSuite({ maxBodyBytes: 8 * 1024 * 1024, readAudit: 'strict' });
let server: Server;
let environmentId: string;
const ids: string[] = [];
beforeAll(async () => {
  environmentId = await createEnvironment(app, token, app.world.applicationId);
  for (let first = 0; first < SECRETS; first += IN_A_SET) {
    const changes = Array.from({ length: IN_A_SET }, (_, n) => ({
      create: {
        path: [`s${String(first + n).padStart(3, '0')}`],
        secretType: { type: 'Str' },
        secretValue: nthValue(first + n),
      },
    }));
    const { results } = await changeSet(app, token, { environmentId, changes });
    ids.push(...(results as Result[]).map(({ id }) => id as string));
  }
  // The app of the tests looks through every answer, all at once.
  const { services, config } = app;
  server = await listening(createHttpServer(createApp({ services, config }).fetch, { log: services.log }));
});
afterAll(() => closed(server));

/** The answer to a list, of which nothing is read yet. */
function opened(): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const path = `/v1/envs/${environmentId}/agent-secrets`;
  return new Promise((resolve, reject) => {
    get({ port, path, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      answer.pause();
      resolve(answer);
    }).on('error', reject);
  });
}

/** The rest of an answer; rejects when it does not come whole. */
async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const held = () => app.services.memory.used;

test('holds a few portions while the client reads, and nothing behind it', async () => {
  const answer = await opened();
  expect(answer.statusCode).toBe(200);
  expect(held()).toBeGreaterThan(0);
  expect(held()).toBeLessThan(4 * 1024 * 1024);
  const { values } = JSON.parse(await textOf(answer));
  expect(values.map(({ secretValue }: { secretValue: string }) => secretValue)).toEqual(ids.map((_, n) => nthValue(n)));
  await expect.poll(held).toBe(0);
});

test('shows the state of its beginning, whatever is written meanwhile, and holds no connection', async () => {
  const answer = await opened();
  const last = ids.at(-1) as string;
  const changed = await changeSet(app, token, {
    environmentId,
    changes: [
      { update: { id: last, currentRevision: 0, secretValue: { op: 'SET', value: 'changed' } } },
      { delete: { id: ids.at(-2), currentRevision: 0 } },
    ],
  });
  expect(changed.applied).toBe(true);
  const [{ count }] = (await rowsOf(
    app,
    `select count(*)::int as count from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  )) as [{ count: number }];
  expect(count).toBe(0);
  const { values } = JSON.parse(await textOf(answer));
  expect(values).toHaveLength(SECRETS);
  expect(values.at(-1)).toMatchObject({ id: last, revision: 0, secretValue: nthValue(SECRETS - 1) });
});

test('ends visibly when a value does not open after the first byte, and the log says once which', async () => {
  const broken = (await createSecret(app, token, {
    environmentId,
    path: ['z-broken'],
    secretType: { type: 'Str' },
    secretValue: 'v',
  })) as Secret;
  const answer = await opened();
  await rowsOf(
    app,
    `update agent_secret_revisions set sealed_value = set_byte(sealed_value, 40, (get_byte(sealed_value, 40) + 1) % 256) where agent_secret_id = $1`,
    [broken.id],
  );
  await expect(textOf(answer)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(held).toBe(0);
  const lines = app.logs.filter((line) => line.includes(broken.id)).map((line) => JSON.parse(line));
  expect(lines).toEqual([
    expect.objectContaining({ level: 'error', agentSecretIds: [broken.id], requestId: answer.headers['x-request-id'] }),
  ]);
  await rowsOf(app, `delete from agent_secret_revisions where false`);
  const { agentSecret } = await ask(app, token, 'query ($id: UUID!) { agentSecret(id: $id) { secretValue } }', {
    id: broken.id,
  });
  expect(agentSecret.secretValue).toBe('v');
});

test('is given up when the client leaves', async () => {
  const answer = await opened();
  answer.destroy();
  await expect.poll(held).toBe(0);
});
