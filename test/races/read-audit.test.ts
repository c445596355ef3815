// Readers of the same values through several instances at once: every opening recorded, and no deadlock between them.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { graphql } from '../support/graphql/client.js';
import { createWorld, type World } from '../support/world.js';
import { type Fleet, startFleet } from './support/fleet.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const SECRETS = 1_000;
const PAGE = 200;
const READERS = 9;
const ROUNDS = 5;

describe.each(['strict', 'async'] as const)('%s, three instances', (readAudit) => {
  let fleet: Fleet;
  let world: World;
  beforeAll(async () => {
    fleet = await startFleet({ readAudit });
    world = await createWorld(fleet.instances[0]);
    const create = (index: number) => ({
      create: { path: [`s${index}`], secretType: { type: 'U32' }, secretValue: index },
    });
    for (let from = 0; from < SECRETS; from += 100) {
      const changes = Array.from({ length: 100 }, (_, index) => create(from + index));
      const document = `mutation ($input: ApplyAgentSecretChangesInput!) {
        applyAgentSecretChanges(input: $input) { __typename }
      }`;
      const input = { environmentId: world.environmentId, changes };
      await graphql(fleet.instances[0], world.people.owner.token, document, { input });
    }
  });
  // Fails when an instance has logged anything, a deadlock for example.
  afterAll(() => fleet?.close());

  test(`${READERS} readers open the same values, in either order`, async () => {
    let opened = 0;
    const { token } = world.people.owner;
    const forward = 'list: allAgentSecrets { pathText secretValue }';
    const backward = `list: agentSecrets(first: ${PAGE}, orderBy: { field: PATH, direction: DESC }) {
      edges { node { pathText secretValue } }
    }`;
    async function reader(number: number): Promise<void> {
      for (let round = 0; round < ROUNDS; round += 1) {
        const instance = fleet.instances[number % fleet.instances.length] as Fleet['instances'][0];
        const isForward = (number + round) % 2 === 0;
        const document = `query ($id: UUID) { environment(id: $id) { ${isForward ? forward : backward} } }`;
        const { data, errors } = await graphql<any>(instance, token, document, { id: world.environmentId });
        expect(errors).toBeUndefined();
        const { list } = data.environment;
        const seen = isForward ? list : list.edges.map(({ node }: any) => node);
        expect(seen).toHaveLength(isForward ? SECRETS : PAGE);
        for (const { pathText, secretValue } of seen) expect(`s${secretValue}`).toBe(pathText);
        opened += seen.length;
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
      ) as newest on newest.opened = agent_secret_id
        and date_trunc('minute', newest.at) = date_trunc('minute', last_secret_reads.at)`;
    expect(last).toHaveLength(SECRETS);
  });
});
