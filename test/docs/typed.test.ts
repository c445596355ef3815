// The typed call that a frontend copies compiles, with the types of the very operation that stands above it.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { blocksOf, ROOT, read } from './pages.js';

const blocks = blocksOf('docs/graphql.md').filter(({ section }) => section === 'Typed operations in a frontend');
const textIn = (language: string) => blocks.find((block) => block.language === language)?.text ?? '';

/** What a frontend has around it. */
const AROUND = `import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { EnvironmentSecretsDocument } from '${join(ROOT, 'test/graphql/schema/frontend.generated.ts')}';
declare const url: string;
declare const token: string;
declare const environmentId: string;
`;

/** What the compiler has against a text; empty when nothing. */
async function complaintsAbout(text: string): Promise<string> {
  const cache = join(ROOT, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'docs-'));
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { lib: ['es2023', 'dom'], types: [], allowImportingTsExtensions: true },
    files: ['frontend.ts'],
    include: [],
  };
  try {
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'frontend.ts'), AROUND + text);
    return await promisify(execFile)(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', folder]).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the operation is the one that the types are generated from', () => {
  expect(textIn('graphql')).toBe(read('test/graphql/schema/frontend.graphql'));
});

test('the typed call compiles, and a field that was not asked for does not', async () => {
  const call = textIn('ts');
  expect(await complaintsAbout(call)).toBe('');
  expect(await complaintsAbout(call.replace('node.secretValueText', 'node.updatedAt'))).toContain('updatedAt');
});
