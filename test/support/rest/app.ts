// Calls the REST API over real HTTP, with requests as raw as a test needs them, and reads the answers with exact numbers.
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import request from 'supertest';
import { expect } from 'vitest';
import type { Config } from '../../../src/config/config.js';
import type { KeyProvider } from '../../../src/crypto/key-provider.js';
import type { Services } from '../../../src/domain/request/services.js';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import { createApp } from '../../../src/server/app.js';
import { createHttpServer } from '../../../src/server/http-server.js';
import { createTestApp, type TestApp } from '../app.js';
import { leaksIn } from '../canary.js';
import { plain } from '../graphql/client.js';
import { createWorld, type Relation, type World } from '../world.js';

export const JSON_TYPE = 'application/json; charset=utf-8';

export interface Sent {
  method: string;
  path: string;
  token?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** An object is printed as JSON; text and bytes go out as they are. */
  body?: object | string | undefined;
  /** The default is JSON for every body. With null, there is no content-type. */
  contentType?: string | null | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The body is plain JS. Integers that a JS number cannot hold exactly are bigint. */
  body: any;
}

/** Sends one request. Every answer with a body must be JSON, whatever its status. */
export async function send(server: Server, sent: Sent): Promise<Answer> {
  const { method, path, token, headers = {}, body, contentType = 'application/json' } = sent;
  const test = request(server)[method.toLowerCase() as 'get'](path).redirects(0).buffer(true).parse(textOf);
  if (token !== undefined) test.set('authorization', `Bearer ${token}`);
  if (body !== undefined) {
    test.send(typeof body === 'string' || Buffer.isBuffer(body) ? body : printJson(body)).unset('Content-Type');
    if (contentType !== null) test.set('content-type', contentType);
  }
  const response = await test.set(headers);
  const text = typeof response.body === 'string' ? response.body : '';
  const hasBody = method !== 'HEAD' && ![204, 304].includes(response.status);
  if (hasBody) expect(response.headers['content-type'], `${method} ${path}: ${text}`).toBe(JSON_TYPE);
  return {
    status: response.status,
    headers: response.headers as Record<string, string>,
    text,
    body: hasBody ? plain(parseJson(text)) : undefined,
  };
}

/** Reads the body as text, because supertest would parse JSON itself and round integers. */
function textOf(response: request.Response, done: (error: Error | null, text: string) => void): void {
  const chunks: Buffer[] = [];
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer | string) => chunks.push(Buffer.from(chunk as string, 'binary')));
  stream.on('end', () => done(null, Buffer.concat(chunks).toString('utf8')));
}

/** Runs the five operations as one caller. */
export type Client = ReturnType<typeof clientOf>;

export function clientOf(server: Server, token: string | undefined) {
  const call = (method: string, path: string, more: Omit<Sent, 'method' | 'path'> = {}) =>
    send(server, { method, path, token, ...more });
  return {
    call,
    list: (environmentId: string) => call('GET', `/v1/envs/${environmentId}/agent-secrets`),
    create: (environmentId: string, body: object | string) =>
      call('POST', `/v1/envs/${environmentId}/agent-secrets`, { body }),
    get: (id: string) => call('GET', `/v1/agent-secrets/${id}`),
    update: (id: string, body: object | string) => call('PATCH', `/v1/agent-secrets/${id}`, { body }),
    remove: (id: string, revision: bigint | number | string) =>
      call('DELETE', `/v1/agent-secret/${id}?current_revision=${revision}`),
    /** Creates a secret that must be accepted. The default is a `Str` with a value. */
    async made(environmentId: string, secret: object = {}): Promise<any> {
      const body = { path: [place()], secretType: { type: 'Str' }, secretValue: 'some', ...secret };
      const answer = await call('POST', `/v1/envs/${environmentId}/agent-secrets`, { body });
      expect(answer.status, answer.text).toBe(200);
      return answer.body;
    },
  };
}

export interface RestApp extends TestApp {
  world: World;
  as(relation: Relation): Client;
  anonymous: Client;
  /** Starts another server on the same services, with other limits and the same data. It is closed with the app. */
  variant(overrides: Partial<Config>, services?: Services): Promise<Server>;
}

/** Creates a test app that listens, with a world of callers. */
export async function createRestApp(overrides: Partial<Config> = {}, keyProvider?: KeyProvider): Promise<RestApp> {
  const app = await createTestApp(overrides, keyProvider);
  const world = await createWorld(app);
  const servers = [await listening(app.server)];
  const leaks: string[] = [];
  return {
    ...app,
    world,
    as: (relation) => clientOf(app.server, world.people[relation].token),
    anonymous: clientOf(app.server, undefined),
    async variant(config, services = app.services) {
      const door = createApp({ services, config: { ...app.config, ...config } });
      const fetch = async (incoming: Request, env: object) => {
        const response = await door.fetch(incoming, env);
        leaks.push(...(await leaksIn(response)));
        return response;
      };
      const server = createHttpServer(fetch, { log: app.services.log });
      servers.push(await listening(server));
      return server;
    },
    async close() {
      await Promise.all(servers.map(closed));
      await app.close();
      expect(leaks, 'a canary leaked').toEqual([]);
    },
  };
}

/** Makes the server listen once, which is several times faster than letting supertest listen for each request. */
export function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Returns a canonical path segment that nobody else uses. */
export function place(): string {
  return `p${randomBytes(8).toString('hex')}`;
}

/** Expects exactly the documented body, which is `{code, errors}` for 400 and `{code, error}` for every other status. */
export function expectRefusal(answer: Answer, status: number, code: string, message?: string | RegExp): void {
  expect({ status: answer.status, code: answer.body?.code }, answer.text).toEqual({ status, code });
  const { code: _, ...rest } = answer.body;
  if (status === 400) {
    expect(rest).toEqual({ errors: expect.any(Array) });
    expect(rest.errors.length, 'at least one problem').toBeGreaterThan(0);
    expect(rest.errors.every((problem: unknown) => typeof problem === 'string' && problem !== '')).toBe(true);
    if (typeof message === 'string') expect(rest.errors).toContain(message);
    else if (message) expect(rest.errors).toContainEqual(expect.stringMatching(message));
  } else {
    expect(rest).toEqual({ error: expect.stringMatching(message instanceof RegExp ? message : /./) });
    if (typeof message === 'string') expect(rest.error).toBe(message);
  }
}

/** Runs `work` on every item, a few at a time, and returns the results in the order of the items. */
export async function eachOf<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return results;
}
