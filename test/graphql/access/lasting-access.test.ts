// Access that outlasts a credential: not given by one that was revoked elsewhere a moment ago and is still trusted here.
import { describe, expect, test } from 'vitest';
import { createApp } from '../../../src/server/app.js';
import { servicesOn } from '../../../src/start/services.js';
import type { TestApp } from '../../support/app.js';
import { ask } from '../../support/graphql/client.js';
import { call, createTokenAs } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createEnvironment, share, unique } from '../../support/world.js';

const { app, world } = await graphqlSuite();
// A process of its own, as far as the credentials it has seen are concerned.
const { db, keyProvider, log } = app.services;
const other = createApp({ services: servicesOn(db, keyProvider, log), config: app.config });
const elsewhere: TestApp = { ...app, fetch: async (request) => other.fetch(request) };

const VIEWER = '{ viewer { id } }';

/** What gives access, as somebody who may: the document, its variables, and who. */
const GIVING = {
  createToken: async () => ({
    who: world.people.owner.token,
    document:
      'mutation ($name: String!) { createToken(input: { name: $name }) { __typename ... on Refusal { code } } }',
    variables: { name: unique('token') },
  }),
  createAccount: async () => ({
    who: app.operatorToken,
    document:
      'mutation ($name: String!) { createAccount(input: { name: $name }) { __typename ... on Refusal { code } } }',
    variables: { name: unique('account') },
  }),
  updateAccount: async () => ({
    who: app.operatorToken,
    document: 'mutation ($id: ID!) { updateAccount(input: { id: $id, roles: [ADMIN] }) { __typename } }',
    variables: { id: (await createAccount(app, unique('account'))).id },
  }),
  createEnvironmentShare: async () => ({
    who: world.people.owner.token,
    document: `mutation ($environment: ID!, $account: ID!) {
      createEnvironmentShare(input: { environmentId: $environment, accountId: $account, roles: [ADMIN] }) {
        __typename ... on Refusal { code } } }`,
    variables: {
      environment: await createEnvironment(app, world.people.owner.token, world.applicationId),
      account: world.people.stranger.id,
    },
  }),
  updateEnvironmentShare: async () => {
    const { owner, stranger } = world.people;
    const environment = await createEnvironment(app, owner.token, world.applicationId);
    return {
      who: owner.token,
      document: 'mutation ($id: ID!) { updateEnvironmentShare(input: { id: $id, roles: [ADMIN] }) { __typename } }',
      variables: { id: await share(app, owner.token, environment, stranger.id, ['VIEWER']) },
    };
  },
};

describe.each(Object.entries(GIVING))('%s', (_, giving) => {
  test('asks the database whether the token is still one', async () => {
    const { who, document, variables } = await giving();
    const { secret, token } = await createTokenAs(app, who, {});
    expect(await call(elsewhere, secret, VIEWER, {})).toBe('ok');
    await ask(app, who, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', { id: token.id });
    expect(await call(elsewhere, secret, VIEWER, {}), 'still trusted').toBe('ok');
    expect(await call(elsewhere, secret, document, variables)).toBe('AUTH_UNAUTHORIZED');
    expect(await call(elsewhere, who, document, variables)).toBe('ok');
  });
});

test('whoever was an admin a moment ago does not become one again', async () => {
  const { id, token } = await createAccount(app, unique('account'));
  const document =
    'mutation ($id: ID!, $roles: [AccountRole!]!) { updateAccount(input: { id: $id, roles: $roles }) { __typename } }';
  expect(await call(app, app.operatorToken, document, { id, roles: ['ADMIN'] })).toBe('ok');
  expect(await call(elsewhere, token, '{ plans { edges { node { id } } } }', {})).toBe('ok');
  expect(await call(app, app.operatorToken, document, { id, roles: [] })).toBe('ok');
  expect(await call(elsewhere, token, document, { id, roles: ['ADMIN'] })).toBe('AUTH_FORBIDDEN');
});
