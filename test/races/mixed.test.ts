// A thousand writes of every kind at once, over few paths, both doors and three instances: the log stays one without a gap.
import { randomInt } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { canary } from '../support/canary.js';
import { createWorld, type World } from '../support/world.js';
import { type Fleet, rest, startFleet, tally } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';
import { type Change, graphqlWriter, type Outcome, randomFrom, restWriter } from './support/writer.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000 });

const WRITES = 1_000;
const PATHS = 20;
const AT_ONCE = 48;
/** What a writer may hear; anything else is a bug. */
const EXPECTED = ['OK', 'CONCURRENT_UPDATE', 'AGENT_SECRET_ALREADY_EXISTS', 'AGENT_SECRET_NOT_FOUND'];

interface Written extends Outcome {
  change: Change;
}

let fleet: Fleet;
let world: World;
afterEach(() => fleet?.close());

describe.each(['instances', 'processes'] as const)('over three %s', (kind) => {
  beforeEach(async () => {
    fleet = await startFleet({ kind });
    world = await createWorld(fleet.instances[0]);
  });

  test(`${WRITES} mixed racing writes leave exactly the acknowledged ones, without a gap`, async () => {
    const seed = randomInt(2 ** 31);
    const outcomes = await storm(randomFrom(seed));
    const counts = tally(outcomes, ({ code }) => code);
    expect(
      Object.keys(counts).filter((code) => !EXPECTED.includes(code)),
      `seed ${seed}: ${JSON.stringify(counts)}`,
    ).toEqual([]);
    // Otherwise it was no race.
    expect(counts.OK, JSON.stringify(counts)).toBeGreaterThan(WRITES / 5);
    expect(WRITES - (counts.OK ?? 0), JSON.stringify(counts)).toBeGreaterThan(WRITES / 10);

    const log = await auditEnvironment(fleet.sql, world.environmentId);
    const written = outcomes.filter(({ code }) => code === 'OK').map(({ id, revision }) => `${id}@${revision}`);
    expect(log.map(({ agentSecretId, revision }) => `${agentSecretId}@${revision}`).sort()).toEqual(written.sort());
    expect(new Set(log.map(({ change }) => change))).toEqual(
      new Set(['created', 'updated', 'value_removed', 'deleted']),
    );

    // Every instance opens every value that is left, and it is the one that was last set.
    for (const instance of fleet.instances) {
      const path = `/v1/envs/${world.environmentId}/agent-secrets`;
      const { status, body } = await rest(instance, world.people.owner.token, 'GET', path);
      expect(status).toBe(200);
      for (const { id, revision, secretValue } of body.values)
        expect(secretValue).toBe(valueAt(outcomes, id, revision));
    }
  });

  function valueAt(outcomes: readonly Written[], id: string, revision: number): string | null {
    for (let at = revision; ; at -= 1) {
      const change = outcomes.find((outcome) => outcome.id === id && outcome.revision === at)?.change;
      if (change === undefined) throw new Error(`nobody wrote revision ${at} of ${id}`);
      if (change !== 'keep') return change === 'unset' ? null : change.set;
    }
  }

  async function storm(random: () => number): Promise<Written[]> {
    const { people, environmentId } = world;
    const tokens = [people.owner.token, people.admin.token, people.deployer.token];
    /** What somebody has last heard of each path; others may know better by now. */
    const known = new Map<string, { id: string; revision: number }>();
    const outcomes: Written[] = [];
    let begun = 0;

    async function write(): Promise<Written> {
      const door = random() < 0.5 ? restWriter : graphqlWriter;
      const writer = door(fleet.some(random), tokens[Math.floor(random() * tokens.length)] as string, environmentId);
      const path = `path${Math.floor(random() * PATHS)}`;
      const seen = known.get(path);
      const dice = random();
      if (!seen || dice < 0.1) {
        const change = { set: canary() };
        const outcome = await writer.create(path, change.set);
        if (outcome.code === 'OK') known.set(path, { id: outcome.id as string, revision: 0 });
        return { ...outcome, change };
      }
      if (dice < 0.25) {
        const outcome = await writer.remove(seen.id, seen.revision);
        if (outcome.code !== 'CONCURRENT_UPDATE' && known.get(path)?.id === seen.id) known.delete(path);
        return { ...outcome, change: 'unset' };
      }
      const change: Change = dice < 0.35 ? 'keep' : dice < 0.5 ? 'unset' : { set: canary() };
      const outcome = await writer.update(seen.id, seen.revision, change);
      const current = known.get(path);
      if (outcome.code === 'OK' && current?.id === seen.id && current.revision < (outcome.revision as number)) {
        known.set(path, { id: seen.id, revision: outcome.revision as number });
      }
      if (outcome.code === 'AGENT_SECRET_NOT_FOUND' && current?.id === seen.id) known.delete(path);
      return { ...outcome, change };
    }

    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (begun < WRITES) {
          begun += 1;
          outcomes.push(await write());
        }
      }),
    );
    return outcomes;
  }
});
