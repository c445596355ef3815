// What the pages print from code is what the code says.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENVIRONMENT_PERMISSIONS } from '../../src/domain/access/permissions.js';
import { SCOPES } from '../../src/domain/request/grant.js';
import { ERROR_CODES } from '../../src/errors/errors.js';
import { REST_CODES } from '../../src/rest/openapi/errors.js';
import { STATUS } from '../../src/rest/problem.js';
import { markdownFiles, ROOT, read } from './pages.js';

/** The cells of the rows of one marked table, without its head. */
function table(page: string, name: string): string[][] {
  const text = new RegExp(`<!-- table: ${name} -->\n([\\s\\S]*?)<!-- /table -->`).exec(read(page))?.[1] ?? '';
  return text
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('every marked table is compared here', () => {
  const marked = markdownFiles()
    .filter((page) => page !== 'CONTRIBUTING.md')
    .flatMap((page) => [...read(page).matchAll(/<!-- table: (\S+) -->/g)].map(([, name]) => [page, name]));
  expect(marked).toEqual([
    ['docs/access-and-tokens.md', 'access'],
    ['docs/access-and-tokens.md', 'scopes'],
    ['docs/architecture.md', 'folders'],
    ['docs/configuration.md', 'configuration'],
    // Compared where a service runs, in test/start/processes/metrics.test.ts.
    ['docs/monitoring.md', 'metrics'],
    ['docs/rest.md', 'errors'],
  ]);
});

test('the access table is the one that decides', () => {
  const roles = ['owner', 'admin', 'deployer', 'viewer'] as const;
  const expected = Object.entries(ENVIRONMENT_PERMISSIONS).map(([action, allowed]) => [
    action,
    ...roles.map((role) => ((allowed as readonly string[]).includes(role) ? 'yes' : '')),
  ]);
  expect(table('docs/access-and-tokens.md', 'access')).toEqual(expected);
});

test('the table of scopes has every scope', () => {
  const scopes = table('docs/access-and-tokens.md', 'scopes').map(([scope]) => scope);
  expect(scopes).toEqual(SCOPES.map((scope) => `\`${scope}\``));
});

test('the error table has every code of REST with its status, and the words below it those that only GraphQL has', () => {
  const told = table('docs/rest.md', 'errors').flatMap(([status, codes]) =>
    (codes?.match(/[A-Z_]+/g) ?? []).map((code) => [code, Number(status)] as const),
  );
  expect(told).toEqual(REST_CODES.map((code) => [code, STATUS[code]]));
  const [, others = ''] = /<!-- \/table -->\n\nOnly in GraphQL: ([^.]*)\./.exec(read('docs/rest.md')) ?? [];
  const onlyInGraphql = ERROR_CODES.filter((code) => !REST_CODES.includes(code));
  expect(others.match(/[A-Z_]{3,}/g)).toEqual(onlyInGraphql);
});

test('the tests that the threat model names are there', async () => {
  const named = [...new Set(read('docs/security.md').match(/test\/[\w/.-]+\.ts/g))];
  expect(named.length).toBeGreaterThan(20);
  for (const path of named) await access(join(ROOT, path));
});

test('every variable that the configuration reads is in the table, and no other', () => {
  const source = read('src/config/config.ts');
  const variables = [...source.matchAll(/^ {6}([A-Z_]+): /gm)].map((match) => match[1]);
  const documented = table('docs/configuration.md', 'configuration').flatMap(
    ([names]) => names?.match(/[A-Z_]{3,}/g) ?? [],
  );
  expect(documented.sort()).toEqual(variables.sort());
});
