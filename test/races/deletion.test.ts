// Environments, applications and accounts deleted under their writers: nothing is acknowledged after the end.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../server/process/client.js';
import { ask, graphql } from '../support/graphql/client.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, type Instance, startFleet, tally } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';
import { graphqlWriter, type Outcome, restWriter } from './support/writer.js';

let fleet: Fleet;
let world: World;
beforeEach(async () => {
  fleet = await startFleet();
  world = await createWorld(fleet.instances[0]);
});
afterEach(() => fleet?.close());

const at = (rival: number) => fleet.instances[rival % fleet.instances.length] as Instance;

/** Runs writers until each has begun a write after `end`, which happens in their midst; answers what they all heard. */
async function writersAround(end: () => Promise<unknown>) {
  const outcomes: (Outcome & { began: number })[] = [];
  let ending: Promise<void> | undefined;
  let ended = Number.POSITIVE_INFINITY;
  async function finish(): Promise<void> {
    await end();
    ended = performance.now();
  }
  const writers = Array.from({ length: 12 }, async (_, rival) => {
    const door = rival % 2 === 0 ? restWriter : graphqlWriter;
    const writer = door(at(rival), world.people.deployer.token, world.environmentId);
    for (let turn = 0; turn < 500; turn += 1) {
      const began = performance.now();
      outcomes.push({ ...(await writer.create(`w${rival}x${turn}`, 'x')), began });
      if (outcomes.length >= 60) ending ??= finish();
      if (began > ended) return;
    }
  });
  await Promise.all(writers);
  await ending;
  return { outcomes, ended };
}

const deleteEnvironment = (instance: Instance) =>
  graphql(
    instance,
    world.people.owner.token,
    'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }',
    { id: world.environmentId },
  );

async function expectCleanEnd({ outcomes, ended }: Awaited<ReturnType<typeof writersAround>>): Promise<void> {
  for (const { code, began } of outcomes) {
    if (began > ended) expect(code, 'a write that began after the end').toBe('ENVIRONMENT_NOT_FOUND');
    else expect(['OK', 'ENVIRONMENT_NOT_FOUND'], 'a write on the edge').toContain(code);
  }
  const written = outcomes.filter(({ code }) => code === 'OK');
  const log = await auditEnvironment(fleet.sql, world.environmentId);
  expect(log.map(({ agentSecretId }) => agentSecretId).sort()).toEqual(written.map(({ id }) => id).sort());
}

test('no secret is created in an environment after its deletion was acknowledged, and none acknowledged is missing', async () => {
  await expectCleanEnd(
    await writersAround(async () => {
      const answers = await Promise.all([0, 1, 2, 3, 4, 5].map((rival) => deleteEnvironment(at(rival))));
      expect(tally(answers, ({ errors }) => errors?.[0]?.extensions.code ?? 'OK')).toEqual({
        OK: 1,
        ENVIRONMENT_NOT_FOUND: 5,
      });
    }),
  );
  const [account] = await fleet.sql`select environment_count from accounts where id = ${world.people.owner.id}`;
  expect(account?.environment_count).toBe(0);
});

test('writes that wait behind the deletion of their environment are refused, and change nothing', async () => {
  const writer = restWriter(at(1), world.people.deployer.token, world.environmentId);
  const there = await writer.create('there', 'x');
  const waiting = (count: number) =>
    until(`${count} wait for the environment`, async () => {
      const rows = await fleet.sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return rows.length === count;
    });
  let deletion: ReturnType<typeof deleteEnvironment> | undefined;
  let writes: Promise<Outcome>[] = [];
  await fleet.sql.begin(async (lock) => {
    await lock`select 1 from environments where id = ${world.environmentId} for update`;
    deletion = deleteEnvironment(at(0));
    await waiting(1);
    // From here on the environment is still there for who looks, and gone for who gets its lock.
    writes = [
      writer.create('late', 'x'),
      restWriter(at(2), world.people.owner.token, '').remove(there.id as string, 0),
    ];
    await waiting(3);
  });
  expect((await deletion)?.errors).toBeUndefined();
  const [created, removed] = await Promise.all(writes);
  expect(created?.code).toBe('ENVIRONMENT_NOT_FOUND');
  expect(['CONCURRENT_UPDATE', 'AGENT_SECRET_NOT_FOUND']).toContain(removed?.code);
  expect(await auditEnvironment(fleet.sql, world.environmentId)).toHaveLength(1);
});

test('no secret is created after its application’s deletion was acknowledged', async () => {
  await expectCleanEnd(
    await writersAround(() =>
      ask(
        at(1),
        world.people.owner.token,
        'mutation ($id: ID!) { deleteApplication(input: { id: $id }) { __typename } }',
        {
          id: world.applicationId,
        },
      ),
    ),
  );
});

test('no secret is created after the deletion of the owner’s account was acknowledged', async () => {
  await expectCleanEnd(
    await writersAround(() =>
      ask(
        at(2),
        fleet.instances[0].operatorToken,
        'mutation ($id: ID!) { deleteAccount(input: { id: $id }) { __typename } }',
        {
          id: world.people.owner.id,
        },
      ),
    ),
  );
});

test('no environment is left in an application that was deleted while environments were made in it', async () => {
  const token = world.people.owner.token;
  const [deletion, ...creations] = await Promise.all([
    ask(
      at(0),
      token,
      'mutation ($id: ID!) { deleteApplication(input: { id: $id }) { ... on DeleteApplicationPayload { deletedId } } }',
      {
        id: world.applicationId,
      },
    ),
    ...Array.from({ length: 20 }, (_, rival) =>
      createEnvironment(at(rival), token, world.applicationId, `rival${rival}`).then(
        () => 'OK',
        (error: Error) => /"code":"(\w+)"/.exec(error.message)?.[1],
      ),
    ),
  ]);
  expect(deletion.deleteApplication.deletedId).toBe(world.applicationId);
  for (const code of creations) expect(['OK', 'APPLICATION_NOT_FOUND']).toContain(code);
  const live = await fleet.sql`
    select id from environments where application_id = ${world.applicationId} and deleted_at is null`;
  expect(live).toEqual([]);
  const [account] = await fleet.sql`select environment_count from accounts where id = ${world.people.owner.id}`;
  expect(account?.environment_count).toBe(0);
});
