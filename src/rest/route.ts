// What a route of the REST API is: a typed GraphQL document, a function from the request to its variables, and one from
// its result to the body.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { ErrorCode } from '../errors/errors.js';
import type { JsonObject } from '../json/exact.js';
import type { OperationId } from './operation-id.js';

/** The parts of an authenticated request that a route may read. */
export interface Incoming {
  request: Request;
  parameter(name: string): string;
  /** The body as a JSON object; rejects with the errors of `jsonBody` in request.ts. */
  body(): Promise<JsonObject>;
}

/** A refusal that the mutation returned as data. */
export interface Refused {
  refused: { code: string; message: string; problems?: readonly string[] };
}

export interface Route {
  operationId: OperationId;
  summary: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  document: TypedDocumentNode<unknown, Record<string, unknown>>;
  variables(incoming: Incoming): Record<string, unknown> | Promise<Record<string, unknown>>;
  /**
   * The body for status 200, or the refusal. Null if the GraphQL field is null without an error, which is a bug. A list
   * that GraphQL has in pages is given page by page.
   */
  body(...pages: never[]): object | Refused | null;
  /**
   * Only for lists that GraphQL has in pages: the variable `after` of the next page, or null behind the last one. `count` is
   * how many pages there are already.
   */
  next?(data: never, count: number): string | null | undefined;
  /** Messages that differ from those of GraphQL, because clients know them so. */
  messages?: { readonly [code in ErrorCode]?: (incoming: Incoming) => string };
  /** Only for routes with an `ETag`, which clients can revalidate with `If-None-Match`. */
  tag?: Tag<never, never>;
  /** The route that answers a request with a filter; undefined for one without. */
  narrowed?(request: Request): Route | undefined;
}

/** How a route determines its `ETag`. */
interface Tag<Data, TagData> {
  /** Reads only the tag, with the same variables and without reading any secret. */
  document: TypedDocumentNode<TagData, Record<string, unknown>>;
  of(data: Data | TagData): string | undefined;
}

/** Type-checks the functions of a route against its own document; the type of the table cannot express that. */
export function route<Data, Variables extends Record<string, unknown>, TagData = never>(
  definition: Omit<Route, 'document' | 'variables' | 'body' | 'next' | 'tag'> & {
    document: TypedDocumentNode<Data, Variables>;
    variables(incoming: Incoming): Variables | Promise<Variables>;
    body(data: Data, ...pages: Data[]): object | Refused | null;
    next?(data: Data, count: number): string | null | undefined;
    tag?: { document: TypedDocumentNode<TagData, Variables>; of(data: Data | TagData): string | undefined };
  },
): Route {
  return definition as unknown as Route;
}
