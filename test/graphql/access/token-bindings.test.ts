// Tokens for one environment or for some paths: outside of these nothing exists for them, whichever way they look.
import { describe, expect, test } from 'vitest';
import { type AccessCase, outcomeFor } from '../../support/graphql/access-cases.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { call, createTokenAs, permitted, ROOT_CASES, tokensOf, tokenWith } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import { createApplication, createEnvironment } from '../../support/world.js';

const { app, world, token: owner } = await graphqlSuite();
const operator = world.people.operator.token;
/** Another environment of each of the two. */
const elsewhere = {
  owner: await createEnvironment(app, owner, world.applicationId),
  operator: await createEnvironment(app, operator, await createApplication(app, operator)),
};

const ACCOUNT_WIDE: Record<string, string> = {
  'Query.viewer': 'ok',
  'Query.account': 'ok',
  'Query.currentToken': 'ok',
  'Mutation.createToken': 'AUTH_FORBIDDEN',
  'Mutation.createApplication': 'AUTH_FORBIDDEN',
};
/** The one that a case is about. */
async function environmentOf({ id }: { id?: string }): Promise<string> {
  const document = 'query ($id: ID!) { node(id: $id) { __typename } }';
  const isItself = id && (await ask(app, owner, document, { id })).node?.__typename === 'Environment';
  return isItself ? id : world.environmentId;
}

const nameOf = ({ name }: AccessCase) => name.split(' ')[0] as string;

describe.each(ROOT_CASES)('$name', (accessCase) => {
  const who = permitted(accessCase);
  const field = nameOf(accessCase);

  const outside = ACCOUNT_WIDE[field] ?? outcomeFor(accessCase, 'stranger');
  test(`answers a token for another environment: ${outside}`, async () => {
    const { token } = world.people[who];
    const bound = await tokenWith(app, token, { environmentId: elsewhere[who] });
    const variables = await accessCase.variables(app, world);
    expect(await call(app, bound, accessCase.document, variables)).toBe(outside);
    if (outside !== 'ok') expect(await call(app, token, accessCase.document, variables)).toBe('ok');
  });

  const inside =
    {
      ...ACCOUNT_WIDE,
      'Query.application': 'APPLICATION_NOT_FOUND',
      'Mutation.revokeToken': 'TOKEN_NOT_FOUND',
      'Mutation.createEnvironment': 'APPLICATION_NOT_FOUND',
      'Mutation.updateApplication': 'APPLICATION_NOT_FOUND',
      'Mutation.deleteApplication': 'APPLICATION_NOT_FOUND',
    }[field] ?? (who === 'operator' ? 'AUTH_FORBIDDEN' : 'ok');
  test(`answers a token for this environment: ${inside}`, async () => {
    const variables = (await accessCase.variables(app, world)) as { id?: string };
    const environmentId = who === 'operator' ? elsewhere.operator : await environmentOf(variables);
    const bound = await tokenWith(app, world.people[who].token, { environmentId });
    expect(await call(app, bound, accessCase.document, variables)).toBe(inside);
  });

  const ofNoPath =
    {
      'Query.viewer': 'ok',
      'Query.account': 'ok',
      'Query.currentToken': 'ok',
      'Query.application': 'ok',
      'Query.visibleEnvironments': 'ok',
      'Query.environment': 'ok',
      'Query.agentSecret': 'AGENT_SECRET_NOT_FOUND',
      'Query.agentSecretRevision': 'AGENT_SECRET_NOT_FOUND',
      'Query.node': 'null',
      'Query.nodes': 'null',
      'Mutation.revokeToken': 'TOKEN_NOT_FOUND',
      'Mutation.updateAgentSecret': 'AGENT_SECRET_NOT_FOUND',
      'Mutation.deleteAgentSecret': 'AGENT_SECRET_NOT_FOUND',
      'Mutation.restoreAgentSecret': 'AGENT_SECRET_NOT_FOUND',
      'Mutation.destroyAgentSecretRevision': 'AGENT_SECRET_NOT_FOUND',
      // Its stream is tried below: nothing ever comes.
      'Subscription.agentSecretChanges': 'silence',
    }[field] ?? 'AUTH_FORBIDDEN';
  test.skipIf(ofNoPath === 'silence')(`answers a token for other paths: ${ofNoPath}`, async () => {
    const { token } = world.people[who];
    const bound = await tokenWith(app, token, { pathPrefixes: ['some.where.else'] });
    const variables = await accessCase.variables(app, world);
    expect(await call(app, bound, accessCase.document, variables)).toBe(ofNoPath);
    if (ofNoPath !== 'ok') expect(await call(app, token, accessCase.document, variables)).toBe('ok');
  });
});

describe('a token for one environment', () => {
  const FIELDS = `viewer { applications { edges { node { id } } } sharedEnvironments { edges { node { id } } } }
    environment(id: $id) { id application { id } }`;
  const look = (token: string, id: string) => graphql<any>(app, token, `query ($id: UUID) { ${FIELDS} }`, { id });

  test('of the account knows it, and neither its application nor what is shared with the account', async () => {
    const { data } = await look(await tokenWith(app, owner, { environmentId: elsewhere.owner }), elsewhere.owner);
    expect(data).toEqual({
      viewer: { applications: { edges: [] }, sharedEnvironments: { edges: [] } },
      environment: { id: elsewhere.owner, application: null },
    });
  });

  test('that is shared with the account knows it and no other shared one', async () => {
    const { deployer } = world.people;
    const other = await createEnvironment(app, owner, world.applicationId);
    const document = `mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { __typename } }`;
    await ask(app, owner, document, { input: { environmentId: other, accountId: deployer.id, roles: ['DEPLOYER'] } });
    const bound = await tokenWith(app, deployer.token, { environmentId: other });
    const shared = (await look(bound, other)).data.viewer.sharedEnvironments.edges;
    expect(shared).toEqual([{ node: { id: other } }]);
    const { errors } = await look(bound, world.environmentId);
    expect(errors).toMatchObject([{ extensions: { code: 'ENVIRONMENT_NOT_FOUND' } }]);
    const own = await tokenWith(app, owner, { environmentId: elsewhere.owner });
    expect((await look(own, elsewhere.owner)).data.viewer.sharedEnvironments.edges).toEqual([]);
  });

  test('does not find another one by its names', async () => {
    const names = async (id: string) => {
      const document = 'query ($id: UUID) { environment(id: $id) { name owner { name } application { name } } }';
      const { environment } = await ask(app, owner, document, { id });
      return { account: environment.owner.name, application: environment.application.name, name: environment.name };
    };
    const bound = await tokenWith(app, owner, { environmentId: elsewhere.owner });
    const document = `query ($account: String, $application: String, $name: String) {
      environment(account: $account, application: $application, name: $name) { id } }`;
    expect(await call(app, bound, document, await names(elsewhere.owner))).toBe('ok');
    expect(await call(app, bound, document, await names(world.environmentId))).toBe('ENVIRONMENT_NOT_FOUND');
  });

  test('is made only for an environment that its maker knows, with less than all roles, too', async () => {
    const { viewer, stranger, roleless } = world.people;
    const { environmentId } = world;
    expect((await createTokenAs(app, viewer.token, { environmentId })).token.environmentId).toBe(environmentId);
    for (const { token } of [stranger, roleless]) {
      expect(await createTokenAs(app, token, { environmentId })).toEqual({ code: 'ENVIRONMENT_NOT_FOUND' });
    }
  });

  test.each([{ environmentId: true }, { pathPrefixes: ['db'] }])(
    'or for paths sees itself of all tokens: %o',
    async (limits) => {
      const environmentId = elsewhere.owner;
      const { secret, token } = await createTokenAs(
        app,
        owner,
        limits.pathPrefixes ? limits : ({ environmentId } as never),
      );
      expect((await tokensOf(app, secret)).map(({ id }) => id)).toEqual([token.id]);
      const others = (await tokensOf(app, owner)).map(({ id }) => id).filter((id) => id !== token.id);
      const { nodes } = await ask(app, secret, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
        ids: [token.id, ...others],
      });
      expect(nodes).toEqual([{ id: token.id }, ...others.map(() => null)]);
      const revoke = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }';
      expect(await call(app, secret, revoke, { id: others[0] })).toBe('TOKEN_NOT_FOUND');
      expect(await call(app, secret, revoke, { id: token.id })).toBe('ok');
    },
  );
});
