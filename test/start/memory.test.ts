// What callers can make a process keep: caches are bounded in memory, whatever is sent.
import { expect, test, vi } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { startServer } from '../support/server.js';
import { type Caller, call, developer, until } from './client.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

/** Collects garbage when it is asked to, and says what is left. */
const PROBE = `import v8 from 'node:v8'; import vm from 'node:vm';
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  process.on('SIGUSR2', () => { gc(); gc(); process.stdout.write('heap ' + process.memoryUsage().heapUsed + '\\n'); });`;

test('thousands of different GraphQL documents leave less than 40 MB behind', async () => {
  const DOCUMENTS = 6_000;
  const database = await createTestDatabase();
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(PROBE)}`;
  const server = await startServer({ env: { DATABASE_URL: database.url, NODE_OPTIONS } });
  async function heap(): Promise<number> {
    const before = server.stdout().length;
    server.child.kill('SIGUSR2');
    const said = () => /^heap (\d+)$/m.exec(server.stdout().slice(before))?.[1];
    return Number(await until('the process tells', async () => said())) / 2 ** 20;
  }
  async function send(caller: Caller, n: number): Promise<void> {
    const fields = Array.from({ length: 20 }, (_, index) => `f${index}: name`).join(' ');
    const { body } = await call(caller, 'POST', '/graphql', { query: `{ viewer { ${fields} } } #${n}` });
    expect(body.data).toBeDefined();
  }
  try {
    const caller = developer(server);
    for (let n = 0; n < 100; n += 1) await send(caller, n);
    const before = await heap();
    for (let n = 100; n < DOCUMENTS; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => send(caller, n + index)));
    }
    const left = (await heap()) - before;
    console.log(`${DOCUMENTS} documents leave ${left.toFixed(1)} MB behind`);
    expect(left).toBeLessThan(40);
  } finally {
    await server.kill9();
    await database.drop();
  }
});
