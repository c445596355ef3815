// A process that has no file left to open: nothing new reaches its database, which is an outage and no fault.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/database.js';
import { type Network, networkTo } from '../../support/postgres/network.js';
import { type RunningServer, startServer } from '../../support/server.js';
import { until } from './client.js';

vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let network: Network;
let server: RunningServer;
/** One connection, opened while that was possible. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  database = await createTestDatabase();
  network = await networkTo(database.url);
  server = await startServer({ env: { DATABASE_URL: network.url } });
});
afterAll(async () => {
  agent.destroy();
  await server?.kill9();
  network?.close();
  await database?.drop();
});

function ask(path: string, body?: object): Promise<{ status: number; retryAfter: string | undefined; body: any }> {
  const { token } = server.facts();
  const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, { agent, method: body ? 'POST' : 'GET', headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      incoming.on('end', () => {
        const { statusCode = 0, headers: told } = incoming;
        resolve({ status: statusCode, retryAfter: told['retry-after'], body: JSON.parse(text) });
      });
    });
    outgoing.on('error', reject).end(body && JSON.stringify(body));
  });
}

/** As `ulimit -n` does, for a process that is running. */
const limitFiles = (limit: string) =>
  promisify(execFile)('prlimit', ['--pid', String(server.child.pid), `--nofile=${limit}`]);

describe.skipIf(!existsSync('/usr/bin/prlimit'))('without a file left', () => {
  test('both doors answer 503, and go on when there are some', async () => {
    const { environmentId } = server.facts();
    const list = `/v1/envs/${environmentId}/agent-secrets`;
    const query = { query: `{ environment(id: "${environmentId}") { name } }` };
    const create = { path: ['n'], secretType: { type: 'Str' }, secretValue: 'x' };
    expect((await ask(list)).status).toBe(200);
    const open = readdirSync(`/proc/${server.child.pid}/fd`).length;
    // The connections to the database end, and their places are taken.
    await limitFiles(`${Math.max(1, open - 8)}:`);
    network.cut();
    try {
      const message = 'The database cannot be reached: too many files or connections are open here, try again later';
      // The first refusal may be of the connections that were cut.
      const refused = await until('the files are used up', async () => {
        const answer = await ask(list);
        if (answer.status !== 200) expect(answer.status, JSON.stringify(answer.body)).toBe(503);
        return answer.body.error === message && answer;
      });
      const answers = [refused, await ask(list, create), await ask('/graphql', query)];
      for (const answer of answers)
        expect([answer.status, answer.retryAfter], JSON.stringify(answer.body)).toEqual([503, '2']);
      expect(answers.slice(0, 2).map(({ body }) => body)).toEqual(
        Array(2).fill({ code: 'UNAVAILABLE', error: message }),
      );
      expect(answers[2]?.body.errors).toMatchObject([{ message, extensions: { code: 'UNAVAILABLE' } }]);
    } finally {
      await limitFiles('1024:');
    }
    await until('it goes on', async () => (await ask(list)).status === 200);
    expect((await ask('/graphql', query)).status).toBe(200);
    expect(server.stderr()).toContain('"code":"EMFILE"');
    expect(server.stderr()).not.toContain('unexpected error');
  });
});
