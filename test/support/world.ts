// Creates one environment, and an account for every possible relation to it, through the GraphQL API.
import { randomBytes } from 'node:crypto';
import type { TestApp } from './app.js';
import { ask } from './graphql/client.js';

export interface Person {
  id: string;
  name: string;
  token: string;
}

/** The relation of an account to the environment. `operator` has the account role admin and no share. */
export type Relation = 'owner' | 'admin' | 'deployer' | 'viewer' | 'roleless' | 'stranger' | 'operator';

export interface World {
  people: Record<Relation, Person>;
  applicationId: string;
  environmentId: string;
}

export async function createAccount(app: TestApp, name: string, roles: string[] = []): Promise<Person> {
  const { createAccount: created } = await ask(
    app,
    app.operatorToken,
    `mutation ($input: CreateAccountInput!) {
      createAccount(input: $input) { ... on CreateAccountPayload { account { id name } secret } ... on Refusal { message } }
    }`,
    { input: { name, roles } },
  );
  return { id: created.account.id, name: created.account.name, token: created.secret };
}

export async function createApplication(app: TestApp, token: string, name = unique('app')): Promise<string> {
  const { createApplication: created } = await ask(
    app,
    token,
    'mutation ($name: String!) { createApplication(input: { name: $name }) { ... on CreateApplicationPayload { application { id } } } }',
    { name },
  );
  return created.application.id;
}

export async function createEnvironment(
  app: TestApp,
  token: string,
  applicationId: string,
  name = unique('env'),
): Promise<string> {
  const { createEnvironment: created } = await ask(
    app,
    token,
    'mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { ... on CreateEnvironmentPayload { environment { id } } ... on Refusal { message } } }',
    { input: { applicationId, name } },
  );
  return created.environment.id;
}

export async function share(
  app: TestApp,
  token: string,
  environmentId: string,
  accountId: string,
  roles: string[],
): Promise<string> {
  const { createEnvironmentShare: created } = await ask(
    app,
    token,
    'mutation ($input: CreateEnvironmentShareInput!) { createEnvironmentShare(input: $input) { ... on CreateEnvironmentSharePayload { environmentShare { id } } ... on Refusal { message } } }',
    { input: { environmentId, accountId, roles } },
  );
  return created.environmentShare.id;
}

export async function createWorld(app: TestApp): Promise<World> {
  const person = (relation: string, roles: string[] = []) => createAccount(app, unique(relation), roles);
  const people: Record<Relation, Person> = {
    owner: await person('owner'),
    admin: await person('admin'),
    deployer: await person('deployer'),
    viewer: await person('viewer'),
    roleless: await person('roleless'),
    stranger: await person('stranger'),
    operator: await person('operator', ['ADMIN']),
  };
  const applicationId = await createApplication(app, people.owner.token);
  const environmentId = await createEnvironment(app, people.owner.token, applicationId);
  await share(app, people.owner.token, environmentId, people.admin.id, ['ADMIN']);
  await share(app, people.owner.token, environmentId, people.deployer.id, ['DEPLOYER']);
  await share(app, people.owner.token, environmentId, people.viewer.id, ['VIEWER']);
  await share(app, people.owner.token, environmentId, people.roleless.id, []);
  return { people, applicationId, environmentId };
}

export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
