// Finding secrets: filters alone and together, lookups by path, and arguments that make no sense.
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { idsOf, type List, type PageArguments, page, pagesOf, tryPage } from '../../support/graphql/pages.js';
import { createSecret, done, type Secret, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, world, token, environmentId } = await graphqlSuite();
const list: List = { app, token, environmentId };
const secrets: Record<string, Secret> = {};

const OPTION = { type: 'Option', inner: { type: 'Str' } };
const SECRETS: [path: string[], input: object][] = [
  [['db'], { secretType: { type: 'Str' }, secretValue: 'v' }],
  [['db', 'host'], { secretType: { type: 'Str' } }],
  [['db', 'port'], { secretType: { type: 'U16' }, secretValue: 1 }],
  [['db name'], { secretType: { type: 'Str' }, secretValue: 'v' }],
  [['dc'], { secretType: OPTION, secretValue: 'v' }],
  [['é'], { secretType: { type: 'List', inner: { type: 'Str' } }, secretValue: [] }],
  [['api', 'key'], { secretType: { type: 'U16' } }],
];

beforeAll(async () => {
  for (const [path, input] of SECRETS) {
    const secret = await done(createSecret(app, token, { environmentId, path, ...input }));
    secrets[secret.pathText] = secret;
  }
  const none = { id: secrets.dc!.id, currentRevision: 0, secretValue: { op: 'SET', value: null } };
  secrets.dc = await done(updateSecret(app, token, none));
});

/** The paths that match, which the count has to agree with. */
async function found(filter: object | null): Promise<string[]> {
  const { edges, totalCount } = await page(list, { filter });
  expect(totalCount).toBe(edges.length);
  return edges.map(({ node }) => node.pathText);
}

const ALL = ['api.key', 'db', 'db.host', 'db.port', 'dbName', 'dc', 'é'];

test.each([
  [{}, ALL],
  [null, ALL],
  [{ pathPrefix: '' }, ALL],
  [{ pathPrefix: 'db' }, ['db', 'db.host', 'db.port', 'dbName']],
  [{ pathPrefix: 'db.' }, ['db.host', 'db.port']],
  [{ pathPrefix: 'db.host' }, ['db.host']],
  [{ pathPrefix: 'DB' }, []],
  [{ pathPrefix: 'é' }, ['é']],
  [{ hasValue: true }, ['db', 'db.port', 'dbName', 'dc', 'é']],
  [{ hasValue: false }, ['api.key', 'db.host']],
  [{ typeKinds: ['U16'] }, ['api.key', 'db.port']],
  [{ typeKinds: ['List', 'Option', 'Bool'] }, ['dc', 'é']],
  [{ typeKinds: [] }, []],
  // A list of any length is one parameter, and says each kind once.
  [{ typeKinds: Array(20_000).fill('U16') }, ['api.key', 'db.port']],
  [{ pathPrefix: null, hasValue: null, typeKinds: null, updatedSince: null }, ALL],
  [{ pathPrefix: 'd', hasValue: true, typeKinds: ['Str', 'U16'] }, ['db', 'db.port', 'dbName']],
  [{ pathPrefix: 'db.', hasValue: false, typeKinds: ['U16'] }, []],
])('the filter %j finds %j', async (filter, paths) => {
  expect(await found(filter)).toEqual(paths);
});

test.each(['%', '_', 'd%', 'd_', '\\', "'", 'd*', '\0', 'db\0', '\u{10ffff}', '$1'])(
  'the prefix %j stands for nothing but itself',
  async (pathPrefix) => {
    expect(await found({ pathPrefix })).toEqual([]);
  },
);

test('updatedSince includes its own instant, and later ones', async () => {
  const { updatedAt } = secrets.dc!;
  const expected = (limit: string) => ALL.filter((path) => Date.parse(secrets[path]!.updatedAt) >= Date.parse(limit));
  expect(await found({ updatedSince: updatedAt })).toEqual(expected(updatedAt));
  expect(await found({ updatedSince: updatedAt })).toContain('dc');
  const later = new Date(Date.parse(updatedAt) + 1).toISOString();
  expect(await found({ updatedSince: later })).toEqual(expected(later));
  expect(await found({ updatedSince: '2000-01-01T00:00:00+02:00', hasValue: false })).toEqual(['api.key', 'db.host']);
  expect(await found({ updatedSince: '9999-12-31T23:59:59Z' })).toEqual([]);
});

test.each(['0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00+14:00'])(
  'the time %s is before every secret, or refused as no time; it is never a bug',
  async (updatedSince) => {
    const { data, errors } = await tryPage(list, { filter: { updatedSince } });
    if (errors) expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
    else expect(data.environment?.agentSecrets.totalCount).toBe(ALL.length);
  },
);

test('pages of a filtered list hold what the filter finds, and count that', async () => {
  const args: PageArguments = { filter: { pathPrefix: 'd' }, orderBy: { field: 'CREATED_AT', direction: 'DESC' } };
  const pages = await pagesOf(list, [2], args);
  expect(pages.map(({ edges, totalCount }) => [edges.length, totalCount])).toEqual([
    [2, 5],
    [2, 5],
    [1, 5],
  ]);
  const newestFirst = ['db', 'db.host', 'db.port', 'dbName', 'dc'].map((path) => secrets[path]!.id).toReversed();
  expect(idsOf(pages)).toEqual(newestFirst);
});

describe('a secret is found', () => {
  const find = async (args: string, variables: object = {}) => {
    const document = `query ($id: UUID!${'path' in variables ? ', $path: [String!]' : ''}) {
      environment(id: $id) { agentSecret(${args}) { id } }
    }`;
    return graphql<any>(list.app, list.token, document, { id: list.environmentId, ...variables });
  };

  test.each([['["db", "host"]'], ['["DB", "HOST"]'], ['[" db", "_host_"]']])('by the segments %s', async (path) => {
    expect((await find(`path: ${path}`)).data.environment.agentSecret).toEqual({ id: secrets['db.host']!.id });
  });

  test('by its dotted path, exactly as it is shown', async () => {
    for (const [path, { id }] of Object.entries(secrets)) {
      expect((await find(`pathText: "${path}"`)).data.environment.agentSecret).toEqual({ id });
    }
    for (const other of ['DB', 'db.', 'db_host', ' db', '', 'db\\u0000']) {
      const { data, errors } = await find(`pathText: "${other}"`);
      expect(errors).toBeUndefined();
      expect(data.environment.agentSecret).toBeNull();
    }
  });

  test('in its own environment only', async () => {
    const environmentId = await createEnvironment(list.app, list.token, world.applicationId);
    const document = 'query ($id: UUID!) { environment(id: $id) { agentSecret(pathText: "db") { id } } }';
    const { environment } = await ask(list.app, list.token, document, { id: environmentId });
    expect(environment.agentSecret).toBeNull();
  });

  test.each(['path: ["db"], pathText: "db"', 'path: null, pathText: null', 'path: null', 'pathText: null'])(
    'only with exactly one of path and pathText, not with %s',
    async (args) => {
      const { errors } = await find(args);
      expect(errors).toMatchObject([
        { message: 'expected exactly one of path and pathText', extensions: { code: 'INVALID_REQUEST' } },
      ]);
    },
  );

  test('never by a path that no secret could have', async () => {
    for (const path of [[], ['c4n4ry', '-'], Array(17).fill('a'), ['c4n4ry'.repeat(200)]]) {
      const { errors } = await find('path: $path', { path });
      expect(errors).toMatchObject([{ extensions: { code: 'INVALID_REQUEST' } }]);
      expect(errors?.[0]?.message).toMatch(/^path(\[1\])?: expected /);
    }
  });
});

const cursor = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url');
const ID = '01a20640-d042-77d8-a4fc-5bc52814913e';
const NOW = '2024-01-01T00:00:00.000Z';
const byCreation: PageArguments = { orderBy: { field: 'CREATED_AT' } };

test.each<[string, PageArguments, string]>([
  ['more than 200 items', { first: 201 }, 'first: expected 0 to 200 items per page'],
  ['more than 200 items backward', { last: 201 }, 'last: expected 0 to 200 items per page'],
  ['the largest Int', { first: 2 ** 31 - 1 }, 'first: expected 0 to 200 items per page'],
  ['a negative number', { first: -1 }, 'first: expected 0 to 200 items per page'],
  ['a negative number backward', { last: -1 }, 'last: expected 0 to 200 items per page'],
  ['first and last', { first: 1, last: 1 }, 'first and last cannot be used together'],
  ['an empty cursor', { after: '' }, 'after: not a cursor of this list'],
  ['a garbage cursor', { after: 'c4n4ry' }, 'after: not a cursor of this list'],
  ['a garbage cursor backward', { before: 'c4n4ry' }, 'before: not a cursor of this list'],
  [
    'a cursor of another order',
    { ...byCreation, after: cursor(['path', 'a', ID]) },
    'after: not a cursor of this list',
  ],
  ['a cursor of another list', { after: cursor('c4n4ry') }, 'after: not a cursor of this list'],
  ['a cursor without an id', { after: cursor(['path', 'c4n4ry']) }, 'after: not a cursor of this list'],
  ['a cursor with U+0000', { after: cursor(['path', 'c4n4ry\0', ID]) }, 'after: not a cursor of this list'],
  [
    'a cursor without a time',
    { ...byCreation, after: cursor(['createdAt', 'c4n4ry', ID]) },
    'after: not a cursor of this list',
  ],
  [
    'a cursor whose id is none',
    { ...byCreation, after: cursor(['createdAt', NOW, '-'.repeat(36)]) },
    'after: not a cursor of this list',
  ],
  [
    'a cursor beyond all time',
    { ...byCreation, after: cursor(['createdAt', '+275760-01-01T00:00:00.000Z', ID]) },
    'after: not a cursor of this list',
  ],
  [
    'a cursor before all time',
    { ...byCreation, after: cursor(['createdAt', '-200000-01-01T00:00:00.000Z', ID]) },
    'after: not a cursor of this list',
  ],
  [
    'a cursor in the year 0',
    { ...byCreation, after: cursor(['createdAt', '0000-01-01T00:00:00.000Z', ID]) },
    'after: not a cursor of this list',
  ],
  [
    'a cursor of a megabyte',
    { after: cursor(['path', 'c4n4ry'.repeat(40_000), ID]) },
    'after: not a cursor of this list',
  ],
])('%s is refused, naming the argument and what is expected', async (_, args, message) => {
  const { errors } = await tryPage(list, args);
  expect(errors).toMatchObject([
    { message, path: ['environment', 'agentSecrets'], extensions: { code: 'INVALID_REQUEST', problems: [message] } },
  ]);
});

test.each([2 ** 31, 1.5, '5', true])('first: %s is not even an Int', async (first) => {
  const { errors, data } = await tryPage(list, { first: first as number });
  expect(data).toBeUndefined();
  expect(errors).toMatchObject([
    {
      message: '$first: expected a whole number from -2147483648 to 2147483647 such as `50`',
      extensions: { code: 'INVALID_REQUEST' },
    },
  ]);
});
