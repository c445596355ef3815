// Database sessions that end in the middle of a transaction, as at every restart of Postgres: each costs its own request only.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { until } from '../server/process/client.js';
import { graphql } from '../support/graphql/client.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, startFleet, tally } from './support/fleet.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

/** An outage is told once, and why. */
const OUTAGE = /"code":"CONNECTION_CLOSED".*"msg":"(database connection replaced|answered UNAVAILABLE)"/;
const ROUNDS = 10;
const AT_ONCE = 3;

let fleet: Fleet;
let world: World;
beforeEach(async () => {
  // A process of its own: whatever the driver throws outside of a request would end it.
  fleet = await startFleet({ kind: 'processes', size: 1, tolerated: OUTAGE });
  world = await createWorld(fleet.instances[0]);
});
afterEach(() => fleet?.close());

async function create(name: string): Promise<string> {
  const { data, errors } = await graphql(
    fleet.instances[0],
    world.people.owner.token,
    'mutation ($input: CreateEnvironmentInput!) { result: createEnvironment(input: $input) { __typename } }',
    { input: { applicationId: world.applicationId, name } },
  );
  return errors?.[0]?.extensions.code ?? data.result.__typename;
}

function pings(): Promise<number[]> {
  const ping = async () => (await fleet.instances[0].fetch(new Request('http://localhost/readyz'))).status;
  return Promise.all(Array.from({ length: 12 }, ping));
}

test(`sessions that die in a transaction (${ROUNDS} rounds) are answered UNAVAILABLE, and the process lives on`, async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    // The driver may hand the end of a session to the next request on the same connection, too.
    await until('the pool is whole', async () => (await pings()).every((status) => status === 200));
    let answers: Promise<string>[] = [];
    await fleet.sql.begin(async (lock) => {
      const [holder] = await lock`
        select pg_backend_pid() as pid from accounts where id = ${world.people.owner.id} for update`;
      answers = Array.from({ length: AT_ONCE }, (_, rival) => create(`round${round}x${rival}`));
      const waiting = await until('all wait for the account', async () => {
        const rows = await fleet.sql`
          select pid from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database() and pid <> ${holder?.pid}`;
        return rows.length === AT_ONCE && rows;
      });
      await fleet.sql`select pg_terminate_backend(pid) from unnest(${waiting.map(({ pid }) => pid)}::int[]) as pid`;
    });
    expect(
      tally(await Promise.all(answers), (code) => code),
      `round ${round}`,
    ).toEqual({ UNAVAILABLE: AT_ONCE });
  }
  await until('the pool is whole', async () => (await pings()).every((status) => status === 200));
  await createEnvironment(fleet.instances[0], world.people.owner.token, world.applicationId, 'afterwards');
  const rows = await fleet.sql`select name from environments where application_id = ${world.applicationId}`;
  expect(rows.map(({ name }) => name).filter((name) => name.startsWith('round'))).toEqual([]);
});
