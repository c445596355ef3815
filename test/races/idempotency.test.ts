// The same write under the same key, several times at once through several instances: it is done once, and all hear of it.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graphql } from '../support/graphql/client.js';
import { createEnvironment, createWorld, unique, type World } from '../support/world.js';
import { type Fleet, type Instance, startFleet } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';

const ROUNDS = 15;
const REPEATS = 6;

let fleet: Fleet;
let world: World;
let token: string;
beforeAll(async () => {
  fleet = await startFleet({ size: 2 });
  world = await createWorld(fleet.instances[0]);
  token = world.people.owner.token;
});
afterAll(() => fleet?.close());

/** The same request to the instances in turn, all at once. */
function atOnce<T>(send: (instance: Instance) => Promise<T>): Promise<T[]> {
  return Promise.all(
    Array.from({ length: REPEATS }, (_, index) => send(fleet.instances[index % fleet.instances.length] as Instance)),
  );
}

async function rest(instance: Instance, key: string, method: string, path: string, body?: object) {
  const headers = {
    authorization: `Bearer ${token}`,
    'idempotency-key': key,
    ...(body ? { 'content-type': 'application/json' } : {}),
  };
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await instance.fetch(new Request(`http://localhost${path}`, init));
  return { status: response.status, text: await response.text() };
}

function expectOne(answers: { status: number; text: string }[], context: string) {
  for (const answer of answers) expect(answer, context).toEqual(answers[0]);
  expect(answers[0]?.status, answers[0]?.text).toBe(200);
  return JSON.parse(answers[0]?.text as string);
}

const newKey = () => randomBytes(9).toString('hex');

describe.each(['with a new key each', 'with keys of expired rows'])('%s', (way) => {
  test('create, update, delete: one effect, one answer', async () => {
    const environmentId = await createEnvironment(fleet.instances[0], token, world.applicationId);
    for (let round = 0; round < ROUNDS; round += 1) {
      const keys = [newKey(), newKey(), newKey()] as const;
      if (way !== 'with a new key each') {
        const path = `/v1/envs/${environmentId}/agent-secrets`;
        for (const key of keys) {
          const body = { path: [unique('s')], secretType: { type: 'Str' } };
          expect((await rest(fleet.instances[0], key, 'POST', path, body)).status).toBe(200);
        }
        await fleet.sql`update idempotency_keys set expires_at = now() - interval '1 second'`;
      }
      const body = { path: [unique('s')], secretType: { type: 'Str' }, secretValue: 'a' };
      const list = `/v1/envs/${environmentId}/agent-secrets`;
      const created = expectOne(await atOnce((one) => rest(one, keys[0], 'POST', list, body)), 'create');
      const place = `/v1/agent-secrets/${created.id}`;
      const change = { currentRevision: 0, secretValue: { op: 'set', value: 'b' } };
      const updated = expectOne(await atOnce((one) => rest(one, keys[1], 'PATCH', place, change)), 'update');
      expect(updated).toEqual({ ...created, revision: 1, secretValue: 'b' });
      const deletion = `/v1/agent-secret/${created.id}?current_revision=1`;
      const deleted = expectOne(await atOnce((one) => rest(one, keys[2], 'DELETE', deletion)), 'delete');
      expect(deleted).toEqual({ ...created, revision: 2, secretValue: null });
    }
    const log = await auditEnvironment(fleet.sql, environmentId);
    expect(log).toHaveLength(ROUNDS * (way === 'with a new key each' ? 3 : 6));
  });
});

test('change sets: one effect, one answer', async () => {
  const environmentId = await createEnvironment(fleet.instances[0], token, world.applicationId);
  const document = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
    __typename ... on ApplyAgentSecretChangesPayload { applied environmentRevision results { __typename ... on AgentSecretRevision { agentSecretId revision secretValue } } }
    ... on Refusal { code } } }`;
  for (let round = 0; round < ROUNDS; round += 1) {
    const changes = [1, 2, 3].map((value) => ({
      create: { path: [unique('s')], secretType: { type: 'U8' }, secretValue: value },
    }));
    const input = { environmentId, changes, idempotencyKey: newKey() };
    const answers = await atOnce((instance) => graphql(instance, token, document, { input }));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.data.applyAgentSecretChanges).toMatchObject({
      applied: true,
      environmentRevision: 3 * (round + 1),
    });
  }
  expect(await auditEnvironment(fleet.sql, environmentId)).toHaveLength(3 * ROUNDS);
});

test('of two requests that share a key by mistake, one is done and the other refused', async () => {
  const environmentId = await createEnvironment(fleet.instances[0], token, world.applicationId);
  for (let round = 0; round < ROUNDS; round += 1) {
    const key = newKey();
    const answers = await Promise.all(
      fleet.instances.map((instance) =>
        rest(instance, key, 'POST', `/v1/envs/${environmentId}/agent-secrets`, {
          path: [unique('s')],
          secretType: { type: 'Str' },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  }
  expect(await auditEnvironment(fleet.sql, environmentId)).toHaveLength(ROUNDS);
});
