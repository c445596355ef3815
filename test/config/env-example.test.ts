// The example of a configuration file has settings that there are, with values that they may have.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { ROOT, read } from '../docs/pages.js';

const example = readFileSync(join(ROOT, '.env.example'), 'utf8');

test('it is taken as it stands, and with every line that is commented out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-secrets-example-'));
  try {
    const urlFile = join(folder, 'database-url');
    writeFileSync(urlFile, 'postgres://user:password@127.0.0.1/name\n', { mode: 0o600 });
    for (const text of [example, example.replace(/^#(?=[A-Z_]+=)/gm, '')]) {
      const given = { ...parseEnv(text), DATABASE_URL_FILE: urlFile };
      expect(loadConfig(given)).toMatchObject({ production: true, metricsPort: 9464, warnings: [] });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every setting in it is in the table of the configuration', () => {
  const names = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name as string);
  const table = read('docs/configuration.md');
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});
