// GraphQL through the door: a request like any client's, the answer with every number exact.
import { JsonNumber, type JsonObject, type JsonValue } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import type { TestApp } from '../app.js';

export interface GraphQLAnswer<Data = Record<string, never>> {
  status: number;
  data: Data;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; problems?: string[] } }[];
}

/** Sends an operation; numbers in the answer are JS numbers when they are safe, bigint when they are not. */
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

/** The first event of a subscription, or the answer that refuses it; the stream is closed behind it. */
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

/** The answer's data; throws when there are errors. */
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

/** JSON with exact numbers as plain JS: number where that is exact, bigint where it is not. */
export function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) {
    const number = Number(value.text);
    return /^-?\d+$/.test(value.text) && !Number.isSafeInteger(number) ? BigInt(value.text) : number;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, member]) => [key, plain(member)]));
}
