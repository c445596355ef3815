// Paging through the connections of secrets as a client does: one page after the other, by the cursors it was given.
import type { TestApp } from '../app.js';
import { type GraphQLAnswer, graphql } from './client.js';

export interface Order {
  field: 'PATH' | 'CREATED_AT' | 'UPDATED_AT';
  direction?: 'ASC' | 'DESC';
}

export interface PageArguments {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
  orderBy?: Order | null;
  filter?: object | null;
}

export interface Item {
  id: string;
  pathText: string;
  hasValue: boolean;
  secretType: { type: string };
  createdAt: string;
  updatedAt: string;
}

export interface Connection {
  totalCount: number;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  edges: { cursor: string; node: Item }[];
}

const PAGE = `query ($id: UUID!, $first: Int, $last: Int, $after: String, $before: String,
  $orderBy: AgentSecretOrder, $filter: AgentSecretFilter) {
  environment(id: $id) {
    agentSecrets(first: $first, last: $last, after: $after, before: $before, orderBy: $orderBy, filter: $filter) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { id pathText hasValue secretType createdAt updatedAt } }
    }
  }
}`;

export interface List {
  app: TestApp;
  token: string;
  environmentId: string;
}

type Answer = GraphQLAnswer<{ environment: { agentSecrets: Connection } | null }>;

export function tryPage({ app, token, environmentId }: List, args: PageArguments): Promise<Answer> {
  return graphql(app, token, PAGE, { id: environmentId, ...args });
}

export async function page(list: List, args: PageArguments): Promise<Connection> {
  const { data, errors } = await tryPage(list, args);
  if (errors) throw new Error(`unexpected errors: ${JSON.stringify(errors)}`);
  return data.environment?.agentSecrets as Connection;
}

/** Reads the whole list, `sizes` items at a time (the last size again and again), from its beginning or from its end. */
export async function pagesOf(
  list: List,
  sizes: readonly number[],
  args: PageArguments = {},
  backward = false,
): Promise<Connection[]> {
  const pages: Connection[] = [];
  for (let cursor: string | null = null; ; ) {
    const size = sizes[Math.min(pages.length, sizes.length - 1)] as number;
    const window = backward ? { last: size, before: cursor } : { first: size, after: cursor };
    const next: Connection = await page(list, { ...args, ...window });
    pages.push(next);
    const { hasNextPage, hasPreviousPage, startCursor, endCursor } = next.pageInfo;
    if (!(backward ? hasPreviousPage : hasNextPage)) return pages;
    if (next.edges.length === 0 || pages.length > 1_000) throw new Error('the list does not end');
    cursor = backward ? startCursor : endCursor;
  }
}

/** The ids of pages in the list's order. */
export function idsOf(pages: readonly Connection[], backward = false): string[] {
  const inOrder = backward ? pages.toReversed() : pages;
  return inOrder.flatMap(({ edges }) => edges.map(({ node }) => node.id));
}

/** What the list must look like: by bytes of the path or by time, ties by id. */
export function sorted(items: readonly Item[], { field, direction = 'ASC' }: Order): Item[] {
  const key = ({ pathText, createdAt, updatedAt }: Item) =>
    field === 'PATH' ? Buffer.from(pathText) : Buffer.from(field === 'CREATED_AT' ? createdAt : updatedAt);
  const ascending = [...items].sort(
    (a, b) => Buffer.compare(key(a), key(b)) || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)),
  );
  return direction === 'ASC' ? ascending : ascending.toReversed();
}
