// Writers of one secret, really in parallel: exactly one wins, the others are told so, and the log knows of the winner only.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { graphql } from '../support/graphql/client.js';
import { createWorld, unique, type World } from '../support/world.js';
import { type Fleet, type Instance, type RestAnswer, rest, startFleet, tally } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';

const RIVALS = 32;

describe.each([
  { size: 1, kind: 'instances', name: 'one instance' },
  { size: 3, kind: 'instances', name: 'three instances' },
  { size: 3, kind: 'processes', name: 'three processes' },
] as const)('through $name', ({ size, kind }) => {
  let fleet: Fleet;
  let world: World;
  let token: string;
  let id: string;
  beforeAll(async () => {
    fleet = await startFleet({ kind, size });
    world = await createWorld(fleet.instances[0]);
    token = world.people.owner.token;
  });
  afterAll(() => fleet?.close());

  const type = { secretType: { type: 'U32' } };
  const create = (instance: Instance, path: string[], value = 0) =>
    rest(instance, token, 'POST', `/v1/envs/${world.environmentId}/agent-secrets`, {
      path,
      ...type,
      secretValue: value,
    });
  const update = (instance: Instance, currentRevision: number, value: number) =>
    rest(instance, token, 'PATCH', `/v1/agent-secrets/${id}`, { currentRevision, secretValue: { op: 'set', value } });
  const remove = (instance: Instance, currentRevision: number) =>
    rest(instance, token, 'DELETE', `/v1/agent-secret/${id}?current_revision=${currentRevision}`);

  beforeEach(async () => {
    id = (await create(fleet.instances[0], [unique('secret')])).body.id;
  });

  /** All at once, spread over the fleet. */
  function race<T>(rivals: number, work: (instance: Instance, rival: number) => Promise<T>): Promise<T[]> {
    return Promise.all(
      Array.from({ length: rivals }, (_, rival) => work(fleet.instances[rival % size] as Instance, rival)),
    );
  }

  const statuses = (answers: RestAnswer[]) => tally(answers, ({ status }) => status);

  test(`of ${RIVALS} updates of one revision exactly one wins`, async () => {
    for (const revision of [0, 1, 2]) {
      const answers = await race(RIVALS, (instance, rival) => update(instance, revision, rival));
      expect(statuses(answers)).toEqual({ 200: 1, 409: RIVALS - 1 });
      const winner = answers.findIndex(({ status }) => status === 200);
      for (const { status, body } of answers) {
        expect(body).toMatchObject(status === 200 ? { revision: revision + 1 } : { code: 'CONCURRENT_UPDATE' });
      }
      const { body } = await rest(fleet.instances[0], token, 'GET', `/v1/agent-secrets/${id}`);
      expect(body).toMatchObject({ revision: revision + 1, secretValue: winner });
    }
    await auditEnvironment(fleet.sql, world.environmentId);
  });

  test(`of ${RIVALS} updates through both doors exactly one wins, and GraphQL names the revision to go on from`, async () => {
    const answers = await race(RIVALS, async (instance, rival) => {
      if (rival % 2 === 0) return (await update(instance, 0, rival)).body;
      const { data } = await graphql(
        instance,
        token,
        `mutation ($input: UpdateAgentSecretInput!) { updateAgentSecret(input: $input) {
          __typename ... on AgentSecretPayload { agentSecret { revision } } ... on ConcurrentUpdate { code currentRevision }
        } }`,
        { input: { id, currentRevision: 0, secretValue: { op: 'SET', value: rival } } },
      );
      return data.updateAgentSecret.agentSecret ?? data.updateAgentSecret;
    });
    expect(answers.filter(({ revision }) => revision === 1)).toHaveLength(1);
    const refused = answers.filter(({ code }) => code === 'CONCURRENT_UPDATE');
    expect(refused).toHaveLength(RIVALS - 1);
    for (const { __typename, currentRevision } of refused) {
      if (__typename !== undefined) expect(currentRevision).toBe(1);
    }
  });

  test(`of ${RIVALS} creations of one path exactly one wins`, async () => {
    const path = unique('contested');
    const answers = await race(RIVALS, (instance, rival) => create(instance, [path], rival));
    expect(statuses(answers)).toEqual({ 200: 1, 409: RIVALS - 1 });
    for (const { status, body } of answers) {
      if (status !== 200) expect(body.code).toBe('AGENT_SECRET_ALREADY_EXISTS');
    }
    const [winner] = answers.filter(({ status }) => status === 200);
    const rows = await fleet.sql`select id from agent_secrets where path = ${winner?.body.path[0]}`;
    expect(rows).toEqual([{ id: winner?.body.id }]);
    await auditEnvironment(fleet.sql, world.environmentId);
  });

  test('of deletions and updates of one revision exactly one wins', async () => {
    const answers = await race(RIVALS, (instance, rival) =>
      rival % 2 === 0 ? remove(instance, 0) : update(instance, 0, rival),
    );
    const [winner] = answers.filter(({ status }) => status === 200);
    expect(statuses(answers)[200]).toBe(1);
    for (const { status, body } of answers) {
      // Whoever looked after a deletion finds nothing; whoever lost in the middle is told of the race.
      if (status !== 200) expect(['CONCURRENT_UPDATE', 'AGENT_SECRET_NOT_FOUND']).toContain(body.code);
    }
    const isDeleted = winner?.body.secretValue === null;
    const { status } = await rest(fleet.instances[0], token, 'GET', `/v1/agent-secrets/${id}`);
    expect(status).toBe(isDeleted ? 404 : 200);
    await auditEnvironment(fleet.sql, world.environmentId);
  });

  test('a path freed by a deletion goes to exactly one of those who create it anew', async () => {
    const path = unique('reborn');
    id = (await create(fleet.instances[0], [path])).body.id;
    const [deletion, ...creations] = await Promise.all([
      remove(fleet.instances[0], 0),
      ...Array.from({ length: RIVALS - 1 }, (_, rival) => create(fleet.instances[rival % size] as Instance, [path])),
    ]);
    expect(deletion?.status).toBe(200);
    expect(creations.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(Object.keys(statuses(creations)).every((status) => ['200', '409'].includes(status))).toBe(true);
    await auditEnvironment(fleet.sql, world.environmentId);
  });
});
