// Defines the work of each scenario: the requests that a connection sends one after the other, to any server.
import { connection } from '../seed/samples.js';
import { get, type Seed } from '../seed/seed.js';
import type { Door } from './doors.js';
import type { Exchange, Script } from './load.js';

type Listed = Seed['listed'];
type Spread = Seed['spread'];
/** The server from which the current revisions of the secrets are read. */
export interface Source {
  url: string;
  token: string;
}

/** Each connection starts so many secrets after the one before, so that they read different parts of a list. */
const STRIDE = 97;
const UPDATE_EVERY = 10;

export function reads(door: Door, listed: Listed): Script {
  return around(readsOf(door, listed));
}

export function lists(door: Door, listed: Listed): Script {
  return around(
    listed.map(({ environmentId, secretIds }) => ({
      request: door.list(environmentId),
      // Lists are ordered by path, and this secret is the last one.
      accepts: includes(secretIds.at(-1) as string),
    })),
  );
}

/** The secrets are divided among the connections, so that each one always knows the current revisions of its secrets. */
export async function updates(door: Door, secrets: Spread, connections: number, source: Source): Promise<Script> {
  const revisions = await revisionsOf(secrets, source);
  return (connection) => {
    const own = secrets.filter((_, index) => index % connections === connection);
    if (own.length === 0) throw new Error('more connections than secrets');
    let n = 0;
    return () => {
      const { secretId } = own[n++ % own.length] as { secretId: string };
      return updateOf(door, secretId, revisions, n);
    };
  };
}

let created = 0;
export function creations(door: Door, spread: Spread): Script {
  return (connection) => () => {
    const { environmentId } = spread[(connection + created) % spread.length] as { environmentId: string };
    const path = ['created', `n${created++}`];
    return { request: door.create(environmentId, path, sent(created)), accepts: includes(door.says(0)) };
  };
}

/** Every tenth request updates the secret whose last update is the oldest, so that two updates never conflict. */
export async function mixed(door: Door, listed: Listed, secrets: Spread, source: Source): Promise<Script> {
  const revisions = await revisionsOf(secrets, source);
  const free = secrets.map(({ secretId }) => secretId);
  const nextRead = around(readsOf(door, listed))(0);
  let n = 0;
  return () => () => {
    const secretId = ++n % UPDATE_EVERY === 0 ? free.shift() : undefined;
    // This also happens when all secrets wait for their last update. A server that is so late shows it anyway.
    if (secretId === undefined) return nextRead();
    const exchange = updateOf(door, secretId, revisions, n);
    return {
      ...exchange,
      accepts(body) {
        free.push(secretId);
        return exchange.accepts(body);
      },
    };
  };
}

/** Sends the same few requests again and again. */
function around(exchanges: Exchange[]): Script {
  return (connection) => {
    let n = connection * STRIDE;
    return () => exchanges[n++ % exchanges.length] as Exchange;
  };
}

function readsOf(door: Door, listed: Listed): Exchange[] {
  const ids = listed.flatMap(({ secretIds }) => secretIds);
  return ids.map((id) => ({ request: door.read(id), accepts: includes(`"id":"${id}"`) }));
}

export function updateOf(door: Door, secretId: string, revisions: Map<string, number>, n: number): Exchange {
  const revision = revisions.get(secretId) as number;
  return {
    request: door.update(secretId, revision, sent(n)),
    accepts(body) {
      revisions.set(secretId, revision + 1);
      return body.includes(door.says(revision + 1)) && body.includes(secretId);
    },
  };
}

function sent(n: number): object {
  return connection(n % 10_000);
}

function includes(text: string): (body: string) => boolean {
  return (body) => body.includes(text);
}

export async function revisionsOf(secrets: Spread, { url, token }: Source): Promise<Map<string, number>> {
  const found = await Promise.all(secrets.map(({ secretId }) => get(`${url}/v1/agent-secrets/${secretId}`, token)));
  return new Map(found.map(({ id, revision }) => [id as string, revision as number]));
}
