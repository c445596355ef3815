// Idempotency keys of writes, with the outcomes of these writes.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, insertInto, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { idempotencyKeys as keys } from '../engine/tables.js';

const KEY = {
  requestHash: keys.requestHash,
  environmentId: keys.environmentId,
  agentSecretId: keys.agentSecretId,
  revision: keys.revision,
  environmentRevision: keys.environmentRevision,
};
export type IdempotencyKeyRow = RowOf<typeof KEY>;

interface KeyId {
  accountId: string;
  keyHash: Uint8Array;
}
const isAt = sql`${keys.accountId} = ${parameter('accountId')} and ${keys.keyHash} = ${parameter('keyHash')}`;

const FIND = statement<KeyId & { at: Date }>()(
  KEY,
  sql`select ${columns(KEY)} from ${keys} where ${isAt} and ${keys.expiresAt} > ${parameter('at')}::timestamptz`,
);
/** The outcome that is recorded under the account's key, unless the key has expired. */
export function findIdempotencyKey(db: Session, key: KeyId & { at: Date }): Promise<IdempotencyKeyRow | undefined> {
  return db.row(FIND, key);
}

export interface IdempotencyKeyInsertion extends KeyId {
  requestHash: Uint8Array;
  environmentId: string;
  createdAt: Date;
  expiresAt: Date;
}
const FIELDS = {
  accountId: keys.accountId,
  keyHash: keys.keyHash,
  requestHash: keys.requestHash,
  environmentId: keys.environmentId,
  createdAt: keys.createdAt,
  expiresAt: keys.expiresAt,
} satisfies Record<keyof IdempotencyKeyInsertion, unknown>;
// An expired key may be used again. Every insertion also deletes a few other expired ones, so that they never pile up.
const INSERT = statement<IdempotencyKeyInsertion>()(
  { environmentId: keys.environmentId },
  sql`with expired as (
      select ${keys.accountId}, ${keys.keyHash} from ${keys}
      where ${keys.expiresAt} <= ${parameter('createdAt')}::timestamptz and not (${isAt})
      order by ${keys.expiresAt} limit 10 for update skip locked
    ),
    removed as (
      delete from ${keys} using expired
      where ${keys.accountId} = expired.account_id and ${keys.keyHash} = expired.key_hash
    )
    ${insertInto(keys, FIELDS)}
    on conflict (account_id, key_hash) do update set
      ${name(keys.requestHash)} = excluded.request_hash, ${name(keys.environmentId)} = excluded.environment_id,
      ${name(keys.agentSecretId)} = null, ${name(keys.revision)} = null, ${name(keys.environmentRevision)} = null,
      ${name(keys.createdAt)} = excluded.created_at, ${name(keys.expiresAt)} = excluded.expires_at
      where ${keys.expiresAt} <= excluded.created_at
    returning ${columns({ environmentId: keys.environmentId })}`,
);
/** Returns false when the account has already used the key. Waits for a transaction that is using it at the moment. */
export async function insertIdempotencyKey(db: Session, key: IdempotencyKeyInsertion): Promise<boolean> {
  return (await db.row(INSERT, key)) !== undefined;
}

const UPDATE = statement<KeyId & Pick<IdempotencyKeyRow, 'agentSecretId' | 'revision' | 'environmentRevision'>>()(
  {},
  sql`update ${keys} set ${name(keys.agentSecretId)} = ${parameter('agentSecretId')}, ${name(keys.revision)} = ${parameter('revision')},
      ${name(keys.environmentRevision)} = ${parameter('environmentRevision')} where ${isAt}`,
);
/** Records the outcome of a write under the key that the same transaction has inserted. */
export async function updateIdempotencyKey(
  db: Session,
  outcome: KeyId & Pick<IdempotencyKeyRow, 'agentSecretId' | 'revision' | 'environmentRevision'>,
): Promise<void> {
  await db.rows(UPDATE, outcome);
}
