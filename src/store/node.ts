// Which noun an id belongs to: ids are plain UUIDs in both doors, so `node(id)` has to ask.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { computed, parameter, statement } from './statement.js';
import { accounts, agentSecrets, applications, environmentShares, environments, plans, tokens } from './tables.js';

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

const KIND = statement<{ id: string }>()(
  { kind: computed(sql`kind`, (value) => value as NodeKind) },
  sql.join(
    NODE_KINDS.map((kind) => {
      const table = tablesByKind[kind];
      return sql`select ${sql.raw(`'${kind}'`)} as kind from ${table} where ${table.id} = ${parameter('id')}`;
    }),
    sql` union all `,
  ),
);

/** The noun of an id, whether or not the row is deleted or visible. */
export async function findNodeKind(db: Session, id: string): Promise<NodeKind | undefined> {
  return (await db.row(KIND, { id }))?.kind;
}
