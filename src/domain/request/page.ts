// Relay pagination: checks page arguments, and encodes keyset cursors, which contain a sort key instead of an offset.
import { invalidRequest } from '../../errors/refusals.js';
import { uuidFrom } from '../../ids/uuid.js';
import { isStorableMoment } from './moment.js';

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 200;

export interface PageArguments {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

export interface Page<T> {
  edges: { cursor: string; node: T }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

export interface PageRequest<Key> {
  size: number;
  /** Whether to read from the end: the page before `before`, or the last page. */
  backward: boolean;
  after: Key | undefined;
  before: Key | undefined;
}

/** Encodes a cursor, which is opaque to clients: the key's JSON in base64url. */
export function encodeCursor(key: unknown): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * Checks page arguments. Throws INVALID_REQUEST, which names the argument and the limit. `read` converts the JSON of a
 * cursor into a key.
 */
export function pageRequest<Key>(args: PageArguments, read: (json: unknown) => Key | undefined): PageRequest<Key> {
  const { first, last } = args;
  if (first != null && last != null) throw invalidRequest('first and last cannot be used together');
  const size = first ?? last ?? DEFAULT_PAGE_SIZE;
  if (size < 0 || size > MAX_PAGE_SIZE) {
    throw invalidRequest(`${last != null ? 'last' : 'first'}: expected 0 to ${MAX_PAGE_SIZE} items per page`);
  }
  const decodeArgument = (name: 'after' | 'before') => {
    const cursor = args[name];
    if (cursor == null) return undefined;
    const decoded = decodeCursor(cursor, read);
    if (decoded === undefined) throw invalidRequest(`${name}: not a cursor of this list`);
    return decoded;
  };
  return { size, backward: last != null, after: decodeArgument('after'), before: decodeArgument('before') };
}

/** The same for short lists that can be read forward only. */
export function forwardPage<Key>(args: PageArguments, read: (json: unknown) => Key | undefined): PageRequest<Key> {
  if (args.last != null || args.before != null) throw invalidRequest('this list is read forward: use first and after');
  return pageRequest(args, read);
}

/**
 * Builds a page from rows that were read in the requested direction. The query reads one row more than the page size;
 * that extra row shows whether another page follows.
 */
export function pageOf<T, Key>(
  request: PageRequest<Key>,
  rows: readonly T[],
  cursorKeyOf: (node: T) => unknown,
): Page<T> {
  const hasMore = rows.length > request.size;
  const nodes = rows.slice(0, request.size);
  if (request.backward) nodes.reverse();
  const edges = nodes.map((node) => new Edge(node, cursorKeyOf));
  return {
    edges,
    pageInfo: {
      hasNextPage: request.backward ? request.before !== undefined : hasMore,
      hasPreviousPage: request.backward ? hasMore : request.after !== undefined,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null;
      },
    },
  };
}

/** Encodes its cursor only on access, because most callers use no cursor except the last one. */
export class Edge<T> {
  readonly node: T;
  readonly #cursorKeyOf: (node: T) => unknown;

  constructor(node: T, cursorKeyOf: (node: T) => unknown) {
    this.node = node;
    this.#cursorKeyOf = cursorKeyOf;
  }

  get cursor(): string {
    return encodeCursor(this.#cursorKeyOf(this.node));
  }
}

/** Makes edges of single items of a list, for clients that add them to a page they have. */
export function edgesBy<T>(cursorKeyOf: (node: T) => unknown): (node: T) => Edge<T> {
  return (node) => new Edge(node, cursorKeyOf);
}

function decodeCursor<Key>(cursor: string, read: (json: unknown) => Key | undefined): Key | undefined {
  if (cursor.length > 8_192) return undefined;
  try {
    return read(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Reads a cursor whose key is one string. Postgres text cannot hold U+0000, so a string with that character is no key.
 */
export function stringKey(json: unknown): string | undefined {
  return typeof json === 'string' && !json.includes('\0') ? json : undefined;
}

/** Reads a cursor whose key is an id. */
export function idKey(json: unknown): string | undefined {
  return typeof json === 'string' ? uuidFrom(json) : undefined;
}

/** Reads a cursor whose key is a timestamp in the format of `toISOString`, within the years that Postgres can store. */
export function momentKey(json: unknown): string | undefined {
  const text = stringKey(json);
  return text !== undefined && isStorableMoment(new Date(text)) ? text : undefined;
}
