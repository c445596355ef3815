// A writer that always changes two secrets together, and readers on every way who must never see half of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeSet, environmentAt } from '../support/graphql/log.js';
import { createEnvironment, createWorld, type World } from '../support/world.js';
import { type Fleet, type Instance, rest, startFleet } from './support/fleet.js';
import { auditEnvironment } from './support/log-audit.js';

const READS = 10_000;
const TIME_MS = 40_000;

let fleet: Fleet;
let world: World;
let token: string;
beforeAll(async () => {
  fleet = await startFleet({ size: 2, poolSize: 6 });
  world = await createWorld(fleet.instances[0]);
  token = world.people.owner.token;
});
afterAll(() => fleet?.close());

/** What a read has seen of the two: their values, or null where one is not there. */
type Pair = readonly (number | null)[];

const pairOf = (secrets: { path: string; value: number }[]): Pair =>
  ['left', 'right'].map((path) => secrets.find((secret) => secret.path === path)?.value ?? null);

test(`${READS} reads beside a writer: both secrets are always of one write`, {
  timeout: TIME_MS + 30_000,
}, async () => {
  const [first, second] = fleet.instances as [Instance, Instance];
  const environmentId = await createEnvironment(first, token, world.applicationId);
  const secretType = { type: 'U32' };
  let isOver = false;
  let written = 0;

  /** Updates mostly; now and then both are deleted, and made anew by the next set. */
  async function writer(): Promise<void> {
    let ids: string[] = [];
    let revision = 0;
    for (let value = 1; !isOver; value += 1) {
      const isDeletion = ids.length > 0 && value % 7 === 0;
      const changes = isDeletion
        ? ids.map((id) => ({ delete: { id, currentRevision: revision } }))
        : ids.length > 0
          ? ids.map((id) => ({ update: { id, currentRevision: revision, secretValue: { op: 'SET', value } } }))
          : ['left', 'right'].map((path) => ({ create: { path: [path], secretType, secretValue: value } }));
      const set = await changeSet(value % 2 ? first : second, token, { environmentId, changes });
      expect(set.applied).toBe(true);
      if (isDeletion) ids = [];
      else if (ids.length > 0) revision += 1;
      else [ids, revision] = [set.results.map((one) => (one as { id: string }).id), 0];
      written += 1;
    }
  }

  const pairIn = (nodes: { pathText: string; secretValue: number }[]) =>
    pairOf(nodes.map(({ pathText, secretValue }) => ({ path: pathText, value: secretValue })));
  const query = (instance: Instance, selection: string, at: number | null = null) =>
    environmentAt(instance, token, environmentId, selection, at);
  const NODE = 'pathText secretValue';
  const ways: Record<string, (instance: Instance) => Promise<Pair[]>> = {
    async restList(instance) {
      const { body } = await rest(instance, token, 'GET', `/v1/envs/${environmentId}/agent-secrets`);
      return [pairOf(body.values.map((one: any) => ({ path: one.path[0], value: one.secretValue })))];
    },
    async list(instance) {
      return [pairIn((await query(instance, `allAgentSecrets { ${NODE} }`)).allAgentSecrets)];
    },
    async page(instance) {
      const { agentSecrets } = await query(instance, `agentSecrets { edges { node { ${NODE} } } }`);
      return [pairIn(agentSecrets.edges.map(({ node }: any) => node))];
    },
    async asOf(instance) {
      const { revision } = await query(instance, 'revision');
      // One before the newest is inside of its set.
      const at = Math.max(0, revision - Math.floor(Math.random() * 4));
      const selection = `revision left: agentSecret(pathText: "left") { ${NODE} }
        right: agentSecret(pathText: "right") { ${NODE} } allAgentSecrets { ${NODE} }
        agentSecrets { totalCount edges { node { ${NODE} } } }`;
      const seen = await query(instance, selection, at);
      const pairs = [
        pairIn(seen.allAgentSecrets),
        pairIn(seen.agentSecrets.edges.map(({ node }: any) => node)),
        [seen.left?.secretValue ?? null, seen.right?.secretValue ?? null],
      ];
      // All that one query tells of the past is of one revision.
      const used = pairs[0]?.[0] === null ? 0 : 2;
      expect([seen.agentSecrets.totalCount, seen.revision % 2]).toEqual([used, 0]);
      for (const pair of pairs) expect(pair).toEqual(pairs[0]);
      return pairs;
    },
  };

  const counts: Record<string, number> = {};
  const distinct = new Set<number | null>();
  let reads = 0;
  async function reader(instance: Instance, way: string): Promise<void> {
    while (!isOver) {
      for (const [left = null, right = null] of await (ways[way] as (typeof ways)[string])(instance)) {
        expect(left, way).toBe(right);
        distinct.add(left);
      }
      counts[way] = (counts[way] ?? 0) + 1;
      reads += 1;
      if (reads >= READS || performance.now() > deadline) isOver = true;
    }
  }

  const deadline = performance.now() + TIME_MS;
  const stopping = <T>(work: Promise<T>) =>
    work.catch((error) => {
      isOver = true;
      throw error;
    });
  const readers = Object.keys(ways).flatMap((way) =>
    fleet.instances.map((instance) => stopping(reader(instance, way))),
  );
  await Promise.all([stopping(writer()), ...readers]);

  console.info(`${reads} reads beside ${written} sets: ${JSON.stringify(counts)}, ${distinct.size} states seen`);
  expect(Math.min(...Object.keys(ways).map((way) => counts[way] ?? 0))).toBeGreaterThan(100);
  expect(distinct.size).toBeGreaterThan(10);
  expect(distinct).toContain(null);
  const log = await auditEnvironment(fleet.sql, environmentId);
  expect(log).toHaveLength(2 * written);
});
