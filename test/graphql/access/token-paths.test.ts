// Tokens for some paths of an environment: other secrets do not exist for them, in no list, past, record or write.
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { environmentAt } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, readSecret, updateSecret } from '../../support/graphql/secrets.js';
import { call, createTokenAs, tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token: owner } = await graphqlSuite();

describe('a token for some paths', () => {
  const IN = ['db', 'db.host', 'payments.mainDb.key'];
  const OUT = ['dbName', 'payments', 'payments.mainDbs', 'other.db'];
  let environmentId: string;
  let bound: string;
  const ids: Record<string, string> = {};
  const make = (path: string, more: object = {}) =>
    createSecret(app, owner, {
      environmentId,
      path: path.split('.').map((segment) => segment.replace(/[A-Z]/g, '_$&').toLowerCase()),
      secretType: { type: 'Str' },
      secretValue: `value of ${path}`,
      ...more,
    });
  beforeAll(async () => {
    environmentId = await createEnvironment(app, owner, world.applicationId);
    bound = await tokenWith(app, owner, { pathPrefixes: ['db', 'payments.mainDb'] });
    for (const path of [...IN, ...OUT, 'db.gone', 'gone']) {
      const { id, pathText } = await done(make(path));
      expect(pathText).toBe(path);
      ids[path] = id;
    }
    for (const path of [...IN, ...OUT]) {
      const secretValue = { op: 'SET', value: `second ${path}` };
      await done(updateSecret(app, owner, { id: ids[path], currentRevision: 0, secretValue }));
    }
    for (const path of ['db.gone', 'gone']) await done(deleteSecret(app, owner, { id: ids[path], currentRevision: 0 }));
    await ask(app, owner, 'query ($id: UUID) { environment(id: $id) { allAgentSecrets { secretValue } } }', {
      id: environmentId,
    });
  });

  const inEnvironment = (selection: string, at: number | null = null) =>
    environmentAt(app, bound, environmentId, selection, at);
  const connection = ({ totalCount, edges }: any) => [totalCount, edges.map(({ node }: any) => node.pathText)];

  test('lists and counts those at or below them, segment by segment', async () => {
    const page = 'totalCount edges { node { pathText } }';
    const found = await inEnvironment(`all: allAgentSecrets { pathText } live: agentSecrets { ${page} }
      deleted: agentSecrets(filter: { deleted: true }) { ${page} }
      newest: agentSecrets(orderBy: { field: UPDATED_AT, direction: DESC }, last: 2) { ${page} }
      named: agentSecrets(filter: { pathPrefix: "db", hasValue: true, typeKinds: [Str], updatedSince: "2000-01-01T00:00:00Z" }) { ${page} }
      foreign: agentSecrets(filter: { pathPrefix: "other" }) { ${page} }`);
    expect(found.all.map(({ pathText }: any) => pathText)).toEqual(IN);
    expect(connection(found.live)).toEqual([3, IN]);
    expect(connection(found.deleted)).toEqual([1, ['db.gone']]);
    expect(connection(found.newest)).toEqual([3, ['db.host', 'db']]);
    expect(connection(found.named)).toEqual([2, ['db', 'db.host']]);
    expect(connection(found.foreign)).toEqual([0, []]);
  });

  test('lists the past likewise', async () => {
    const { all, live } = await inEnvironment(
      'all: allAgentSecrets { pathText } live: agentSecrets { totalCount edges { node { pathText } } }',
      9,
    );
    expect(all.map(({ pathText }: any) => pathText)).toEqual(['db', 'db.gone', 'db.host', 'payments.mainDb.key']);
    expect(connection(live)).toEqual([4, ['db', 'db.gone', 'db.host', 'payments.mainDb.key']]);
  });

  test('finds one by its path or id, now or at a revision, and no other', async () => {
    for (const path of [...IN, ...OUT]) {
      const isIn = IN.includes(path);
      const { agentSecret } = await inEnvironment(`agentSecret(pathText: "${path}") { id }`);
      expect(agentSecret, path).toEqual(isIn ? { id: ids[path] } : null);
      const code = isIn ? 'ok' : 'AGENT_SECRET_NOT_FOUND';
      for (const revision of [0, 1, 77]) {
        const document =
          'query ($id: UUID!, $revision: Revision!) { agentSecretRevision(id: $id, revision: $revision) { secretValue } }';
        const outcome = await call(app, bound, document, { id: ids[path], revision });
        expect(outcome, `${path} at ${revision}`).toBe(
          isIn && revision === 77 ? 'AGENT_SECRET_REVISION_NOT_FOUND' : code,
        );
      }
      expect((await readSecret(app, bound, ids[path] as string)).errors?.[0]?.extensions.code ?? 'ok').toBe(code);
    }
  });

  test('is told of openings of these only, whatever it asks for', async () => {
    const paths = async (filter: string) => {
      const { reads } = await inEnvironment(`reads(${filter}) { edges { node { path } } }`);
      return new Set(reads.edges.map(({ node }: any) => node.path.join('.')));
    };
    expect(await paths('first: 200')).toEqual(new Set(IN));
    expect(await paths(`filter: { agentSecretId: "${ids.dbName}" }`)).toEqual(new Set());
    expect(await paths(`filter: { accountId: "${world.people.owner.id}" }`)).toEqual(new Set(IN));
  });

  test('creates below them, and nowhere else', async () => {
    expect(
      (await done(createSecret(app, bound, { environmentId, path: ['db', 'new'], secretType: { type: 'Str' } })))
        .pathText,
    ).toBe('db.new');
    for (const path of [['db_new'], ['other', 'db'], ['db2']]) {
      const input = { environmentId, path, secretType: { type: 'Str' } };
      const document = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
      expect(await call(app, bound, document, { input })).toBe('AUTH_FORBIDDEN');
    }
    await done(
      deleteSecret(app, bound, {
        id: (await inEnvironment('agentSecret(pathText: "db.new") { id }')).agentSecret.id,
        currentRevision: 0,
      }),
    );
  });

  const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
    ... on ApplyAgentSecretChangesPayload { applied results { __typename ... on AgentSecretState { secretValue } ... on Refusal { code } } }
    ... on Refusal { code } } }`;

  test('changes nothing else in a change set, and learns nothing of it', async () => {
    const change = (kind: string, path: string) =>
      ({
        update: { update: { id: ids[path], currentRevision: 1 } },
        delete: { delete: { id: ids[path], currentRevision: 1 } },
        restore: { restore: { id: ids[path], currentRevision: 1, toRevision: 0 } },
      })[kind];
    for (const kind of ['update', 'delete', 'restore']) {
      for (const dryRun of [true, false]) {
        const changes = [change(kind, 'db'), change(kind, 'dbName')];
        const { applyAgentSecretChanges: set } = await ask(app, bound, APPLY, {
          input: { environmentId, changes, dryRun },
        });
        expect(set).toMatchObject({
          applied: false,
          results: [{ __typename: 'PlannedAgentSecret' }, { code: 'AGENT_SECRET_NOT_FOUND' }],
        });
      }
    }
    // Whether the value fits its type is not even looked at, as in a creation of its own.
    for (const secretValue of ['fits', 5]) {
      const create = { path: ['dbother'], secretType: { type: 'Str' }, secretValue };
      for (const dryRun of [true, false]) {
        const { errors } = await graphql(app, bound, APPLY, {
          input: { environmentId, changes: [change('update', 'db'), { create }], dryRun },
        });
        expect(errors).toMatchObject([{ extensions: { code: 'AUTH_FORBIDDEN' } }]);
      }
    }
    expect((await inEnvironment('agentSecret(pathText: "db") { revision }')).agentSecret.revision).toBe(1);
  });

  test('restores and destroys nothing else, deleted or not', async () => {
    const restore = (id: string | undefined) =>
      call(
        app,
        bound,
        `mutation ($id: UUID!) { restoreAgentSecret(input: { id: $id, toRevision: 0, currentRevision: 1 }) { __typename ... on Refusal { code } } }`,
        { id },
      );
    const destroy = (id: string | undefined) =>
      call(
        app,
        bound,
        `mutation ($id: UUID!) { destroyAgentSecretRevision(input: { id: $id, revision: 0, currentRevision: 1 }) { __typename ... on Refusal { code } } }`,
        { id },
      );
    for (const path of ['gone', 'dbName']) {
      expect(await restore(ids[path])).toBe('AGENT_SECRET_NOT_FOUND');
      expect(await destroy(ids[path])).toBe('AGENT_SECRET_NOT_FOUND');
    }
    expect(await restore(ids['db.gone'])).toBe('ok');
  });

  test('is not answered what another token’s write with the same key has done elsewhere', async () => {
    const [key, path] = [unique('key'), unique('x').replace('-', '')];
    const created = {
      environmentId,
      path: [path],
      secretType: { type: 'Str' },
      secretValue: 'some',
      idempotencyKey: key,
    };
    await done(createSecret(app, owner, created));
    const create =
      'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename ... on AgentSecretPayload { agentSecret { secretValue } } } }';
    expect(await call(app, bound, create, { input: created })).toBe('AUTH_FORBIDDEN');
    const changes = [{ update: { id: ids['other.db'], currentRevision: 1 } }];
    const input = { environmentId, changes, idempotencyKey: unique('key') };
    expect(JSON.stringify(await ask(app, owner, APPLY, { input }))).toContain('second other.db');
    const again = await ask(app, bound, APPLY, { input });
    expect(again.applyAgentSecretChanges).toMatchObject({ results: [{ code: 'AGENT_SECRET_NOT_FOUND' }] });
    expect(JSON.stringify(again)).not.toContain('second');
  });

  test.each([
    [[]],
    [Array.from({ length: 21 }, (_, index) => `p${index}`)],
    [['']],
    [['db.']],
    [['.db']],
    [['db..x']],
    [['a_b']],
    [['a%']],
    [['x'.repeat(1_025)]],
  ])('is refused where these are no paths: %j', async (pathPrefixes) => {
    expect(await createTokenAs(app, owner, { pathPrefixes })).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});
