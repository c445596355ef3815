// A comparison of servers that answer different things would compare nothing: what is measured is asked once before.
import { isDeepStrictEqual } from 'node:util';
import type { Door, Doors, Urls } from './load/doors.js';
import { openWires } from './load/wire.js';
import type { Seed } from './seed/seed.js';

const COMPARED_LISTS = 2;
const COMPARED_READS = 10;

/** What all of them tell about a secret, in the words of the REST door. */
interface Told {
  id: string;
  environmentId: string;
  path: string[];
  revision: number;
  secretType: unknown;
  secretValue: unknown;
}

export async function compare({ rest, ...others }: Doors, urls: Urls, { listed, large }: Seed): Promise<void> {
  for (const door of [others.floor, others.graphql, others.peer]) {
    if (!door) continue;
    const same = async (what: string, make: (door: Door) => string) => {
      const [expected, told] = await Promise.all(
        [rest, door].map((door) => secretsFrom(urls[door.server], make(door))),
      );
      if (expected?.length === 0 || !isDeepStrictEqual(told, expected)) {
        throw new Error(`${door.name} answers ${what} with something else than ${rest.name}`);
      }
    };
    for (const { environmentId, secretIds } of listed.slice(0, COMPARED_LISTS)) {
      await same(`the list of ${environmentId}`, (door) => door.list(environmentId));
      for (const id of secretIds.slice(0, COMPARED_READS)) await same(`the read of ${id}`, (door) => door.read(id));
    }
    // GraphQL has it in pages.
    if (door === others.floor) await same('the large list', (door) => door.list(large.environmentId));
  }
}

/** Over the connections that will be measured, and with their very requests. */
async function secretsFrom(url: string | undefined, request: string): Promise<Told[]> {
  const [wire] = await openWires(url as string, 1);
  const answer = await new Promise<{ body: string } | string>((resolve) => wire?.send(request, resolve));
  wire?.close();
  if (typeof answer === 'string') throw new Error(`${url}: ${answer}`);
  const found: Told[] = [];
  const collect = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    if ('revision' in value) found.push(recordedBy(value as Record<string, unknown>));
    else Object.values(value).forEach(collect);
  };
  collect(JSON.parse(answer.body.slice(answer.body.indexOf('{'), answer.body.lastIndexOf('}') + 1)));
  return found;
}

/** The peer has columns: a dotted path, an integer as a string, documents as text. */
function recordedBy(secret: Record<string, unknown>): Told {
  const { id, environmentId, path, revision, secretType } = secret;
  const isPeers = 'sealedValue' in secret;
  return {
    id: id as string,
    environmentId: environmentId as string,
    path: isPeers ? (path as string).split('.') : (path as string[]),
    revision: Number(revision),
    secretType: isPeers ? JSON.parse(secretType as string) : secretType,
    secretValue: isPeers ? JSON.parse(secret.sealedValue as string) : secret.secretValue,
  };
}
