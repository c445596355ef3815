// Sends GraphQL requests as any client does, and reads the answers with exact numbers.
import { JsonNumber, type JsonObject, type JsonValue } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import type { TestApp } from '../app.js';

export interface GraphQLAnswer<Data = Record<string, never>> {
  status: number;
  data: Data;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; problems?: string[] } }[];
}

/** Sends an operation. Safe numbers in the answer are JS numbers, and all other integers are bigint. */
export async function graphql<Data = any>(
  app: TestApp,
  token: string | undefined,
  query: string,
  variables: object = {},
): Promise<GraphQLAnswer<Data>> {
  const response = await app.fetch(
    new Request('http://localhost/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: printJson({ query, variables }),
    }),
  );
  return { status: response.status, ...(plain(parseJson(await response.text())) as object) } as GraphQLAnswer<Data>;
}

/** Returns the first event of a subscription, or the answer that refuses it, and closes the stream. */
export async function firstEvent<Data = any>(
  app: TestApp,
  token: string | undefined,
  query: string,
  variables: object = {},
): Promise<GraphQLAnswer<Data>> {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
  const response = await app.fetch(
    new Request('http://localhost/graphql', {
      method: 'POST',
      headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
      body: printJson({ query, variables }),
    }),
  );
  if (response.headers.get('content-type')?.includes('json')) {
    return { status: response.status, ...(plain(parseJson(await response.text())) as object) } as GraphQLAnswer<Data>;
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const event = /^data: ?(\{.*)$/m.exec(text)?.[1];
    if (event !== undefined && text.endsWith('\n\n')) {
      return { status: response.status, ...(plain(parseJson(event)) as object) } as GraphQLAnswer<Data>;
    }
  }
  throw new Error(`no event: ${response.status} ${text}`);
}

/** Sends an operation and returns the data of the answer. It throws when there are errors. */
export async function ask<Data = any>(
  app: TestApp,
  token: string | undefined,
  query: string,
  variables: object = {},
): Promise<Data> {
  const { data, errors } = await graphql<Data>(app, token, query, variables);
  if (errors) throw new Error(`unexpected errors: ${JSON.stringify(errors)}`);
  return data;
}

/** Turns JSON with exact numbers into plain JS. Integers that a JS number cannot hold exactly become bigint. */
export function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) {
    const number = Number(value.text);
    return /^-?\d+$/.test(value.text) && !Number.isSafeInteger(number) ? BigInt(value.text) : number;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, member]) => [key, plain(member)]));
}
