// Identifies callers: finds a token by its hash, together with the account that it belongs to.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, tokens } from '../engine/tables.js';
import { TOKEN_LIMITS } from './token.js';

const BEARER = {
  id: tokens.id,
  accountId: tokens.accountId,
  expiresAt: tokens.expiresAt,
  revokedAt: tokens.revokedAt,
  ...TOKEN_LIMITS,
  lastUsedAt: tokens.lastUsedAt,
  accountRoles: accounts.roles,
};
export type BearerRow = RowOf<typeof BEARER>;

const BY_HASH = statement<{ tokenHash: Uint8Array }>()(
  BEARER,
  sql`select ${columns(BEARER)} from ${tokens}
    join ${accounts} on ${accounts.id} = ${tokens.accountId} and ${accounts.deletedAt} is null
    where ${tokens.tokenHash} = ${parameter('tokenHash')}`,
);
/**
 * The token and its account. Expiry and revocation are not checked here: callers cache rows and check the expiry by their own
 * clock, and who uses a token that has ended is told.
 */
export function findBearer(db: Session, tokenHash: Uint8Array): Promise<BearerRow | undefined> {
  return db.row(BY_HASH, { tokenHash });
}

const CALLER = { roles: accounts.roles };
const BY_CALLER = statement<{ accountId: string; tokenId: string | null }>()(
  CALLER,
  sql`select ${columns(CALLER)} from ${accounts}
    where ${accounts.id} = ${parameter('accountId')} and ${accounts.deletedAt} is null
      and (${parameter('tokenId')}::uuid is null or exists (
        select from ${tokens} where ${tokens.id} = ${parameter('tokenId')}::uuid and ${tokens.revokedAt} is null))`,
);
/** The account of a token, or the account alone when there is no token; undefined once one of them is gone. */
export function findCaller(
  db: Session,
  caller: { accountId: string; tokenId: string | null },
): Promise<RowOf<typeof CALLER> | undefined> {
  return db.row(BY_CALLER, caller);
}

const USE = statement<{ id: string; at: Date; before: Date }>()(
  {},
  sql`update ${tokens} set ${name(tokens.lastUsedAt)} = ${parameter('at')}
    where ${tokens.id} = ${parameter('id')} and (${tokens.lastUsedAt} is null or ${tokens.lastUsedAt} < ${parameter('before')}::timestamptz)`,
);
/** Records the last use of a token, unless another instance has recorded one since `before`. */
export async function updateLastUsed(db: Session, id: string, at: Date, before: Date): Promise<void> {
  await db.rows(USE, { id, at, before });
}
