// Pages of secrets: whatever the order and the page size, every secret is on exactly one of them.
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { type Item, idsOf, type List, type Order, page, pagesOf, sorted } from '../../support/graphql/pages.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, world, token, environmentId } = await graphqlSuite();
const list: List = { app, token, environmentId };
/** All of them, as the environment tells when it is asked for everything. */
let items: Item[];

// Sorted by UTF-16 units, by locale or by bytes, these come in three different orders.
const WORDS = ['Zebra', 'apple', 'école', 'ａ', '𝐀', 'ﬁ', 'ß', 'a b', 'a1', 'a_b_c', '1a', '世界'];

beforeAll(async () => {
  const paths = [...WORDS.map((word) => [word]), ...Array.from({ length: 19 }, (_, n) => ['many', `item ${n}`])];
  const write = (path: string[]) => createSecret(app, token, { environmentId, path, secretType: { type: 'Str' } });
  // Several at once, so that some share their millisecond.
  const secrets = await Promise.all(paths.map((path) => done(write(path))));
  const changed = secrets.filter((_, index) => index % 3 === 0).toReversed();
  await Promise.all(changed.map(({ id }) => done(updateSecret(app, token, { id, currentRevision: 0 }))));
  const document = `query ($id: UUID!) {
    environment(id: $id) { allAgentSecrets { id pathText hasValue secretType createdAt updatedAt } }
  }`;
  items = (await ask(app, token, document, { id: environmentId })).environment.allAgentSecrets;
  expect(items).toHaveLength(31);
});

const ORDERS: Order[] = (['PATH', 'CREATED_AT', 'UPDATED_AT'] as const).flatMap((field) => [
  { field, direction: 'ASC' },
  { field, direction: 'DESC' },
]);
const ids = (some: readonly Item[]) => some.map(({ id }) => id);

describe.each(ORDERS)('by $field $direction', (orderBy) => {
  test.each([1, 7, 30, 31, 32])('forward in pages of %i, every secret comes once and in order', async (size) => {
    const pages = await pagesOf(list, [size], { orderBy });
    expect(idsOf(pages)).toEqual(ids(sorted(items, orderBy)));
    expect(pages).toHaveLength(Math.ceil(31 / size));
    for (const [index, { pageInfo, edges, totalCount }] of pages.entries()) {
      expect(totalCount).toBe(31);
      expect(pageInfo).toEqual({
        hasNextPage: index < pages.length - 1,
        hasPreviousPage: index > 0,
        startCursor: edges[0]?.cursor,
        endCursor: edges.at(-1)?.cursor,
      });
    }
  });

  test.each([1, 7, 31])('backward in pages of %i, every secret comes once and in order', async (size) => {
    const pages = await pagesOf(list, [size], { orderBy }, true);
    expect(idsOf(pages, true)).toEqual(ids(sorted(items, orderBy)));
    expect(pages).toHaveLength(Math.ceil(31 / size));
    for (const [index, { pageInfo, edges, totalCount }] of pages.entries()) {
      expect(totalCount).toBe(31);
      expect(pageInfo).toEqual({
        hasNextPage: index > 0,
        hasPreviousPage: index < pages.length - 1,
        startCursor: edges[0]?.cursor,
        endCursor: edges.at(-1)?.cursor,
      });
    }
  });

  test('between two cursors lies exactly what lies between them', async () => {
    const { edges } = await page(list, { first: 31, orderBy });
    const between = { after: edges[4]!.cursor, before: edges[20]!.cursor, orderBy };
    const expected = edges.slice(5, 20).map(({ node }) => node.id);
    expect(idsOf([await page(list, { first: 200, ...between })])).toEqual(expected);
    expect(idsOf([await page(list, { last: 200, ...between })])).toEqual(expected);
    expect(idsOf([await page(list, { first: 3, ...between })])).toEqual(expected.slice(0, 3));
    expect(idsOf([await page(list, { last: 3, ...between })])).toEqual(expected.slice(-3));
  });
});

test('any sequence of page sizes, in any order and from either end, gives the sorted list', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });
  const property = fc.asyncProperty(
    sizes,
    fc.constantFrom(...ORDERS),
    fc.boolean(),
    async (given, orderBy, backward) => {
      const pages = await pagesOf(list, given, { orderBy }, backward);
      expect(idsOf(pages, backward)).toEqual(ids(sorted(items, orderBy)));
    },
  );
  await fc.assert(property, { numRuns: 30 });
});

test('without arguments a page has 50 items by path, and a direction alone is ascending', async () => {
  const pathOrder = ids(sorted(items, { field: 'PATH' }));
  expect(idsOf([await page(list, {})])).toEqual(pathOrder);
  expect(idsOf([await page(list, { orderBy: { field: 'PATH' } })])).toEqual(pathOrder);
  expect(ids(items)).toEqual(pathOrder);
});

test('a page of nothing tells that there is more, and an empty list that there is not', async () => {
  const nothing = { edges: [], pageInfo: { startCursor: null, endCursor: null } };
  expect(await page(list, { first: 0 })).toMatchObject({ ...nothing, totalCount: 31, pageInfo: { hasNextPage: true } });
  const environmentId = await createEnvironment(list.app, list.token, world.applicationId);
  expect(await page({ ...list, environmentId }, { first: 10 })).toEqual({
    totalCount: 0,
    edges: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
  });
});

test('a cursor outlives its secret, and what is written behind it is found', async () => {
  const { app, token } = list;
  const environmentId = await createEnvironment(app, token, world.applicationId);
  const write = (name: string) =>
    done(createSecret(app, token, { environmentId, path: [name], secretType: { type: 'Str' } }));
  const secrets = [await write('a'), await write('c'), await write('e')];
  const here = { ...list, environmentId };
  const { pageInfo } = await page(here, { first: 2 });
  await done(deleteSecret(app, token, { id: secrets[1]!.id, currentRevision: 0 }));
  await write('b');
  await write('d');
  const next = await page(here, { first: 10, after: pageInfo.endCursor });
  expect(next.edges.map(({ node }) => node.pathText)).toEqual(['d', 'e']);
  expect(next.totalCount).toBe(4);
});
