// Readers of the same values through several instances at once: every opening recorded, and no deadlock between them.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { graphql } from '../support/graphql.js';
import { createWorld, unique, type World } from '../support/world.js';
import { type Fleet, rest, startFleet } from './fleet.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const SECRETS = 20;
const READERS = 12;
const ROUNDS = 15;

describe.each(['strict', 'async'] as const)('%s, three instances', (readAudit) => {
  let fleet: Fleet;
  let world: World;
  const ids: string[] = [];
  beforeAll(async () => {
    fleet = await startFleet({ readAudit });
    world = await createWorld(fleet.instances[0]);
    for (let index = 0; index < SECRETS; index += 1) {
      const body = { path: [unique('s')], secretType: { type: 'U32' }, secretValue: index };
      const path = `/v1/envs/${world.environmentId}/agent-secrets`;
      ids.push((await rest(fleet.instances[0], world.people.owner.token, 'POST', path, body)).body.id);
    }
  });
  afterAll(async () => {
    ids.length = 0;
    // Fails when an instance has logged anything.
    await fleet?.close();
  });

  test(`${READERS} readers open the same values in every order`, async () => {
    let opened = 0;
    const { token } = world.people.owner;
    async function reader(number: number): Promise<void> {
      for (let round = 0; round < ROUNDS; round += 1) {
        const instance = fleet.instances[(number + round) % fleet.instances.length] as Fleet['instances'][0];
        const from = (number * 7 + round) % SECRETS;
        const turned = [...ids.slice(from), ...ids.slice(0, from)];
        const order = number % 2 === 0 ? turned : turned.toReversed();
        const fields = order.map((id, index) => `s${index}: agentSecret(id: "${id}") { secretValue }`).join(' ');
        const { data, errors } = await graphql<any>(instance, token, `{ ${fields} }`);
        expect(errors).toBeUndefined();
        expect(order.map((_, index) => data[`s${index}`].secretValue)).toEqual(order.map((id) => ids.indexOf(id)));
        opened += SECRETS;
      }
    }
    await Promise.all(Array.from({ length: READERS }, (_, number) => reader(number)));
    // Each instance writes what it still holds before it answers this.
    for (const instance of fleet.instances) {
      const document = 'query ($id: UUID) { environment(id: $id) { reads(first: 0) { edges { cursor } } } }';
      await graphql(instance, token, document, { id: world.environmentId });
    }
    const rows = await fleet.sql`
      select request_id, opened from secret_reads, unnest(agent_secret_ids) as opened`;
    expect(rows).toHaveLength(opened);
    expect(new Set(rows.map(({ request_id, opened: id }) => `${request_id} ${id}`)).size).toBe(opened);
    const last = await fleet.sql`
      select from last_secret_reads join (
        select opened, max(at) as at from secret_reads, unnest(agent_secret_ids) as opened group by opened
      ) as newest on newest.opened = agent_secret_id and newest.at = last_secret_reads.at`;
    expect(last).toHaveLength(SECRETS);
  });
});
