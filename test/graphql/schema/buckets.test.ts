// Ids of secrets and shares carry their environment's bucket, whichever way they are made; ids without it stay valid.
import { expect, test } from 'vitest';
import { bucketOf } from '../../../src/ids/bucket.js';
import { newId } from '../../../src/ids/new-id.js';
import { ask } from '../../support/graphql/client.js';
import { changeSet, type Result } from '../../support/graphql/log.js';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';
import { createAccount, createEnvironment, share, unique } from '../../support/world.js';

const { app, world, token } = await graphqlSuite();

/** The twelve bits behind the version of a UUID. */
const bucketIn = (id: string) => Number.parseInt(id.slice(15, 18), 16);

test('secrets, also those of change sets, and shares carry the bucket of their environment', async () => {
  for (let round = 0; round < 3; round += 1) {
    const environmentId = await createEnvironment(app, token, world.applicationId);
    const secretType = { type: 'Str' };
    const secret = await done(createSecret(app, token, { environmentId, path: ['one'], secretType }));
    const changes = [{ create: { path: ['two'], secretType } }, { create: { path: ['three'], secretType } }];
    const set = await changeSet(app, token, { environmentId, changes });
    const other = await createAccount(app, unique('shared'));
    const shareId = await share(app, token, environmentId, other.id, ['VIEWER']);
    const ids = [secret.id, ...(set.results as Required<Result>[]).map(({ id }) => id), shareId];
    expect(ids.map(bucketIn)).toEqual(Array(4).fill(bucketOf(environmentId)));
  }
});

test('a secret from before, whose id carries no bucket, is read and changed like any other', async () => {
  const environmentId = await createEnvironment(app, token, world.applicationId);
  const { id, revision } = await done(
    createSecret(app, token, { environmentId, path: ['old'], secretType: { type: 'Str' } }),
  );
  let oldId = newId();
  while (bucketIn(oldId) === bucketOf(environmentId)) oldId = newId();
  // No door makes such an id any more. The secret has no value, which would be bound to the id.
  await app.services.db.script(`
    begin;
    alter table agent_secret_revisions drop constraint agent_secret_revisions_agent_secret_id_agent_secrets_id_fk;
    update agent_secrets set id = '${oldId}' where id = '${id}';
    update agent_secret_revisions set agent_secret_id = '${oldId}' where agent_secret_id = '${id}';
    commit`);
  const { updateAgentSecret: updated } = await ask(
    app,
    token,
    `mutation ($input: UpdateAgentSecretInput!) {
      updateAgentSecret(input: $input) { ... on AgentSecretPayload { agentSecret { id revision } } ... on Refusal { message } } }`,
    { input: { id: oldId, currentRevision: revision, secretValue: { op: 'SET', value: 'x' } } },
  );
  expect(updated.agentSecret).toEqual({ id: oldId, revision: 1 });
});
