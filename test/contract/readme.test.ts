// What the README prints from code is what the code says.
import { access, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ENVIRONMENT_PERMISSIONS } from '../../src/domain/access/permissions.js';
import { SCOPES } from '../../src/domain/request/grant.js';
import { ERROR_CODES } from '../../src/errors/errors.js';
import { REST_CODES } from '../../src/rest/openapi/errors.js';
import { STATUS } from '../../src/rest/problem.js';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');

/** The cells of the rows of one marked table, without its head. */
function table(name: string): string[][] {
  const text = new RegExp(`<!-- table: ${name} -->\n([\\s\\S]*?)<!-- /table -->`).exec(readme)?.[1] ?? '';
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

test('the access table is the one that decides', () => {
  const roles = ['owner', 'admin', 'deployer', 'viewer'] as const;
  const expected = Object.entries(ENVIRONMENT_PERMISSIONS).map(([action, allowed]) => [
    action,
    ...roles.map((role) => ((allowed as readonly string[]).includes(role) ? 'yes' : '')),
  ]);
  expect(table('access')).toEqual(expected);
});

test('the table of scopes has every scope', () => {
  expect(table('scopes').map(([scope]) => scope)).toEqual(SCOPES.map((scope) => `\`${scope}\``));
});

test('the error table has every code of REST with its status, and the words below it those that only GraphQL has', () => {
  const told = table('errors').flatMap(([status, codes]) =>
    (codes?.match(/[A-Z_]+/g) ?? []).map((code) => [code, Number(status)] as const),
  );
  expect(told).toEqual(REST_CODES.map((code) => [code, STATUS[code]]));
  const [, others = ''] = /<!-- \/table -->\n\nOnly in GraphQL: ([^.]*)\./.exec(readme) ?? [];
  const onlyInGraphql = ERROR_CODES.filter((code) => !REST_CODES.includes(code));
  expect(others.match(/[A-Z_]{3,}/g)).toEqual(onlyInGraphql);
});

test('the tests that the threat model names are there', async () => {
  const model = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const named = [...new Set(model.match(/test\/[\w/.-]+\.ts/g))];
  expect(named.length).toBeGreaterThan(20);
  for (const path of named) await access(new URL(`../../${path}`, import.meta.url));
});

test('every variable that the configuration reads is in the table, and no other', async () => {
  const source = await readFile(new URL('../../src/config/config.ts', import.meta.url), 'utf8');
  const read = [...source.matchAll(/^ {6}([A-Z_]+): /gm)].map((match) => match[1]);
  const documented = table('configuration').flatMap(([names]) => names?.match(/[A-Z_]{3,}/g) ?? []);
  expect(documented.sort()).toEqual(read.sort());
});
