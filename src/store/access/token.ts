// Stores and reads tokens without their secret part, of which only a hash is stored (by which caller.ts finds them).
import { isNull, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  anyOf,
  bulk,
  columns,
  computed,
  insertInto,
  name,
  parameter,
  type RowOf,
  statement,
} from '../engine/statement.js';
import { tokens } from '../engine/tables.js';

export const TOKEN_LIMITS = {
  scopes: tokens.scopes,
  environmentId: tokens.environmentId,
  pathPrefixes: tokens.pathPrefixes,
};
/** What a token is limited to; null means no limit of that kind. */
export type TokenLimits = RowOf<typeof TOKEN_LIMITS>;

const TOKEN = {
  id: tokens.id,
  accountId: tokens.accountId,
  name: tokens.name,
  parentTokenId: tokens.parentTokenId,
  ...TOKEN_LIMITS,
  lastUsedAt: tokens.lastUsedAt,
  createdAt: tokens.createdAt,
  expiresAt: tokens.expiresAt,
  revokedAt: tokens.revokedAt,
};
export type TokenRow = RowOf<typeof TOKEN>;

const OF_ACCOUNT = bulk(
  statement<{ accountId: string; after: string | null; limit: number }>()(
    TOKEN,
    sql`select ${columns(TOKEN)} from ${tokens}
    where ${tokens.accountId} = ${parameter('accountId')} and ${isNull(tokens.revokedAt)}
      and (${parameter('after')}::uuid is null or ${tokens.id} > ${parameter('after')}::uuid)
    order by ${tokens.id} limit ${parameter('limit')}::integer`,
  ),
);
/** An account's tokens, oldest first (ids are ordered by time), starting after the given id. */
export function findTokens(
  db: Session,
  page: { accountId: string; after: string | null; limit: number },
): Promise<TokenRow[]> {
  return db.rows(OF_ACCOUNT, page);
}

const VALID = { count: computed(sql`count(*)`, Number) };
const COUNT_VALID = statement<{ accountId: string; at: Date }>()(
  VALID,
  sql`select ${columns(VALID)} from ${tokens} where ${tokens.accountId} = ${parameter('accountId')}
    and ${isNull(tokens.revokedAt)} and (${tokens.expiresAt} is null or ${tokens.expiresAt} > ${parameter('at')})`,
);
/** Counts the tokens that are neither revoked nor expired. */
export async function countValidTokens(db: Session, accountId: string, at: Date): Promise<number> {
  return (await db.row(COUNT_VALID, { accountId, at }))?.count ?? 0;
}

const BY_ID = statement<{ id: string }>()(
  TOKEN,
  sql`select ${columns(TOKEN)} from ${tokens} where ${tokens.id} = ${parameter('id')} and ${isNull(tokens.revokedAt)}`,
);
export function findToken(db: Session, id: string): Promise<TokenRow | undefined> {
  return db.row(BY_ID, { id });
}

const BY_IDS = bulk(
  statement<{ ids: readonly string[] }>()(
    TOKEN,
    sql`select ${columns(TOKEN)} from ${tokens} where ${anyOf(tokens.id, 'ids')} and ${isNull(tokens.revokedAt)}`,
  ),
);
/** Several tokens, in no particular order. */
export function findTokensById(db: Session, ids: readonly string[]): Promise<TokenRow[]> {
  return db.rows(BY_IDS, { ids });
}

export interface TokenInsertion extends TokenLimits {
  id: string;
  accountId: string;
  name: string;
  parentTokenId: string | null;
  tokenHash: Uint8Array;
  createdAt: Date;
  expiresAt: Date | null;
}
const { revokedAt: _, lastUsedAt: __, ...NEW_TOKEN } = { ...TOKEN, tokenHash: tokens.tokenHash };
const INSERT = statement<TokenInsertion>()(
  TOKEN,
  sql`${insertInto(tokens, NEW_TOKEN)}
    returning ${columns(TOKEN)}`,
);
export async function insertToken(db: Session, token: TokenInsertion): Promise<TokenRow> {
  return (await db.row(INSERT, token)) as TokenRow;
}

const REVOKED = { ...TOKEN, revokedDescendantCount: computed(sql`(select count(*) from revoked) - 1`, Number) };
const REVOKE = statement<{ id: string; at: Date; withDescendants: boolean }>()(
  REVOKED,
  sql`with recursive subtree(id) as (
      select ${tokens.id} from ${tokens} where ${tokens.id} = ${parameter('id')} and ${isNull(tokens.revokedAt)}
      union select ${tokens.id} from subtree join ${tokens} on ${tokens.parentTokenId} = subtree.id
      where ${parameter('withDescendants')}::boolean
    ), revoked as (
      update ${tokens} set ${name(tokens.revokedAt)} = ${parameter('at')}
      where ${tokens.id} in (select id from subtree) and ${isNull(tokens.revokedAt)} returning *
    )
    select ${columns(REVOKED)} from revoked as ${tokens} where ${tokens.id} = ${parameter('id')}`,
);
/**
 * Revokes a token that is not revoked yet and, when asked to, all that were made by it, directly or by others of them.
 * Those behind a token that is already revoked are included.
 */
export function removeToken(
  db: Session,
  token: { id: string; at: Date; withDescendants: boolean },
): Promise<RowOf<typeof REVOKED> | undefined> {
  return db.row(REVOKE, token);
}

const REVOKE_ALL = statement<{ accountId: string; at: Date }>()(
  { id: tokens.id },
  sql`update ${tokens} set ${name(tokens.revokedAt)} = ${parameter('at')}
    where ${tokens.accountId} = ${parameter('accountId')} and ${isNull(tokens.revokedAt)} returning ${columns({ id: tokens.id })}`,
);
export async function removeTokensOfAccount(db: Session, accountId: string, at: Date): Promise<void> {
  await db.rows(REVOKE_ALL, { accountId, at });
}
