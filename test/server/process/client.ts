// A plain HTTP client for a service in a process of its own, and the waiting that its tests have in common.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../../support/server.js';

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed when it is JSON, else the text. */
  body: any;
}

export interface Caller {
  url: string;
  token?: string;
}

/** One request on a connection of its own: a kept-alive one would remember a server that is gone. */
export async function call(
  { url, token }: Caller,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      connection: 'close',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** A GraphQL operation that must succeed. */
export async function ask(caller: Caller, query: string, variables: object = {}): Promise<any> {
  const { body } = await call(caller, 'POST', '/graphql', { query, variables });
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

/** The owner of the development environment. */
export function developer(server: RunningServer): Required<Caller> {
  return { url: server.url, token: server.facts().token };
}

/** The secrets of the development environment by dotted path. */
export async function secretsOf(server: RunningServer): Promise<Map<string, any>> {
  const { status, body } = await call(
    developer(server),
    'GET',
    `/v1/envs/${server.facts().environmentId}/agent-secrets`,
  );
  if (status !== 200) throw new Error(`the list answered ${status}: ${JSON.stringify(body)}`);
  return new Map(body.values.map((secret: { path: string[] }) => [secret.path.join('.'), secret]));
}

/** Creates a string secret in the development environment and answers it. */
export async function createSecret(server: RunningServer, name: string, value: string): Promise<any> {
  const { environmentId } = server.facts();
  const { status, body } = await call(developer(server), 'POST', `/v1/envs/${environmentId}/agent-secrets`, {
    path: [name],
    secretType: { type: 'Str' },
    secretValue: value,
  });
  if (status !== 200) throw new Error(`creating ${name} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Asks again and again until the answer is there (anything but undefined or false), but not for ever. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, ms = 20_000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(25);
  }
}

/** A port for a start that is asked before it greets: none of those that whoever asks for any is given meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** Whether nobody listens at the address any more. */
export async function isRefused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const refused = await once(socket, 'connect').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );
  socket.destroy();
  return refused;
}
