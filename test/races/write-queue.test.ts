// Writers that wait for one environment: they cost readers nothing, they go on when a writer dies, and they end.
import type postgres from 'postgres';
import { afterEach, describe, expect, test } from 'vitest';
import { createWriteQueue } from '../../src/scheduling/write-queue.js';
import { until } from '../server/process/client.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, rest, startFleet, tally } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';
import { type Outcome, restWriter } from './support/writer.js';

describe('on a pool of two connections', () => {
  let fleet: Fleet;
  let world: World;
  afterEach(() => fleet?.close());

  async function start(statementTimeout: number): Promise<void> {
    // Outages are what these tests make, and are logged as such.
    fleet = await startFleet({
      size: 1,
      poolSize: 2,
      statementTimeout,
      tolerated: /UNAVAILABLE|connection replaced|P0001/,
    });
    world = await createWorld(fleet.instances[0]);
  }

  const token = () => world.people.owner.token;

  function writers(count: number, environmentId = world.environmentId): Promise<Outcome>[] {
    const writer = restWriter(fleet.instances[0], token(), environmentId);
    return Array.from({ length: count }, (_, n) => writer.create(`queued${n}`, 'x'));
  }

  /** Holds the environment's row on a foreign connection while `work` runs, which gets the holder's process id. */
  async function holdingEnvironment(work: (holder: number) => Promise<void>): Promise<void> {
    await fleet.sql.begin(async (lock) => {
      const [row] = await lock`
        select pg_backend_pid() as pid from environments where id = ${world.environmentId} for update`;
      await work(row?.pid);
    });
  }

  /** The process ids that wait for the holder, once there is one. */
  function waitingFor(holder: number): Promise<postgres.RowList<postgres.Row[]>> {
    return until('a writer waits for the environment', async () => {
      const rows = await fleet.sql`select pid from pg_stat_activity where ${holder} = any(pg_blocking_pids(pid))`;
      return rows.length > 0 && rows;
    });
  }

  test('50 writers that wait for one environment do not keep readers or other environments waiting', async () => {
    await start(10_000);
    const elsewhere = await createEnvironment(fleet.instances[0], token(), world.applicationId);
    let queued: Promise<Outcome>[] = [];
    await holdingEnvironment(async (holder) => {
      queued = writers(50);
      expect(await waitingFor(holder)).toHaveLength(1);
      const path = `/v1/envs/${world.environmentId}/agent-secrets`;
      for (let turn = 0; turn < 20; turn += 1) {
        expect((await rest(fleet.instances[0], token(), 'GET', path)).status).toBe(200);
      }
      const [other] = await Promise.all(writers(1, elsewhere));
      expect(other?.code).toBe('OK');
      // Still one connection only: the other 49 wait outside the pool.
      expect(await waitingFor(holder)).toHaveLength(1);
    });
    expect(tally(await Promise.all(queued), ({ code }) => code)).toEqual({ OK: 50 });
    expect(await auditEnvironment(fleet.sql, world.environmentId)).toHaveLength(50);
  });

  const environments = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () => createEnvironment(fleet.instances[0], token(), world.applicationId)),
    );

  test('writes of many environments that go together do not wait for the one that is locked', async () => {
    await start(10_000);
    const others = await environments(12);
    let held: Promise<Outcome>[] = [];
    await holdingEnvironment(async (holder) => {
      const all = others.map((id) => writers(1, id));
      held = writers(1);
      const outcomes = await Promise.all(all.flat());
      expect(tally(outcomes, ({ code }) => code)).toEqual({ OK: 12 });
      expect(await waitingFor(holder)).toHaveLength(1);
    });
    expect(tally(await Promise.all(held), ({ code }) => code)).toEqual({ OK: 1 });
    for (const id of [world.environmentId, ...others]) expect(await auditEnvironment(fleet.sql, id)).toHaveLength(1);
  });

  test('what the database refuses of one write, it does not refuse of those that go with it', async () => {
    await start(10_000);
    const others = await environments(12);
    await fleet.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'not this one'; end $$;
      create trigger refuse before insert on agent_secrets for each row
        when (new.environment_id = '${others[5]}') execute function refuse()`);
    const outcomes = await Promise.all(others.flatMap((id) => writers(1, id)));
    expect(outcomes.map(({ code }) => code)).toEqual(
      others.map((_, index) => (index === 5 ? 'INTERNAL_UNKNOWN' : 'OK')),
    );
    for (const [index, id] of others.entries()) {
      expect(await auditEnvironment(fleet.sql, id)).toHaveLength(index === 5 ? 0 : 1);
    }
  });

  test('a writer whose connection dies is refused as UNAVAILABLE, and those behind it go on', async () => {
    await start(10_000);
    let queued: Promise<Outcome>[] = [];
    await holdingEnvironment(async (holder) => {
      queued = writers(10);
      const [first] = await waitingFor(holder);
      await fleet.sql`select pg_terminate_backend(${first?.pid})`;
      await until('the next writer waits', async () => (await waitingFor(holder))[0]?.pid !== first?.pid);
    });
    expect(tally(await Promise.all(queued), ({ code }) => code)).toEqual({ UNAVAILABLE: 1, OK: 9 });
    expect(await auditEnvironment(fleet.sql, world.environmentId)).toHaveLength(9);
  });

  test('writers that the database keeps waiting too long are refused as UNAVAILABLE one after the other', async () => {
    await start(200);
    await holdingEnvironment(async () => {
      expect(tally(await Promise.all(writers(5)), ({ code }) => code)).toEqual({ UNAVAILABLE: 5 });
    });
    expect(tally(await Promise.all(writers(5)), ({ code }) => code)).toEqual({ OK: 5 });
    expect(await auditEnvironment(fleet.sql, world.environmentId)).toHaveLength(5);
  });
});

describe('the queue itself', () => {
  test('runs the writes of one environment one at a time and in order, those of others meanwhile', async () => {
    const queue = createWriteQueue();
    const events: string[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const write = (name: string, work: Promise<void>) => async () => {
      events.push(`+${name}`);
      await work;
      events.push(`-${name}`);
    };
    const a = queue.run('one', write('a', held));
    const b = queue.run('one', write('b', Promise.resolve()));
    await queue.run('other', write('c', Promise.resolve()));
    expect(events).toEqual(['+a', '+c', '-c']);
    release();
    await Promise.all([a, b]);
    expect(events).toEqual(['+a', '+c', '-c', '-a', '+b', '-b']);
  });

  test('gives each writer its own result or failure, also when a write throws at once', async () => {
    const queue = createWriteQueue();
    const outcomes = await Promise.allSettled([
      queue.run('one', async () => 1),
      queue.run('one', () => {
        throw new Error('at once');
      }),
      queue.run('one', () => Promise.reject(new Error('later'))),
      queue.run('one', async () => 2),
    ]);
    expect(outcomes).toMatchObject([
      { value: 1 },
      { reason: { message: 'at once' } },
      { reason: { message: 'later' } },
      { value: 2 },
    ]);
  });

  test('refuses as UNAVAILABLE, at once, whoever would wait behind too many, and has room again afterwards', async () => {
    const queue = createWriteQueue(2);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const waiting = [queue.run('one', () => held), queue.run('one', () => held)];
    await expect(queue.run('one', async () => 'in')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(queue.run('other', async () => 'in')).resolves.toBe('in');
    release();
    await Promise.all(waiting);
    await expect(queue.run('one', async () => 'in')).resolves.toBe('in');
  });
});
