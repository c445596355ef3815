// Variables that are one letter from ours are told, and all others are left alone.
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.js';

const warningsOf = (...names: string[]) =>
  loadConfig(Object.fromEntries(names.map((name) => [name, 'c4n4ry']))).warnings;

test.each([
  ['DATABASE_URLS', 'DATABASE_URL'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['DATABASE_ULR', 'DATABASE_URL'],
  ['database_url', 'DATABASE_URL'],
  ['LOG_LEVAL', 'LOG_LEVEL'],
  ['METRIC_PORT', 'METRICS_PORT'],
  ['TRUST_PROXI', 'TRUST_PROXY'],
])('%s is told as a slip of %s, without its value', (name, meant) => {
  expect(warningsOf(name)).toEqual([`${name} is not known and has no effect; did you mean ${meant}?`]);
});

test('nothing is said of variables that are ours, empty, or of somebody else', () => {
  expect(warningsOf('PATH', 'HOME', 'PGHOST', 'LC_ALL', 'DATABASE_PASSWORD', 'KUBERNETES_PORT', 'SHELL')).toEqual([]);
  expect(loadConfig({ LOG_LEVEL: 'info', LOG_LEVLE: '' }).warnings).toEqual([]);
});
