// Rotations killed at random points while two instances write: whatever happens, every value stays readable and the same.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createKeyFile } from '../../src/crypto/key-file.js';
import { addMasterKey, useMasterKey } from '../../src/crypto/key-file-change.js';
import { retireDataKeys, rotateDataKeys } from '../../src/domain/keys/data-key.js';
import { rotateMasterKey } from '../../src/domain/keys/master-key.js';
import type { Services } from '../../src/domain/request/services.js';
import { createLogger } from '../../src/logging/logger.js';
import { servicesOn } from '../../src/start/services.js';
import { openPostgres } from '../../src/store/engine/client.js';
import { until } from '../server/process/client.js';
import { changeSet, codesOf } from '../support/graphql/log.js';
import { storedValues } from '../support/sealed-values.js';
import { launch, runToEnd } from '../support/server.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, keyFileProvider, rest, startFleet } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';
import { graphqlWriter, randomFrom, restWriter } from './support/writer.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const ROUNDS = 20;
const SECRETS = 40;
const FORMER_VALUES = 8;
const WRITERS = 2;
/** Between two writes of a writer: the log grows with each, and with it every round's work. */
const BREATH_MS = 50;
/** How soon the instances of this test look for newer keys. */
const KEYS_MAX_AGE_MS = 200;

let folder: string;
let keyFile: string;
let fleet: Fleet;
let world: World;
let closing: (() => Promise<unknown>)[];
beforeEach(async () => {
  closing = [];
  folder = await mkdtemp(join(tmpdir(), 'agent-secrets-rotation-'));
  keyFile = join(folder, 'master-keys.json');
  await createKeyFile(keyFile);
  fleet = await startFleet({ size: 2, keyFile, keysMaxAge: KEYS_MAX_AGE_MS });
  world = await createWorld(fleet.instances[0]);
});
afterEach(async () => {
  for (const close of closing) await close();
  await fleet?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Services that have seen nothing yet, on a pool of their own. */
async function freshServices() {
  const db = openPostgres({ url: fleet.url, poolSize: 2, statementTimeout: 10_000, connectTimeout: 5, prepare: true });
  closing.push(() => db.close());
  return servicesOn(db, await keyFileProvider(keyFile), createLogger('silent'));
}

/** A secret as its one writer knows it; every value it ever had is in `texts`, by `secret:revision`. */
interface Known {
  id: string;
  revision: number;
  value: string | null;
}

function modelOf(environmentId: string, seed: number) {
  const secrets: Known[] = [];
  const texts = new Map<string, string>();
  const random = randomFrom(seed);
  let counter = 0;
  const token = () => world.people.owner.token;
  const writer = () => (random() < 0.5 ? restWriter : graphqlWriter)(fleet.some(random), token(), environmentId);

  function learn(
    known: Known,
    outcome: { code: string; id?: string; revision?: number },
    value: string | null | undefined,
  ) {
    if (outcome.code !== 'OK') throw new Error(`a write was answered ${outcome.code}`);
    known.id = outcome.id as string;
    known.revision = outcome.revision as number;
    if (value !== undefined) known.value = value;
    if (value != null) texts.set(`${known.id}:${known.revision}`, JSON.stringify(value));
  }

  async function create(known: Known): Promise<void> {
    counter += 1;
    const [path, value] = [`secret${counter}`, `value ${counter}`];
    learn(known, await writer().create(path, value), value);
  }

  async function change(known: Known): Promise<void> {
    const chance = random();
    counter += 1;
    if (chance < 0.6) {
      const set = `value ${counter}`;
      learn(known, await writer().update(known.id, known.revision, { set }), set);
    } else if (chance < 0.75) {
      learn(known, await writer().update(known.id, known.revision, 'keep'), undefined);
    } else if (chance < 0.9) {
      learn(known, await writer().update(known.id, known.revision, 'unset'), null);
    } else {
      learn(known, await writer().remove(known.id, known.revision), null);
      await create(known);
    }
  }

  async function furnish(): Promise<void> {
    for (let made = 0; made < SECRETS; made += 1) {
      const known = { id: '', revision: 0, value: null };
      await create(known);
      secrets.push(known);
    }
    for (let made = 0; made < SECRETS * FORMER_VALUES; made += 1) await change(secrets[made % SECRETS] as Known);
  }

  /** Writes on and on, each writer its own secrets, until told to stop; answers how many writes there were. */
  async function writeUntil(stopped: () => boolean): Promise<number> {
    const counts = await Promise.all(
      Array.from({ length: WRITERS }, async (_, part) => {
        const mine = secrets.filter((_, index) => index % WRITERS === part);
        let writes = 0;
        for (; !stopped(); writes += 1) {
          await change(mine[Math.floor(random() * mine.length)] as Known);
          await sleep(random() * 2 * BREATH_MS);
        }
        return writes;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async function expectEverything(operator: Services): Promise<void> {
    const expected = new Map(secrets.map(({ id, revision, value }) => [id, { revision, value }]));
    for (const instance of fleet.instances) {
      const { status, body } = await rest(instance, token(), 'GET', `/v1/envs/${environmentId}/agent-secrets`);
      expect(status, JSON.stringify(body)).toBe(200);
      const seen = body.values.map((secret: any) => [
        secret.id,
        { revision: secret.revision, value: secret.secretValue ?? null },
      ]);
      expect(new Map(seen)).toEqual(expected);
    }
    expect((await storedValues(operator, environmentId)).texts).toEqual(texts);
    await auditEnvironment(fleet.sql, environmentId);
  }

  return { environmentId, furnish, writeUntil, expectEverything };
}

/** The rotation as the operator runs it. */
function command(args: string[]) {
  const env = { NODE_ENV: 'production', DATABASE_URL: fleet.url, MASTER_KEY_FILE: keyFile };
  return { script: 'cli/rotate.js', args, env };
}

/** Starts it and kills it: at any time of its life, or soon after its first word. Answers how far it said it was. */
async function killed(args: string[], random: () => number): Promise<string> {
  const launched = await launch(command(args));
  if (random() < 0.25) await sleep(random() * 1_500);
  else {
    await Promise.race([once(launched.child.stdout, 'data'), launched.ended]);
    await sleep(random() * 400);
  }
  launched.child.kill('SIGKILL');
  await launched.ended;
  await launched.cleanUp();
  return launched.child.signalCode === 'SIGKILL' ? launched.said.stdout : 'ended before';
}

test(`${ROUNDS} rotations killed at random points under load: resumed, every value is readable and equal`, async () => {
  const seed = randomInt(2 ** 31);
  const random = randomFrom(seed);
  const environments = [world.environmentId];
  environments.push(await createEnvironment(fleet.instances[0], world.people.owner.token, world.applicationId));
  const models = environments.map((environmentId, index) => modelOf(environmentId, seed + index));
  await Promise.all(models.map(({ furnish }) => furnish()));
  const operator = await freshServices();
  let interrupted = 0;
  let writes = 0;
  let removed = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const isMasterKey = round % 3 === 2;
    if (isMasterKey) await useMasterKey(keyFile, await addMasterKey(keyFile));
    const args = isMasterKey ? ['master-key'] : ['data-keys', '--all'];
    let stop = false;
    const writing = Promise.all(models.map(({ writeUntil }) => writeUntil(() => stop)));
    try {
      const said = await killed(args, random);
      if (said !== 'ended before') interrupted += 1;
      // Taken up under load: by the same command, or, which is faster, by what it calls.
      if (round % 4 === 0) {
        expect(await runToEnd(command(args)), `seed ${seed}`).toMatchObject({ code: 0, stderr: '' });
      } else {
        const { failures } = isMasterKey ? await rotateMasterKey(operator) : await rotateDataKeys(operator);
        expect(failures, `seed ${seed}`).toEqual([]);
      }
    } finally {
      stop = true;
      for (const count of await writing) writes += count;
    }
    for (const { expectEverything } of models) await expectEverything(operator);
    // Nobody writes now: what was written meanwhile is sealed anew, and the old keys go.
    await until('one data key an environment', async () => {
      const { left, newKeys } = await rotateDataKeys(operator, { madeBefore: new Date(0) });
      const gone = await retireDataKeys(operator, { readWithinMs: 0 });
      removed += gone.length;
      const [row] = await fleet.sql`select count(*)::int from environment_keys where purpose = 'data'`;
      expect(newKeys).toBe(0);
      return left === 0 && row?.count === models.length;
    });
  }
  for (const { expectEverything } of models) await expectEverything(operator);
  // Otherwise it was no test of anything.
  expect(interrupted, 'rotations that were really cut short').toBeGreaterThan(ROUNDS / 5);
  expect(removed, 'data keys that were replaced and removed').toBeGreaterThan(ROUNDS / 5);
  expect(writes, 'writes meanwhile').toBeGreaterThan(ROUNDS * 20);
  const rows = await fleet.sql`select distinct master_key_id from environment_keys`;
  expect(rows, 'master keys in use').toHaveLength(1);
});

describe('a rotation and a writer', () => {
  /** Furnished, and with a second data key: what is left is to seal the values anew. */
  async function begun() {
    const model = modelOf(world.environmentId, 1);
    await model.furnish();
    const services = await freshServices();
    const { environmentId } = model;
    const onProgress = () => {
      throw new Error('interrupted');
    };
    await expect(rotateDataKeys(services, { environmentId, onProgress })).rejects.toThrow('interrupted');
    return { model, services, environmentId };
  }

  test('that holds the environment’s lock: the rotation does not need it', async () => {
    const { services, environmentId } = await begun();
    await fleet.sql.begin(async (lock) => {
      await lock`select id from environments where id = ${environmentId} for update`;
      expect(await rotateDataKeys(services, { environmentId })).toMatchObject({ newKeys: 0, left: 0, failures: [] });
    });
  });

  test('that wants the environment’s lock: at no moment does the rotation hold it', async () => {
    const { services, environmentId } = await begun();
    let running = true;
    let looks = 0;
    const looking = (async () => {
      for (; running; looks += 1) {
        await fleet.sql`select id from environments where id = ${environmentId} for update nowait`;
      }
    })();
    await rotateDataKeys(services, { environmentId }).finally(() => {
      running = false;
    });
    await looking;
    expect(looks).toBeGreaterThan(50);
  });

  test('that holds a secret: the rotation waits for nobody, and the next one does what was left', async () => {
    const { model, services, environmentId } = await begun();
    let left = 0;
    await fleet.sql.begin(async (lock) => {
      const [held] = await lock`
        select id from agent_secrets where environment_id = ${environmentId} and sealed_value is not null limit 1 for update`;
      const [values] = await lock`
        select count(sealed_value)::int from agent_secret_revisions where agent_secret_id = ${held?.id}`;
      left = values?.count;
      expect(await rotateDataKeys(services, { environmentId })).toMatchObject({ left, failures: [] });
    });
    expect(left).toBeGreaterThan(0);
    expect(await rotateDataKeys(services, { environmentId })).toMatchObject({ newKeys: 0, resealed: left, left: 0 });
    await model.expectEverything(services);
  });

  test.each([
    ['keeps a value', { update: { currentRevision: 1 } }],
    ['goes back to a value', { restore: { currentRevision: 1, toRevision: 0 } }],
  ])('that %s in a change set: no secret gets back the bytes from before they were sealed anew', async (_, change) => {
    const [instance] = fleet.instances;
    const { token } = world.people.owner;
    const { environmentId } = world;
    const writer = restWriter(instance, token, environmentId);
    const [held, { id = '' }] = [await writer.create('held', 'some'), await writer.create('other', 'first')];
    await writer.update(id, 0, { set: 'second' });
    const services = await freshServices();
    const interrupt = () => {
      throw new Error('interrupted');
    };
    await expect(rotateDataKeys(services, { environmentId, onProgress: interrupt })).rejects.toThrow('interrupted');
    const [[kind, of]] = Object.entries(change) as [[string, object]];
    const changes = [{ update: { id: held.id, currentRevision: 0 } }, { [kind]: { id, ...of } }];
    const writing = await fleet.sql.begin(async (lock) => {
      await lock`select id from agent_secrets where id = ${held.id ?? ''} for update`;
      const set = changeSet(instance, token, { environmentId, changes });
      await until('the change set waits for the first of its secrets', async () => {
        const waiting = await lock`select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))`;
        return waiting.length > 0;
      });
      await rotateDataKeys(services, { environmentId });
      return { set };
    });
    expect(codesOf(await writing.set)).toEqual(['OK', 'OK']);
    expect(await rotateDataKeys(services, { environmentId })).toMatchObject({ newKeys: 0, left: 0, failures: [] });
    expect((await storedValues(services, environmentId)).versions[1]).toBeUndefined();
    expect(await retireDataKeys(services, { readWithinMs: 0 })).toEqual([{ environmentId, version: 1 }]);
  });
});
