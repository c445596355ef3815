// Opens what a suite of tests needs: the service on its own database, and its callers. The service is closed when the suite
// ends.
import { afterAll } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { createTestApp, type TestApp } from './app.js';
import { type Client, createRestApp, type RestApp } from './rest/app.js';
import { createWorld, type World } from './world.js';

export interface GraphQLSuite {
  app: TestApp;
  world: World;
  /** This token belongs to the owner of the world's environment. */
  token: string;
  /** This is the world's environment. */
  environmentId: string;
}

export interface RestSuite {
  /** The app listens, and its world is `app.world`. */
  app: RestApp;
  /** This client sends requests as the owner of the world's environment. */
  owner: Client;
  /** This token belongs to the same owner. */
  token: string;
  /** This is the world's environment. */
  environmentId: string;
}

/** Opens a suite that needs only the operator, or that creates its own accounts. */
export function appSuite(config: Partial<Config> = {}): Promise<TestApp> {
  return closedAfterAll(createTestApp(config));
}

/** Opens a suite that calls the service in this process, mostly through GraphQL. */
export async function graphqlSuite(config: Partial<Config> = {}): Promise<GraphQLSuite> {
  const app = await appSuite(config);
  const world = await createWorld(app);
  return { app, world, token: world.people.owner.token, environmentId: world.environmentId };
}

/** Opens a suite that calls the service over HTTP. */
export async function restSuite(config: Partial<Config> = {}): Promise<RestSuite> {
  const app = await closedAfterAll(createRestApp(config));
  const { people, environmentId } = app.world;
  return { app, owner: app.as('owner'), token: people.owner.token, environmentId };
}

/** This is the app of the suite that is running in this worker. */
let current: { close(): Promise<void> } | undefined;

/**
 * Each file may open one app. Vitest does not run afterAll in a file that failed while it was loaded, or of which no test
 * was chosen (`vitest -t`). The next suite in the same worker closes the app of such a file.
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
