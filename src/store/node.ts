// Finds the kinds of objects that ids belong to: ids are plain UUIDs in GraphQL and REST, so `node(id)` needs a query.
import { sql } from 'drizzle-orm';
import type { Session } from './engine/client.js';
import { anyOf, bulk, computed, statement } from './engine/statement.js';
import {
  accounts,
  agentSecrets,
  applications,
  environmentShares,
  environments,
  plans,
  tokens,
} from './engine/tables.js';

export const NODE_KINDS = [
  'agentSecret',
  'environment',
  'application',
  'account',
  'environmentShare',
  'token',
  'plan',
] as const;
export type NodeKind = (typeof NODE_KINDS)[number];

const tablesByKind = {
  agentSecret: agentSecrets,
  environment: environments,
  application: applications,
  account: accounts,
  environmentShare: environmentShares,
  token: tokens,
  plan: plans,
} satisfies Record<NodeKind, unknown>;

const KINDS = bulk(
  statement<{ ids: readonly string[] }>()(
    { id: accounts.id, kind: computed(sql`kind`, (value) => value as NodeKind) },
    sql.join(
      NODE_KINDS.map((kind) => {
        const table = tablesByKind[kind];
        return sql`select ${table.id} as "id", ${sql.raw(`'${kind}'`)} as "kind" from ${table} where ${anyOf(table.id, 'ids')}`;
      }),
      sql` union all `,
    ),
  ),
);

/** The kinds of objects by id, in no particular order, whether or not the rows are deleted or visible. */
export function findNodeKinds(db: Session, ids: readonly string[]): Promise<{ id: string; kind: NodeKind }[]> {
  return db.rows(KINDS, { ids });
}
