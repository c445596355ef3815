// How the suites run: pure ones once, those that touch rows on a real Postgres and again on the embedded database.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const doors = ['test/graphql', 'test/rest', 'test/server', 'test/store'].map((folder) => `${folder}/**/*.test.ts`);
/** What needs no database. */
const pure = [
  'address',
  'config',
  'contract',
  'crypto',
  'domain',
  'errors',
  'execution',
  'ids',
  'json',
  'packages',
  'scheduling',
].map((name) => `test/${name}/**/*.test.ts`);
/** What needs several connections or processes, or real Postgres by its nature. */
const postgresOnly = [
  ...['test/races', 'test/start', 'test/cli', 'test/conformance', 'test/docs', 'test/server/process'].map(
    (folder) => `${folder}/**/*.test.ts`,
  ),
  'test/**/postgres-*.test.ts',
];
/** What compares the pages of the manual with the code and with one another. */
const pages = ['test/docs/tables.test.ts', 'test/docs/links.test.ts', 'test/docs/folders.test.ts'];
/** What measures short times or the processor closely: after everything else, one at a time. */
const measured = [
  'test/rest/secrets/postgres-long-lists.test.ts',
  'test/start/processes/budget.test.ts',
  'test/server/process/slow-readers.test.ts',
];

export default defineConfig({
  resolve: {
    // graphql 16 loads twice under Vite (ESM here, CommonJS through its dependants): one copy for everyone.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    // Files share a process one after another: loading everything anew for each would be half the run.
    isolate: false,
    // Many wait for Postgres or for a service they have started; of more at a time, Postgres would run out of connections.
    maxWorkers: Math.min(availableParallelism(), 8),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          // Some stand in for the disk.
          isolate: true,
          include: [...pure, ...pages],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: [...doors, ...postgresOnly],
          exclude: [...measured, ...pages],
          provide: { database: 'postgres' },
        },
      },
      {
        extends: true,
        test: { name: 'embedded', include: doors, exclude: postgresOnly, provide: { database: 'embedded' } },
      },
      {
        extends: true,
        test: {
          name: 'measured',
          include: measured,
          provide: { database: 'postgres' },
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
