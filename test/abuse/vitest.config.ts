// The abuse suite: attacks on a real service, measured. It takes the machine for itself for minutes: `npm run test:abuse`.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    name: 'abuse',
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/abuse/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    provide: { database: 'postgres' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
