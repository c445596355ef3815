// The pages lead somewhere, are short where they promise it, and show nothing that nobody has tried.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { buildSchema, type GraphQLSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { anchorsOf, blocksOf, markdownFiles, proseOf, ROOT, read } from './pages.js';

const PAGES = markdownFiles();
/** The manual: what newcomers copy from. */
const MANUAL = PAGES.filter((page) => !page.includes('/') || page.startsWith('docs/'));

/** `[text](target)`, images included, and `[text]: target`; without those that leave the repository. */
function linksOf(page: string): string[] {
  const prose = proseOf(page);
  const inline = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(
    ([, target]) => target as string,
  );
  const references = [...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map(([, target]) => target as string);
  return [...inline, ...references].filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/** Why a link leads nowhere; undefined when it does not. */
function deadEnd(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
  if (target.startsWith('..')) return `${link} leads out of the repository`;
  if (!existsSync(join(ROOT, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsOf(target).includes(anchor) ? undefined : `${link}: ${target} has no heading for it`;
}

test.each(PAGES)('no link of %s is dead', (page) => {
  expect(linksOf(page).flatMap((link) => deadEnd(page, link) ?? [])).toEqual([]);
});

test('links to a missing page, to a missing heading and out of the repository are found', () => {
  expect(deadEnd('docs/README.md', 'nowhere.md')).toBeDefined();
  expect(deadEnd('docs/README.md', 'rest.md#nowhere')).toBeDefined();
  expect(deadEnd('docs/README.md', '../../outside')).toBeDefined();
  expect(deadEnd('docs/README.md', 'rest.md#order-of-checks')).toBeUndefined();
  expect(linksOf('docs/README.md')).toContain('getting-started.md');
});

test('every page of the manual is in its index', () => {
  const indexed = linksOf('docs/README.md').map((link) => normalize(join('docs', link)));
  const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pages.filter((page) => !indexed.includes(page))).toEqual([]);
});

test('the README has 10 KB at most', () => {
  expect(statSync(join(ROOT, 'README.md')).size).toBeLessThanOrEqual(10_240);
});

test('no page names a path of somebody’s machine', () => {
  const named = PAGES.filter((page) => /(?<![\w.$~])\/(root|home|work|Users)\//.test(read(page)));
  expect(named).toEqual([]);
});

/** A call with a page, by its name or by a constant, and perhaps sections. */
const CALL = /commandsOf\(\s*('[^']+'|\w+)((?:,\s*'[^']*')*),?\s*\)/g;

/** Pages and sections whose commands a test names. */
function commandsRun(): Set<string> {
  const run = new Set<string>();
  for (const file of readdirSync(join(ROOT, 'test/docs')).filter((name) => name.endsWith('.test.ts'))) {
    const source = read(`test/docs/${file}`);
    const constants = new Map(
      [...source.matchAll(/const (\w+) = '([^']+\.md)'/g)].map(([, name, page]) => [name, page]),
    );
    for (const [, first = '', sections = ''] of source.matchAll(CALL)) {
      const page = constants.get(first) ?? first.slice(1, -1);
      const named = [...sections.matchAll(/'([^']*)'/g)].map(([, section]) => `${page}: ${section}`);
      for (const one of named.length > 0 ? named : [page]) run.add(one);
    }
  }
  return run;
}

test('every command of the manual is run by a test', () => {
  const run = commandsRun();
  const commands = MANUAL.flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => language === 'sh')
      .map(({ section }) => [page, `${page}: ${section}`] as const),
  );
  expect(commands.length).toBeGreaterThan(20);
  expect(commands.filter(([page, section]) => !run.has(page) && !run.has(section))).toEqual([]);
});

test('a block says what it is', () => {
  const known = ['sh', 'graphql', 'json', 'ts', 'sql', 'ini', 'text', 'mermaid'];
  const others = MANUAL.flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => !known.includes(language))
      .map(({ language, section }) => `${page}: ${section}: ${language}`),
  );
  expect(others).toEqual([]);
});

const schema: GraphQLSchema = buildSchema(read('schema/schema.graphql'));

/** Blocks in a language, by a name that tells where they stand. */
function blocksIn(language: string): [string, string][] {
  return PAGES.flatMap((page) =>
    blocksOf(page)
      .filter((block) => block.language === language)
      .map(({ section, text }): [string, string] => [`${page}: ${section}`, text]),
  );
}

test.each(blocksIn('graphql'))('the GraphQL of %s fits the schema', (_, text) => {
  expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([]);
});

test.each(blocksIn('json'))('the JSON of %s is JSON', (_, text) => {
  expect(() => JSON.parse(text)).not.toThrow();
});
