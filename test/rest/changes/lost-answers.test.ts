// Clients behind a network that loses answers: each repeats a write under its key until it hears of it, and it is done once.
import { createHash, randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import type { Instance } from '../../races/support/fleet.js';
import { type Instances, startInstances } from '../../races/support/instances.js';
import { type Change, type KeyedWrite, persistentDoor, type Told, WAYS } from '../../races/support/keyed-writer.js';
import { auditEnvironment, type LogRow } from '../../races/support/log-audit.js';
import { randomFrom } from '../../races/support/writer.js';
import { databaseKind } from '../../support/app.js';
import { ask } from '../../support/graphql/client.js';
import { type Fate, LOSSES, type LossyNetwork, lossyNetworkTo } from '../../support/rest/lossy-network.js';
import { createAccount, createEnvironment, share, unique } from '../../support/world.js';

const LOSS = 0.3;
const CLIENTS = 9;
/** Of each client; on the embedded database they take turns with the test itself. */
const WRITES = databaseKind() === 'embedded' ? 25 : 45;
const SECRETS = 18;

const seed = randomInt(2 ** 31);

let service: Instances;
let networks: LossyNetwork[] = [];
beforeAll(async () => {
  service = await startInstances();
  networks = await Promise.all(service.instances.map(({ url }) => lossyNetworkTo(url, fateOf)));
});
afterAll(async () => {
  for (const network of networks) network.close();
  await service?.close();
});

function fateOf(requestId: string): Fate {
  const dice = createHash('sha256').update(`${seed} ${requestId}`).digest().readUInt32BE() / 2 ** 32;
  return dice < LOSS ? (LOSSES[Math.floor((dice / LOSS) * LOSSES.length)] as Fate) : 'delivered';
}

interface Client {
  name: string;
  accountId: string;
  random(): number;
  /** How often the last request was sent. */
  attempts(): number;
  /** How many changes it makes at once, at most. */
  size: number;
  write: KeyedWrite;
}

async function createClient(index: number, environmentId: string): Promise<Client> {
  const { world, instances } = service;
  const name = `client${index}`;
  const { id, token } = await createAccount(instances[0], unique(name));
  await share(instances[0], world.people.owner.token, environmentId, id, ['DEPLOYER']);
  const random = randomFrom(seed + index);
  const { fetch, attempts } = persistentDoor(name, () => {
    return (networks[Math.floor(random() * networks.length)] as LossyNetwork).url;
  });
  const way = (['REST', 'GraphQL', 'sets'] as const)[index % 3] as keyof typeof WAYS;
  const write = WAYS[way]({ fetch } as Instance, token, environmentId);
  return { name, accountId: id, random, attempts, size: way === 'sets' ? 3 : 1, write };
}

interface Entry extends Told {
  change: string;
  by: string;
}

const CHANGED = { create: 'CREATED', update: 'UPDATED', delete: 'DELETED' } as const;

test(`${CLIENTS * WRITES} writes with ${LOSS * 100} % of the answers lost: each is done once, and its caller told its revision`, {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.info(`seed ${seed}`));
  const environmentId = await createEnvironment(
    service.instances[0],
    service.world.people.owner.token,
    service.world.applicationId,
  );
  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => createClient(index, environmentId)));
  /** The newest revisions that anybody has been told; all clients write to all secrets. */
  const known = new Map<string, number>();
  const deleted = new Set<string>();
  const told: Entry[] = [];
  const counts = { done: 0, again: 0, refused: 0 };

  function plan({ name, random }: Client, turn: number, taken: Set<string>, part: number): Change {
    const value = `${name} ${turn}.${part}`;
    const free = [...known].filter(([id]) => !taken.has(id));
    const [id, currentRevision] = free[Math.floor(random() * free.length)] ?? [];
    const dice = random();
    if (id === undefined || currentRevision === undefined || (known.size < SECRETS && dice < 0.4)) {
      return { kind: 'create', path: `${name}x${turn}x${part}`, value };
    }
    taken.add(id);
    return dice > 0.9
      ? { kind: 'delete', id, currentRevision, value: null }
      : { kind: 'update', id, currentRevision, value };
  }

  async function work(client: Client): Promise<void> {
    for (let turn = 0; turn < WRITES; turn += 1) {
      const taken = new Set<string>();
      const size = 1 + Math.floor(client.random() * client.size);
      const changes = Array.from({ length: size }, (_, part) => plan(client, turn, taken, part));
      // Everybody uses the same keys: they are each account's own.
      const results = await client.write(`write-${turn}`, changes);
      counts[results ? 'done' : 'refused'] += 1;
      if (results && client.attempts() > 1) counts.again += 1;
      for (const [part, { kind, value }] of changes.entries()) {
        const result = results?.[part];
        if (!result) continue;
        expect(result.value, 'one’s own value').toBe(value);
        told.push({ ...result, change: CHANGED[kind], by: client.accountId });
        if (kind === 'delete') deleted.add(result.id);
        if (deleted.has(result.id)) known.delete(result.id);
        else known.set(result.id, Math.max(result.revision, known.get(result.id) ?? 0));
      }
    }
  }

  await Promise.all(clients.map(work));
  for (const network of networks) await network.settled();

  const fates: Record<string, number> = {};
  for (const network of networks) {
    for (const [fate, count] of Object.entries(network.counts)) fates[fate] = (fates[fate] ?? 0) + count;
  }
  console.info(
    `seed ${seed}: ${told.length} changes in ${counts.done} writes, ${counts.again} of them told again, ` +
      `${counts.refused} refused; answers ${JSON.stringify(fates)}`,
  );
  expect(Math.min(...LOSSES.map((loss) => fates[loss] ?? 0))).toBeGreaterThan(0);
  expect(counts.again).toBeGreaterThan(counts.done / 10);

  const log = await auditEnvironment(service.query, environmentId);
  const history = await historyOf(log);
  const inOrder = (entries: Entry[]) =>
    entries.sort((a, b) => (a.id === b.id ? a.revision - b.revision : a.id < b.id ? -1 : 1));
  const plain = (entries: Entry[]) => inOrder(entries).map(({ environmentRevision: _, ...entry }) => entry);
  expect(plain(told)).toEqual(plain(history));
  for (const [index, { environmentRevision }] of told.entries()) {
    if (environmentRevision === undefined) continue;
    expect(environmentRevision).toBe(history[index]?.environmentRevision);
  }
});

const HISTORY = `query ($id: UUID!, $revision: Revision!) { agentSecretRevision(id: $id, revision: $revision) {
  revisions(first: 200) { edges { node { revision environmentRevision change by { accountId } secretValue } } }
} }`;

/** Every revision of the log's secrets as their owner sees it. */
async function historyOf(log: LogRow[]): Promise<Entry[]> {
  const last = new Map(log.map(({ agentSecretId, revision }) => [agentSecretId, revision]));
  const entries: Entry[] = [];
  for (const [id, revision] of last) {
    const { agentSecretRevision } = await ask(service.instances[0], service.world.people.owner.token, HISTORY, {
      id,
      revision,
    });
    for (const { node } of agentSecretRevision.revisions.edges) {
      const { by, secretValue: value, ...entry } = node;
      entries.push({ ...entry, id, value, by: by.accountId });
    }
  }
  expect(entries).toHaveLength(log.length);
  return entries;
}
