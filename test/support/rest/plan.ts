// Creates environments with small plans, for everything that must be refused with 422.
import type { TestApp } from '../app.js';
import { ask } from '../graphql/client.js';
import { createAccount, createApplication, createEnvironment, unique } from '../world.js';
import { type Client, clientOf } from './app.js';

export interface Limits {
  environments?: number;
  secrets?: number;
  valueBytes?: number;
}

export interface LimitedEnvironment {
  environmentId: string;
  owner: Client;
  token: string;
}

/** Creates the first environment of a new account, which has its own plan. */
export async function createLimitedEnvironment(
  app: TestApp,
  { environments = 1, secrets = 100, valueBytes = 10_000 }: Limits,
): Promise<LimitedEnvironment> {
  const { createPlan } = await ask(
    app,
    app.operatorToken,
    `mutation { createPlan(input: {
      name: "${unique('plan')}", maxEnvironments: ${environments}, maxSecretsPerEnvironment: ${secrets}, maxValueBytes: ${valueBytes}
    }) { ... on CreatePlanPayload { plan { id } } } }`,
  );
  const person = await createAccount(app, unique('limited'));
  await ask(
    app,
    app.operatorToken,
    `mutation { updateAccount(input: { id: "${person.id}", planId: "${createPlan.plan.id}" }) { __typename } }`,
  );
  const environmentId = await createEnvironment(app, person.token, await createApplication(app, person.token));
  return { environmentId, token: person.token, owner: clientOf(app.server, person.token) };
}
