// Two instances on one Postgres, or the single one that the embedded database can have: for what must hold of both.
import { databaseKind } from '../../support/app.js';
import { queryOf } from '../../support/graphql/log.js';
import { createRestApp } from '../../support/rest/app.js';
import { addressOf } from '../../support/streams/event-stream.js';
import { createWorld, type World } from '../../support/world.js';
import { type Instance, startFleet } from './fleet.js';
import type { Query } from './log-audit.js';

export interface Instances {
  instances: [Instance, ...Instance[]];
  world: World;
  /** Asks the database past the service. */
  query: Query;
  close(): Promise<void>;
}

export async function startInstances(): Promise<Instances> {
  if (databaseKind() === 'embedded') {
    const app = await createRestApp();
    const url = addressOf(app.server);
    // Over the network: in one process with its database, a caller that never waits for one would let nobody else come.
    const send = (request: Request) => fetch(new Request(request.url.replace('http://localhost', url), request));
    const instance = { ...app, url, fetch: send };
    return { instances: [instance], world: app.world, query: queryOf(app), close: () => app.close() };
  }
  const fleet = await startFleet({ size: 2 });
  const { instances, sql } = fleet;
  return { instances, world: await createWorld(instances[0]), query: sql, close: () => fleet.close() };
}
