// GraphQL over HTTP in the raw: any body, any headers, and another configuration on the same database.

import type { Config } from '../../../src/config/config.js';
import { createApp } from '../../../src/server/app.js';
import type { TestApp } from '../app.js';
import { leaksIn } from '../canary.js';

export const RESPONSE_JSON = 'application/graphql-response+json';

export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** Empty when the answer has none. */
  errors: { message: string; locations?: object[]; extensions?: { code?: string; problems?: string[] } }[];
  data: any;
}

export interface RawRequest {
  method?: string;
  body?: BodyInit | null;
  headers?: Record<string, string>;
  /** What follows `?` in the address. */
  search?: string;
  token?: string;
}

type Door = Pick<TestApp, 'fetch'>;

/** Sends anything at all to /graphql; the accepted type is the strict one, where request errors have a status. */
export async function send(door: Door, request: RawRequest): Promise<RawAnswer> {
  const { method = 'POST', body = null, headers = {}, search = '', token } = request;
  const response = await door.fetch(
    new Request(`http://localhost/graphql${search}`, {
      method,
      body,
      duplex: 'half',
      headers: {
        'content-type': 'application/json',
        accept: RESPONSE_JSON,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    } as RequestInit),
  );
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, errors: json.errors ?? [], data: json.data };
}

/** Sends an operation as a client does that accepts the strict response type. */
export function sendQuery(door: Door, token: string | undefined, query: string, variables?: object) {
  return send(door, {
    body: JSON.stringify({ query, variables }),
    ...(token === undefined ? {} : { token }),
  });
}

/** The same database and keys behind another configuration; a leak is thrown where it happens. */
export function withConfig(app: TestApp, overrides: Partial<Config>): Door {
  const other = createApp({ services: app.services, config: { ...app.config, ...overrides } });
  return {
    async fetch(request) {
      const response = await other.fetch(request);
      const leaks = await leaksIn(response);
      if (leaks.length > 0) throw new Error(`a canary leaked:\n${leaks.join('\n')}`);
      return response;
    },
  };
}
