// An environment as it was after any of its revisions: what was recorded then is what is read now, on every way.
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, graphql } from '../../support/graphql/client.js';
import { changeSet, destroyRevision, environmentAt, restoreSecret } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, share, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();
let environmentId: string;
/** What the environment looked like at each revision that anybody could see, recorded while it was the current one. */
const recorded = new Map<number, State>();
/** Where each revision stands: inside of a change set before the set. */
const shownAs: number[] = [];

beforeAll(async () => {
  environmentId = await createEnvironment(app, token, world.applicationId);
  await share(app, token, environmentId, world.people.deployer.id, ['DEPLOYER']);
  await liveThrough();
});

interface State {
  revision: number;
  allAgentSecrets: any[];
  [list: string]: any;
}

const BOTH = 'pathText secretType revision hasValue valueState secretValueText deletedAt';
const ITEM = `id updatedAt updatedBy { accountId } ${BOTH}`;
/** The same of a revision, whose fields have other names. */
const PAST_ITEM = `agentSecretId at by { accountId } ${BOTH}`;
const LIST = `totalCount pageInfo { hasNextPage hasPreviousPage } edges { node { ${ITEM} } }`;
const WAYS: Record<string, string> = {
  byPath: 'first: 3',
  fromTheEnd: 'last: 2',
  pathDown: 'orderBy: { field: PATH, direction: DESC }',
  created: 'orderBy: { field: CREATED_AT }',
  createdDown: 'orderBy: { field: CREATED_AT, direction: DESC }, first: 2',
  updated: 'orderBy: { field: UPDATED_AT }',
  updatedDown: 'orderBy: { field: UPDATED_AT, direction: DESC }',
  prefix: 'filter: { pathPrefix: "b" }',
  withValue: 'filter: { hasValue: true }',
  withoutValue: 'filter: { hasValue: false }',
  kind: 'filter: { typeKinds: [U8] }',
  deleted: 'filter: { deleted: true }',
  deletedDown: 'filter: { deleted: true }, orderBy: { field: UPDATED_AT, direction: DESC }',
};
const STATE = `revision
  allAgentSecrets { ${ITEM} }
  ${Object.entries(WAYS).map(([name, args]) => `${name}: agentSecrets(${args}) { ${LIST} }`)}
  a: agentSecret(path: ["A"]) { ${ITEM} }
  b: agentSecret(pathText: "b") { ${ITEM} revisions { edges { node { revision change } } } }
  deeper: agentSecret(pathText: "b.deeper") { ${ITEM} }`;
const PAST = STATE.replaceAll(ITEM, PAST_ITEM);

async function stateAt(at: number | null): Promise<State> {
  if (at === null) return environmentAt(app, token, environmentId, STATE);
  const text = JSON.stringify(await environmentAt(app, token, environmentId, PAST, at));
  const names = { agentSecretId: 'id', at: 'updatedAt', by: 'updatedBy' };
  return JSON.parse(
    Object.entries(names).reduce((state, [name, same]) => state.replaceAll(`"${name}":`, `"${same}":`), text),
  );
}

async function record(): Promise<void> {
  const state = await stateAt(null);
  while (shownAs.length < state.revision) shownAs.push([...recorded.keys()].at(-1) as number);
  shownAs[state.revision] = state.revision;
  recorded.set(state.revision, state);
}

/** Every kind of write, with a look at the whole after each. */
async function liveThrough(): Promise<void> {
  const step = async <T>(write: Promise<T>) => {
    const result = await write;
    await record();
    return result;
  };
  const set = (value: unknown) => ({ op: 'SET', value });
  const create = (path: string, secretType: string, secretValue?: unknown) =>
    step(
      done(
        createSecret(app, token, {
          environmentId,
          path: path.split('.'),
          secretType: { type: secretType },
          ...(secretValue === undefined ? {} : { secretValue }),
        }),
      ),
    );
  await record();
  const a = await create('a', 'Str', 'one');
  const b = await create('b', 'U8', 1);
  const deeper = await create('b.deeper', 'U64', 2n ** 64n - 1n);
  await create('c', 'Str');
  const { deployer } = world.people;
  await step(done(updateSecret(app, deployer.token, { id: a.id, currentRevision: 0, secretValue: set('two') })));
  await step(done(updateSecret(app, token, { id: a.id, currentRevision: 1 })));
  await step(done(updateSecret(app, token, { id: b.id, currentRevision: 0, secretValue: { op: 'UNSET' } })));
  await step(done(deleteSecret(app, token, { id: b.id, currentRevision: 1 })));
  const another = await create('b', 'Str', 'another b');
  await step(
    changeSet(app, token, {
      environmentId,
      changes: [
        { delete: { id: another.id, currentRevision: 0 } },
        { restore: { id: b.id, currentRevision: 2, toRevision: 0 } },
        { create: { path: ['d'], secretType: { type: 'Str' }, secretValue: 'new' } },
        { update: { id: deeper.id, currentRevision: 0, secretValue: { op: 'SET', value: 7 } } },
      ],
    }),
  );
  await step(done(restoreSecret(app, token, { id: a.id, currentRevision: 2, toRevision: 0 })));
  await step(
    changeSet(app, token, {
      environmentId,
      changes: [{ delete: { id: a.id, currentRevision: 3 } }, { delete: { id: deeper.id, currentRevision: 1 } }],
    }),
  );
  await step(done(restoreSecret(app, token, { id: deeper.id, currentRevision: 2, toRevision: 1 })));
}

test('every revision shows what was recorded there; one inside a change set what was before the set', async () => {
  expect([...recorded.keys()].at(-1)).toBe(17);
  expect(recorded.size).toBe(14);
  for (const [at, shown] of shownAs.entries()) {
    const state = await stateAt(at);
    expect(state, `at ${at}`).toEqual(recorded.get(shown));
  }
});

test('0 is the empty environment, and the current revision the current one', async () => {
  expect(await stateAt(0)).toMatchObject({
    revision: 0,
    allAgentSecrets: [],
    byPath: { totalCount: 0 },
    a: null,
  });
  expect(await stateAt(17)).toEqual(await stateAt(null));
});

test('pages of the past are the past’s, whatever their size', async () => {
  const document = `query ($id: UUID, $at: Revision!, $first: Int, $after: String) { environment(id: $id) { snapshot(revision: $at) {
    agentSecrets(first: $first, after: $after) { edges { cursor node { pathText secretValueText } } pageInfo { hasNextPage endCursor } } } } }`;
  const at = 9;
  const expected = recorded
    .get(at)
    ?.allAgentSecrets.map(({ pathText, secretValueText }) => ({ pathText, secretValueText }));
  expect(expected?.length).toBe(4);
  for (const first of [1, 2, 3, 4, 5]) {
    const seen: any[] = [];
    let after: string | null = null;
    do {
      const { environment }: any = await ask(app, token, document, { id: environmentId, at, first, after });
      const { edges, pageInfo } = environment.snapshot.agentSecrets;
      seen.push(...edges.map(({ node }: any) => node));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after);
    expect(seen).toEqual(expected);
  }
});

test('a secret of the past leads to what it is now, and so does the environment', async () => {
  const shown = `environmentId revision environment { id revision } agentSecret(pathText: "a") {
    agentSecretId revision environment { revision } agentSecret { id revision deletedAt } }`;
  const past = await environmentAt(app, token, environmentId, shown, 5);
  const { agentSecretId } = past.agentSecret;
  expect(past).toEqual({
    environmentId,
    revision: 5,
    environment: { id: environmentId, revision: 17 },
    agentSecret: {
      agentSecretId,
      revision: 1,
      environment: { revision: 17 },
      agentSecret: { id: agentSecretId, revision: 4, deletedAt: expect.any(String) },
    },
  });
});

test.each(['18', '9223372036854775807', '9223372036854775808', '18446744073709551615'])(
  'a revision to come, %s, is refused, and so is everything below it',
  async (at) => {
    const document = `query ($id: UUID) { environment(id: $id) { snapshot(revision: ${at}) { ${PAST} } } }`;
    const { data, errors } = await graphql(app, token, document, { id: environmentId });
    expect(data).toEqual({ environment: { snapshot: null } });
    expect(errors).toMatchObject([
      { message: 'revision: the environment is at revision 17', extensions: { code: 'INVALID_REQUEST' } },
    ]);
  },
);

describe('access, roles and names are today’s', () => {
  const small =
    'query ($id: UUID) { environment(id: $id) { name myRoles snapshot(revision: 1) { allAgentSecrets { secretValue } } } }';

  test('a share given later opens the past, one taken away closes it', async () => {
    const { stranger } = world.people;
    const code = async () =>
      (await graphql(app, stranger.token, small, { id: environmentId })).errors?.[0]?.extensions.code;
    expect(await code()).toBe('ENVIRONMENT_NOT_FOUND');
    const id = await share(app, token, environmentId, stranger.id, ['DEPLOYER']);
    expect(await code()).toBeUndefined();
    const update =
      'mutation ($id: ID!) { updateEnvironmentShare(input: { id: $id, roles: [VIEWER] }) { ... on UpdateEnvironmentSharePayload { environmentShare { roles } } } }';
    await ask(app, token, update, { id });
    expect(await code()).toBe('AUTH_FORBIDDEN');
    await ask(app, token, 'mutation ($id: ID!) { deleteEnvironmentShare(input: { id: $id }) { __typename } }', {
      id,
    });
    expect(await code()).toBe('ENVIRONMENT_NOT_FOUND');
  });

  test('a new name is the past’s name, too', async () => {
    const name = unique('renamed');
    const document = 'mutation ($input: UpdateEnvironmentInput!) { updateEnvironment(input: $input) { __typename } }';
    await ask(app, token, document, { input: { id: environmentId, name } });
    const { environment } = await ask(app, world.people.deployer.token, small, { id: environmentId });
    expect(environment).toMatchObject({ name, myRoles: ['DEPLOYER'] });
  });
});

test('an erased value is erased in the past, and the rest of the past stays', async () => {
  const { a } = await stateAt(6);
  await done(destroyRevision(app, token, { id: a.id, revision: 2, currentRevision: 4 }));
  const document = `query ($id: UUID) { environment(id: $id) { snapshot(revision: 6) { agentSecret(pathText: "a") {
    revision hasValue valueState secretValue } withValue: agentSecrets(filter: { hasValue: true }) { edges { node { pathText } } } } } }`;
  const { data, errors } = await graphql(app, token, document, { id: environmentId });
  const { agentSecret, withValue } = data.environment.snapshot;
  expect(agentSecret).toEqual({ revision: 2, hasValue: false, valueState: 'DESTROYED', secretValue: null });
  expect(withValue.edges.map(({ node }: any) => node.pathText)).toEqual(['b', 'b.deeper']);
  expect(errors).toMatchObject([
    {
      path: ['environment', 'snapshot', 'agentSecret', 'secretValue'],
      extensions: { code: 'AGENT_SECRET_VALUE_DESTROYED' },
    },
  ]);
  expect((await stateAt(4)).a).toMatchObject({ revision: 0, valueState: 'PRESENT', secretValueText: '"one"' });
});
