// Change sets that overlap, in opposite order and at once: both end, at most one is refused, and the log stays whole.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeSet, codesOf } from '../support/graphql/log.js';
import { createSecret, done, type Secret } from '../support/graphql/secrets.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, type Instance, rest, startFleet } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';

const ROUNDS = 50;
const SECRETS = 6;

let fleet: Fleet;
let world: World;
let token: string;
beforeAll(async () => {
  fleet = await startFleet({ size: 2 });
  world = await createWorld(fleet.instances[0]);
  token = world.people.owner.token;
});
afterAll(() => fleet?.close());

const update = ({ id, revision: currentRevision }: Secret, value: string) => ({
  update: { id, currentRevision, secretValue: { op: 'SET', value } },
});

test(`${ROUNDS} times two in opposite order, beside single writes`, async () => {
  const [one, other] = fleet.instances as [Instance, Instance];
  const environmentId = await createEnvironment(one, token, world.applicationId);
  let secrets: Secret[] = [];
  for (let index = 0; index < SECRETS; index += 1) {
    const input = { environmentId, path: [`s${index}`], secretType: { type: 'Str' }, secretValue: 'x' };
    secrets.push(await done(createSecret(one, token, input)));
  }
  let applied = 0;
  let singles = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const changes = secrets.map((secret) => update(secret, `round ${round}`));
    const single = secrets[round % SECRETS] as Secret;
    const [first, second, { status }] = await Promise.all([
      changeSet(one, token, { environmentId, changes }),
      changeSet(other, token, { environmentId, changes: changes.toReversed() }),
      rest(one, token, 'PATCH', `/v1/agent-secrets/${single.id}`, { currentRevision: single.revision }),
    ]);
    const done = [first, second].filter((set) => set.applied);
    // The single write may come first; then neither set is.
    expect(done.length + Number(status === 200), `round ${round}`).toBe(1);
    for (const set of [first, second]) {
      const codes = new Set(codesOf(set));
      if (set.applied) expect(codes).toEqual(new Set(['OK']));
      else expect(codes).toContain('CONCURRENT_UPDATE');
    }
    applied += done.length;
    singles += Number(status === 200);
    const winner = done[0]?.results as Secret[] | undefined;
    const byId = new Map(winner?.map((secret) => [secret.id, secret]));
    secrets = secrets.map((secret) => {
      const revision = Number(secret.revision) + (secret === single && status === 200 ? 1 : 0);
      return byId.get(secret.id) ?? { ...secret, revision };
    });
  }
  const log = await auditEnvironment(fleet.sql, environmentId);
  expect(log).toHaveLength(SECRETS + applied * SECRETS + singles);
  expect(applied).toBeGreaterThan(0);
});

test('those that do not touch the same secrets are all applied', async () => {
  const environmentId = await createEnvironment(fleet.instances[0], token, world.applicationId);
  const sets = await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      const changes = [0, 1, 2].map((part) => ({
        create: { path: [`p${index}x${part}`], secretType: { type: 'Str' }, secretValue: 'x' },
      }));
      return changeSet(fleet.instances[index % 2] as Instance, token, { environmentId, changes });
    }),
  );
  expect(sets.every((set) => set.applied)).toBe(true);
  const revisions = sets.map(({ environmentRevision }) => Number(environmentRevision)).sort((a, b) => a - b);
  expect(revisions).toEqual(sets.map((_, index) => 3 * (index + 1)));
  await auditEnvironment(fleet.sql, environmentId);
});
