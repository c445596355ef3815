// What a suite of tests begins with: the service on a database of its own, and those who call it. Closed when the suite ends.
import { afterAll } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { createTestApp, type TestApp } from './app.js';
import { type Client, createRestApp, type RestApp } from './rest/app.js';
import { createWorld, type World } from './world.js';

export interface GraphQLSuite {
  app: TestApp;
  world: World;
  /** The token of the world's owner. */
  token: string;
  /** The world's environment, which the owner has made. */
  environmentId: string;
}

export interface RestSuite {
  /** It listens, and its world is `app.world`. */
  app: RestApp;
  /** The world's owner as a client. */
  owner: Client;
  /** The token of the same owner. */
  token: string;
  /** The world's environment, which the owner has made. */
  environmentId: string;
}

/** A suite that needs nobody but the operator, or makes the accounts that it needs. */
export function appSuite(config: Partial<Config> = {}): Promise<TestApp> {
  return closedAfterAll(createTestApp(config));
}

/** A suite that calls the service in-process, mostly through GraphQL. */
export async function graphqlSuite(config: Partial<Config> = {}): Promise<GraphQLSuite> {
  const app = await appSuite(config);
  const world = await createWorld(app);
  return { app, world, token: world.people.owner.token, environmentId: world.environmentId };
}

/** A suite that calls the service over HTTP. */
export async function restSuite(config: Partial<Config> = {}): Promise<RestSuite> {
  const app = await closedAfterAll(createRestApp(config));
  const { people, environmentId } = app.world;
  return { app, owner: app.as('owner'), token: people.owner.token, environmentId };
}

/** The app of the suite that is running in this worker. */
let current: { close(): Promise<void> } | undefined;

/**
 * One app for each file. Vitest runs no afterAll in a file that failed while it was loaded, or of which no test was chosen
 * (`vitest -t`): the next suite in the same worker closes what such a file has left open.
 */
async function closedAfterAll<App extends TestApp>(creation: Promise<App>): Promise<App> {
  const [app] = await Promise.all([creation, current?.close()]);
  current = app;
  afterAll(() => {
    current = undefined;
    return app.close();
  });
  return app;
}
