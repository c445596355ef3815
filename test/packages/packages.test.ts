// The packages that are installed: each is pinned by its hash, and those of production have a licence that we may pass on.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../docs/pages.js';

interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
}

interface Component {
  name: string;
  properties?: { name: string; value: string }[];
}

const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

const LICENSES = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'];

test('every package in the lock file has its hash, and none is bound to a registry', () => {
  expect(locked.length).toBeGreaterThan(100);
  const loose = locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path);
  expect(loose).toEqual([]);
  expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

test('what production needs has a licence that asks for no more than its text', () => {
  const production = locked.filter(([, { dev, devOptional }]) => !dev && !devOptional);
  expect(production.length).toBeGreaterThan(20);
  const others = production.filter(([, { license = 'none' }]) => !LICENSES.includes(license));
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
});

test('a bill of materials names every package of production', async () => {
  const { stdout } = await promisify(execFile)(
    'npm',
    // npm 11 with --omit=dev leaves out what packages of development need as well.
    ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  const { bomFormat, components } = JSON.parse(stdout) as { bomFormat: string; components: Component[] };
  expect(bomFormat).toBe('CycloneDX');
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const named = new Set(components.filter((each) => !isForDevelopment(each)).map(({ name }) => name));
  expect(Object.keys(dependencies).filter((name) => !named.has(name))).toEqual([]);
});

function isForDevelopment({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}
