// Checks before the measurement that all servers give the same answers, because otherwise nothing would be compared.
import { isDeepStrictEqual } from 'node:util';
import type { Door, Doors, Urls } from './load/doors.js';
import { openWires } from './load/wire.js';
import type { Seed } from './seed/seed.js';

const COMPARED_LISTS = 2;
const COMPARED_READS = 10;

/** What every server tells about a secret, with the field names of the REST API. */
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
    // GraphQL returns the list in pages.
    if (door === others.floor) await same('the large list', (door) => door.list(large.environmentId));
  }
}

/** Uses the same kind of connections and the same requests as the measurement. */
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

/** The peer shows columns: the path with dots, integers as strings, and documents as text. */
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
