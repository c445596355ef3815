// A frontend's typed call, as docs/graphql.md shows it.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { graphqlSuite } from '../../support/suites.js';
import { EnvironmentSecretsDocument } from './frontend.generated.js';

const { app, world } = await graphqlSuite();

async function request<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await app.fetch(
    new Request('http://localhost/graphql', {
      method: 'POST',
      headers: { authorization: `Bearer ${world.people.owner.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: print(document), variables }),
    }),
  );
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (errors) throw new Error(errors[0]?.message);
  return data;
}

test('a typed document answers typed data, with large integers exact as text', async () => {
  await ask(
    app,
    world.people.owner.token,
    'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }',
    {
      input: {
        environmentId: world.environmentId,
        path: ['n'],
        secretType: { type: 'U64' },
        secretValueText: '9007199254740993',
      },
    },
  );
  const { environment } = await request(EnvironmentSecretsDocument, { environmentId: world.environmentId, first: 10 });
  const secrets = environment?.agentSecrets?.edges.map(({ node }) => [node.pathText, node.secretValueText]);
  expect(secrets).toEqual([['n', '9007199254740993']]);
});
