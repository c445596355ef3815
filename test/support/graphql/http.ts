// Sends raw GraphQL requests over HTTP with any body and any headers, also to another configuration on the same database.

import type { Config } from '../../../src/config/config.js';
import { createApp } from '../../../src/server/app.js';
import type { TestApp } from '../app.js';
import { leaksIn } from '../canary.js';

export const RESPONSE_JSON = 'application/graphql-response+json';

export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The list is empty when the answer has no errors. */
  errors: { message: string; locations?: object[]; extensions?: { code?: string; problems?: string[] } }[];
  data: any;
}

export interface RawRequest {
  method?: string;
  body?: BodyInit | null;
  headers?: Record<string, string>;
  /** The query string of the URL, with the `?`. */
  search?: string;
  token?: string;
}

type Door = Pick<TestApp, 'fetch'>;

/** Sends any request to /graphql. It accepts the strict response type, where request errors have their own status. */
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

/** Sends an operation like a client that accepts the strict response type. */
export function sendQuery(door: Door, token: string | undefined, query: string, variables?: object) {
  return send(door, {
    body: JSON.stringify({ query, variables }),
    ...(token === undefined ? {} : { token }),
  });
}

/** Serves the same database and keys with another configuration. It throws as soon as a canary leaks. */
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
