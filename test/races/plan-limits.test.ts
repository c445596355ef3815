// Plan limits when everybody comes at once: exactly as much gets in as the plan allows, and freed room is given once.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, graphql } from '../support/graphql/client.js';
import { createApplication, createEnvironment, type Person, unique } from '../support/world.js';
import { type Fleet, type Instance, rest, startFleet, tally } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';
import { restWriter } from './support/writer.js';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet?.close());

const at = (rival: number) => fleet.instances[rival % fleet.instances.length] as Instance;

function race<T>(rivals: number, work: (instance: Instance, rival: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: rivals }, (_, rival) => work(at(rival), rival)));
}

/** An account that lives under a plan of its own. */
async function ownerUnder(limits: { maxEnvironments?: number; maxSecretsPerEnvironment?: number }): Promise<Person> {
  const [instance] = fleet.instances;
  const { createPlan } = await ask(
    instance,
    instance.operatorToken,
    'mutation ($input: CreatePlanInput!) { createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } } }',
    {
      input: {
        name: unique('plan'),
        maxEnvironments: 100,
        maxSecretsPerEnvironment: 100,
        maxValueBytes: 1_000,
        ...limits,
      },
    },
  );
  const name = unique('owner');
  const { createAccount } = await ask(
    instance,
    instance.operatorToken,
    `mutation ($input: CreateAccountInput!) {
      createAccount(input: $input) { ... on CreateAccountPayload { account { id } secret } }
    }`,
    { input: { name, planId: createPlan.plan.id } },
  );
  return { id: createAccount.account.id, name, token: createAccount.secret };
}

async function environmentOf(owner: Person): Promise<string> {
  return createEnvironment(fleet.instances[0], owner.token, await createApplication(fleet.instances[0], owner.token));
}

test('30 parallel creations under a plan of 5 secrets: exactly 5 succeed, the others are LIMIT_EXCEEDED', async () => {
  const owner = await ownerUnder({ maxSecretsPerEnvironment: 5 });
  const environmentId = await environmentOf(owner);
  const answers = await race(30, (instance, rival) =>
    rest(instance, owner.token, 'POST', `/v1/envs/${environmentId}/agent-secrets`, {
      path: [`rival${rival}`],
      secretType: { type: 'Str' },
    }),
  );
  expect(tally(answers, ({ status }) => status)).toEqual({ 200: 5, 422: 25 });
  for (const { status, body } of answers) if (status === 422) expect(body.code).toBe('LIMIT_EXCEEDED');
  expect(await auditEnvironment(fleet.sql, environmentId)).toHaveLength(5);
});

test('room that deletions free while others create is filled again, never beyond the plan', async () => {
  const owner = await ownerUnder({ maxSecretsPerEnvironment: 5 });
  const environmentId = await environmentOf(owner);
  const writer = (rival: number) => restWriter(at(rival), owner.token, environmentId);
  const full = await Promise.all(Array.from({ length: 5 }, (_, n) => writer(n).create(`full${n}`, 'x')));
  const outcomes = await race(60, (_, rival) =>
    rival < 20 ? writer(rival).remove(full[rival % 5]?.id as string, 0) : writer(rival).create(`next${rival}`, 'x'),
  );
  expect(outcomes.slice(0, 20).filter(({ code }) => code === 'OK')).toHaveLength(5);
  const log = await auditEnvironment(fleet.sql, environmentId);
  let count = 0;
  for (const { change } of log) {
    count += change === 'created' ? 1 : -1;
    expect(count).toBeLessThanOrEqual(5);
  }
  expect(outcomes.slice(20).filter(({ code }) => code === 'OK')).toHaveLength(count);
  for (const { code } of outcomes.slice(20)) expect(['OK', 'LIMIT_EXCEEDED', 'CONCURRENT_UPDATE']).toContain(code);
});

const CREATE_ENVIRONMENT = `mutation ($input: CreateEnvironmentInput!) {
  result: createEnvironment(input: $input) { ... on CreateEnvironmentPayload { environment { id } } ... on Refusal { code } }
}`;

test('20 parallel creations of environments under a plan of 3: exactly 3 succeed, over several applications', async () => {
  const owner = await ownerUnder({ maxEnvironments: 3 });
  const applications = await Promise.all([1, 2, 3].map(() => createApplication(fleet.instances[0], owner.token)));
  const results = await race(20, async (instance, rival) => {
    const input = { applicationId: applications[rival % 3], name: `rival${rival}` };
    return (await ask(instance, owner.token, CREATE_ENVIRONMENT, { input })).result;
  });
  expect(tally(results, ({ code = 'OK' }) => code)).toEqual({ OK: 3, LIMIT_EXCEEDED: 17 });
  expect(await liveEnvironments(owner)).toEqual({ counted: 3, live: 3 });
});

test('of parallel creations and deletions of environments the count comes out right', async () => {
  const owner = await ownerUnder({ maxEnvironments: 3 });
  const applicationId = await createApplication(fleet.instances[0], owner.token);
  const first = await Promise.all(
    [1, 2, 3].map((n) => createEnvironment(fleet.instances[0], owner.token, applicationId, `first${n}`)),
  );
  const codes = await race(30, async (instance, rival) => {
    const [query, input] =
      rival % 2 === 0
        ? [
            'mutation ($input: DeleteEnvironmentInput!) { result: deleteEnvironment(input: $input) { __typename } }',
            { id: first[(rival / 2) % 3] },
          ]
        : [CREATE_ENVIRONMENT, { applicationId, name: `next${rival}` }];
    const { data, errors } = await graphql(instance, owner.token, query as string, { input });
    return errors?.[0]?.extensions.code ?? data.result.code ?? 'OK';
  });
  expect(codes.filter((code, rival) => rival % 2 === 0 && code === 'OK')).toHaveLength(3);
  for (const code of codes) expect(['OK', 'LIMIT_EXCEEDED', 'ENVIRONMENT_NOT_FOUND']).toContain(code);
  const created = codes.filter((code, rival) => rival % 2 === 1 && code === 'OK').length;
  expect(created).toBeLessThanOrEqual(3);
  expect(await liveEnvironments(owner)).toEqual({ counted: created, live: created });
});

async function liveEnvironments(owner: Person) {
  const [row] = await fleet.sql`
    select environment_count as counted,
      (select count(*)::int from environments where account_id = accounts.id and deleted_at is null) as live
    from accounts where id = ${owner.id}`;
  return row;
}
