// The reads of the change feed, each for many streams at once: the heads of logs, and whether callers still
// have access to them.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, columns, computed, elements, optional, type RowOf, statement } from '../engine/statement.js';
import { accounts, environmentShares, environments, tokens } from '../engine/tables.js';

const HEAD = { id: environments.id, headHash: environments.headHash };
const HEADS = statement<{ ids: readonly string[] }>()(
  HEAD,
  sql`select ${columns(HEAD)} from ${environments} where ${anyOf(environments.id, 'ids')}`,
);
/** The hashes of the logs of environments, which change with every write. */
export function findHeads(db: Session, ids: readonly string[]): Promise<RowOf<typeof HEAD>[]> {
  return db.rows(HEADS, { ids });
}

export interface Claim {
  environmentId: string;
  accountId: string;
  /** Null for a caller without a stored token. */
  tokenId: string | null;
}

const NO_TOKEN = '00000000-0000-0000-0000-000000000000';
const ROLE_BINDING = {
  isAuthenticated: computed(
    sql`(${accounts.id} is not null and (claim.token_id = ${NO_TOKEN}::uuid or ${tokens.id} is not null))`,
    Boolean,
  ),
  ownerId: optional(environments.accountId),
  shareRoles: optional(environmentShares.roles),
};
const ROLE_BINDINGS = statement<Record<'environmentIds' | 'accountIds' | 'tokenIds', readonly string[]>>()(
  ROLE_BINDING,
  sql`select ${columns(ROLE_BINDING)}
    from unnest(${elements('environmentIds', 'uuid')}, ${elements('accountIds', 'uuid')}, ${elements('tokenIds', 'uuid')})
      with ordinality as claim(environment_id, account_id, token_id, number)
    left join ${accounts} on ${accounts.id} = claim.account_id and ${accounts.deletedAt} is null
    left join ${tokens} on ${tokens.id} = claim.token_id and ${tokens.revokedAt} is null
      and (${tokens.expiresAt} is null or ${tokens.expiresAt} > now())
    left join ${environments} on ${environments.id} = claim.environment_id and ${environments.deletedAt} is null
    left join ${environmentShares} on ${environmentShares.environmentId} = claim.environment_id
      and ${environmentShares.accountId} = claim.account_id
    order by claim.number`,
);
/** What is still valid of each claim, in the order of the claims. `ownerId` is null once the environment is deleted. */
export function findRoleBindings(db: Session, claims: readonly Claim[]): Promise<RowOf<typeof ROLE_BINDING>[]> {
  return db.rows(ROLE_BINDINGS, {
    environmentIds: claims.map(({ environmentId }) => environmentId),
    accountIds: claims.map(({ accountId }) => accountId),
    tokenIds: claims.map(({ tokenId }) => tokenId ?? NO_TOKEN),
  });
}
