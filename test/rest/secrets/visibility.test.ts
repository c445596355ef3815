// Who sees what: every row of the contract's table in every column, and everything that can have gone from under it.
import { describe, expect, test } from 'vitest';
import { canary } from '../../support/canary.js';
import { ask } from '../../support/graphql/client.js';
import { type Answer, type Client, clientOf, expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import {
  createAccount,
  createApplication,
  createEnvironment,
  type Person,
  type Relation,
  share,
  unique,
} from '../../support/world.js';

const { app } = await restSuite();

const OPERATIONS = ['list', 'create', 'get', 'update', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];

interface Target {
  environmentId: string;
  secretId: string;
}

function run(client: Client, operation: Operation, { environmentId, secretId }: Target): Promise<Answer> {
  switch (operation) {
    case 'list':
      return client.list(environmentId);
    case 'create':
      return client.create(environmentId, {
        path: [place()],
        secretType: { type: 'Str' },
        secretValue: canary(),
      });
    case 'get':
      return client.get(secretId);
    case 'update':
      return client.update(secretId, { currentRevision: 0, secretValue: { op: 'set', value: canary() } });
    case 'delete':
      return client.remove(secretId, 0);
  }
}

function expectNotFound(answer: Answer, operation: Operation, { environmentId, secretId }: Target): void {
  if (operation === 'list' || operation === 'create') {
    expectRefusal(answer, 404, 'ENVIRONMENT_NOT_FOUND', `Environment ${environmentId} not found`);
  } else {
    expectRefusal(answer, 404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${secretId} not found`);
  }
}

/** A fresh secret in the world's environment. */
async function target(): Promise<Target> {
  const { environmentId } = app.world;
  const { id } = await app.as('owner').made(environmentId, { secretValue: 'unharmed' });
  return { environmentId, secretId: id };
}

describe.each<Relation>(['owner', 'admin', 'deployer'])('%s', (relation) => {
  test.each(OPERATIONS)('may %s', async (operation) => {
    const answer = await run(app.as(relation), operation, await target());
    expect(answer.status, answer.text).toBe(200);
  });
});

describe('viewer', () => {
  test.each(['list', 'create'] as const)('knows the environment and may not %s: 403', async (operation) => {
    const answer = await run(app.as('viewer'), operation, await target());
    const action = operation === 'list' ? 'View' : 'Create';
    expectRefusal(answer, 403, 'AUTH_FORBIDDEN', `The environment action ${action}AgentSecret is not allowed`);
  });

  test.each(['get', 'update', 'delete'] as const)('has nothing to %s: 404', async (operation) => {
    const given = await target();
    expectNotFound(await run(app.as('viewer'), operation, given), operation, given);
    expect((await app.as('owner').get(given.secretId)).body).toMatchObject({ revision: 0, secretValue: 'unharmed' });
  });
});

describe.each<Relation>(['roleless', 'stranger', 'operator'])('%s', (relation) => {
  test.each(OPERATIONS)('finds nothing to %s: 404', async (operation) => {
    const given = await target();
    expectNotFound(await run(app.as(relation), operation, given), operation, given);
    expect((await app.as('owner').get(given.secretId)).body).toMatchObject({ revision: 0, secretValue: 'unharmed' });
  });
});

test('an account whose shares give several roles may what any of them allows', async () => {
  const both = await createAccount(app, unique('both'));
  await share(app, app.world.people.owner.token, app.world.environmentId, both.id, ['VIEWER', 'DEPLOYER']);
  const given = await target();
  for (const operation of OPERATIONS) {
    expect((await run(clientOf(app.server, both.token), operation, given)).status, operation).toBe(200);
    if (operation === 'update') given.secretId = (await target()).secretId;
  }
});

test('a share counts from the moment it is given until the moment it is taken, seen tokens or not', async () => {
  const guest = await createAccount(app, unique('guest'));
  const client = clientOf(app.server, guest.token);
  const given = await target();
  expectNotFound(await client.get(given.secretId), 'get', given);
  const shareId = await share(app, app.world.people.owner.token, given.environmentId, guest.id, ['DEPLOYER']);
  expect((await client.get(given.secretId)).status).toBe(200);
  const change = (roles: string) =>
    `mutation { updateEnvironmentShare(input: { id: "${shareId}", roles: [${roles}] }) { __typename } }`;
  await ask(app, app.world.people.owner.token, change('VIEWER'));
  expectNotFound(await client.get(given.secretId), 'get', given);
  expectRefusal(await client.list(given.environmentId), 403, 'AUTH_FORBIDDEN');
  await ask(app, app.world.people.owner.token, change('ADMIN'));
  expect((await client.list(given.environmentId)).status).toBe(200);
  await ask(
    app,
    app.world.people.owner.token,
    `mutation { deleteEnvironmentShare(input: { id: "${shareId}" }) { __typename } }`,
  );
  expectNotFound(await client.get(given.secretId), 'get', given);
  expectNotFound(await client.list(given.environmentId), 'list', given);
});

test('one environment’s share opens no other environment of the same owner', async () => {
  const { owner } = app.world.people;
  const environmentId = await createEnvironment(app, owner.token, app.world.applicationId);
  const { id: secretId } = await app.as('owner').made(environmentId);
  for (const relation of ['admin', 'deployer', 'viewer'] as const) {
    for (const operation of OPERATIONS) {
      const answer = await run(app.as(relation), operation, { environmentId, secretId });
      expectNotFound(answer, operation, { environmentId, secretId });
    }
  }
});

describe('what is deleted is gone for everybody', () => {
  /** An owner with an environment, a secret in it, and others it is shared with. */
  async function estate() {
    const owner = await createAccount(app, unique('owner'));
    const applicationId = await createApplication(app, owner.token);
    const environmentId = await createEnvironment(app, owner.token, applicationId);
    const { id: secretId } = await clientOf(app.server, owner.token).made(environmentId);
    const { admin, deployer, viewer, stranger } = app.world.people;
    for (const [person, role] of [
      [admin, 'ADMIN'],
      [deployer, 'DEPLOYER'],
      [viewer, 'VIEWER'],
    ] as const) {
      await share(app, owner.token, environmentId, person.id, [role]);
    }
    return { owner, applicationId, environmentId, secretId, others: [admin, deployer, viewer, stranger] };
  }

  async function expectGone(people: Person[], gone: Target) {
    for (const person of people) {
      for (const operation of OPERATIONS) {
        expectNotFound(await run(clientOf(app.server, person.token), operation, gone), operation, gone);
      }
    }
  }

  test('a deleted environment', async () => {
    const { owner, others, ...gone } = await estate();
    await ask(
      app,
      owner.token,
      `mutation { deleteEnvironment(input: { id: "${gone.environmentId}" }) { __typename } }`,
    );
    await expectGone([owner, ...others], gone);
  });

  test('the environments of a deleted application', async () => {
    const { owner, others, ...gone } = await estate();
    await ask(
      app,
      owner.token,
      `mutation { deleteApplication(input: { id: "${gone.applicationId}" }) { __typename } }`,
    );
    await expectGone([owner, ...others], gone);
  });

  test('the environments of a deleted account, whose token is no credential any more', async () => {
    const { owner, others, ...gone } = await estate();
    await ask(app, app.operatorToken, `mutation { deleteAccount(input: { id: "${owner.id}" }) { __typename } }`);
    await expectGone(others, gone);
    for (const operation of OPERATIONS) {
      expectRefusal(await run(clientOf(app.server, owner.token), operation, gone), 401, 'AUTH_UNAUTHORIZED');
    }
  });

  test('a deleted secret, for the one who deleted it too', async () => {
    const { owner, others, ...gone } = await estate();
    const client = clientOf(app.server, owner.token);
    await client.remove(gone.secretId, 0);
    for (const operation of ['get', 'update', 'delete'] as const) {
      for (const person of [owner, ...others]) {
        expectNotFound(await run(clientOf(app.server, person.token), operation, gone), operation, gone);
      }
    }
    expectNotFound(await client.remove(gone.secretId, 1), 'delete', gone);
    expect((await client.list(gone.environmentId)).body).toEqual({ values: [] });
  });

  test('ids that never existed', async () => {
    const never = {
      environmentId: '01890000-0000-7000-8000-000000000000',
      secretId: '01890000-0000-7000-8000-000000000001',
    };
    await expectGone(Object.values(app.world.people), never);
  });

  test('an environment’s id is no secret’s id and the other way round', async () => {
    const { environmentId, secretId } = await target();
    await expectGone([app.world.people.owner], { environmentId: secretId, secretId: environmentId });
  });
});
