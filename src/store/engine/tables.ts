// The tables, as drizzle sees them. The SQL in drizzle/ is generated from here; `npm run verify` checks that it still is.
import { isNotNull, isNull, sql } from 'drizzle-orm';
import {
  bigint,
  customType,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });
/** Text that compares byte by byte: paths and names sort alike on every server, whatever its locale. */
const plainText = customType<{ data: string; driverData: string }>({ dataType: () => 'text collate "C"' });
const int8 = (name: string) => bigint(name, { mode: 'bigint' });
const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** Limits that an account's environments live under. */
export const plans = pgTable('plans', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull().unique(),
  maxEnvironments: integer('max_environments').notNull(),
  maxSecretsPerEnvironment: integer('max_secrets_per_environment').notNull(),
  maxValueBytes: integer('max_value_bytes').notNull(),
  createdAt: moment('created_at').notNull(),
});

export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    roles: text('roles').array().notNull(),
    planId: uuid('plan_id')
      .notNull()
      .references(() => plans.id),
    /** Environments not deleted; changed and checked under this row's lock. */
    environmentCount: integer('environment_count').notNull().default(0),
    createdAt: moment('created_at').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (t) => [uniqueIndex('accounts_name').on(t.name).where(isNull(t.deletedAt))],
);

/** Bearer tokens; only a hash is stored. */
export const tokens = pgTable(
  'tokens',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    name: text('name').notNull(),
    tokenHash: bytes('token_hash').notNull().unique(),
    /** What it may be used for; null: everything its account may. */
    scopes: text('scopes').array(),
    /** The one environment it is good for; null: all that its account knows. */
    environmentId: uuid('environment_id').references(() => environments.id),
    /** Canonical dotted paths at or below which it is good; null: all paths. */
    pathPrefixes: text('path_prefixes').array(),
    /** To the minute, more or less. */
    lastUsedAt: moment('last_used_at'),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
  },
  (t) => [index('tokens_account').on(t.accountId, t.id)],
);

export const applications = pgTable(
  'applications',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    name: plainText('name').notNull(),
    createdAt: moment('created_at').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (t) => [uniqueIndex('applications_name').on(t.accountId, t.name).where(isNull(t.deletedAt))],
);

/** One environment is one log: `revision` counts its writes, `headHash` chains them. */
export const environments = pgTable(
  'environments',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => applications.id),
    /** The application's owner, here too so that one read answers who may see what. */
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    name: plainText('name').notNull(),
    revision: int8('revision').notNull().default(sql`0`),
    /** Secrets not deleted; changed and checked under this row's lock. */
    secretCount: integer('secret_count').notNull().default(0),
    headHash: bytes('head_hash').notNull(),
    /** Nothing new is sealed under an older data key; on this row because every write locks it and so sees it as it is. */
    minDataKeyVersion: integer('min_data_key_version').notNull().default(1),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (t) => [
    uniqueIndex('environments_name').on(t.applicationId, t.name).where(isNull(t.deletedAt)),
    index('environments_account').on(t.accountId),
  ],
);

export const environmentShares = pgTable(
  'environment_shares',
  {
    id: uuid('id').primaryKey(),
    environmentId: uuid('environment_id')
      .notNull()
      .references(() => environments.id),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    roles: text('roles').array().notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    unique('environment_shares_account').on(t.environmentId, t.accountId),
    index('environment_shares_by_account').on(t.accountId),
  ],
);

/** Data keys (versioned) and the digest key of an environment, wrapped by a master key. */
export const environmentKeys = pgTable(
  'environment_keys',
  {
    environmentId: uuid('environment_id')
      .notNull()
      .references(() => environments.id),
    purpose: text('purpose').$type<'data' | 'digest'>().notNull(),
    version: integer('version').notNull(),
    masterKeyId: text('master_key_id').notNull(),
    wrapped: bytes('wrapped').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.environmentId, t.purpose, t.version] })],
);

/** The current state of every secret: a projection of the log below. */
export const agentSecrets = pgTable(
  'agent_secrets',
  {
    id: uuid('id').primaryKey(),
    environmentId: uuid('environment_id')
      .notNull()
      .references(() => environments.id),
    /** Canonical segments joined by dots; segments hold letters and digits only, so this identifies the path. */
    path: plainText('path').notNull(),
    /** The type document in canonical form, as text: jsonb rounds numbers and cannot hold U+0000. */
    secretType: text('secret_type').notNull(),
    /** The type's outermost kind, for filters. */
    typeKind: text('type_kind').notNull(),
    revision: int8('revision').notNull(),
    sealedValue: bytes('sealed_value'),
    /** The revision that set the value; the sealed bytes are bound to it. */
    valueRevision: int8('value_revision'),
    createdAt: moment('created_at').notNull(),
    createdBy: uuid('created_by').notNull(),
    updatedAt: moment('updated_at').notNull(),
    updatedBy: uuid('updated_by').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (t) => [
    uniqueIndex('agent_secrets_path').on(t.environmentId, t.path).where(isNull(t.deletedAt)),
    index('agent_secrets_deleted').on(t.environmentId, t.path, t.id).where(isNotNull(t.deletedAt)),
  ],
);

export type Change = 'created' | 'updated' | 'value_removed' | 'deleted' | 'restored' | 'value_destroyed';

/** The log: append-only, one row per write of the environment. */
export const agentSecretRevisions = pgTable(
  'agent_secret_revisions',
  {
    environmentId: uuid('environment_id').notNull(),
    environmentRevision: int8('environment_revision').notNull(),
    agentSecretId: uuid('agent_secret_id')
      .notNull()
      .references(() => agentSecrets.id),
    revision: int8('revision').notNull(),
    change: text('change').$type<Change>().notNull(),
    /** Only on the row that set the value, until that is destroyed; rows that keep it point there by `valueRevision`. */
    sealedValue: bytes('sealed_value'),
    valueRevision: int8('value_revision'),
    /** HMAC of the value under the environment's digest key; on the row that set it, as the sealed value. */
    valueDigest: bytes('value_digest'),
    /** When the secret was deleted, on every row that leaves it deleted. */
    deletedAt: moment('deleted_at'),
    /** The revision that had set the value which this row's write erased. */
    destroyedRevision: int8('destroyed_revision'),
    /** Place in its change set, from 0, and that set's size; null for a write of its own. */
    setPosition: integer('set_position'),
    setSize: integer('set_size'),
    at: moment('at').notNull(),
    accountId: uuid('account_id').notNull(),
    tokenId: uuid('token_id'),
    /** SHA-256 over the previous row's hash and this row; see domain/log-entry.ts. */
    hash: bytes('hash').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.environmentId, t.environmentRevision] }),
    unique('agent_secret_revisions_secret').on(t.agentSecretId, t.revision),
    index('agent_secret_revisions_as_of').on(t.agentSecretId, t.environmentRevision),
  ],
);

/** Who opened which values, when, through which door. One row tells all that a request opened in an environment. */
export const secretReads = pgTable(
  'secret_reads',
  {
    /** UUID v7: rows of an environment sort by the time they were made. */
    id: uuid('id').notNull(),
    environmentId: uuid('environment_id').notNull(),
    /** The secrets, and at the same places the revisions they were read at. */
    agentSecretIds: uuid('agent_secret_ids').array().notNull(),
    revisions: int8('revisions').array().notNull(),
    accountId: uuid('account_id').notNull(),
    tokenId: uuid('token_id'),
    door: text('door').notNull(),
    requestId: text('request_id').notNull(),
    at: moment('at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.environmentId, t.id] }),
    index('secret_reads_secret').using('gin', t.agentSecretIds),
    // Rows come in the order of time: a few bytes find those that are old enough to go.
    index('secret_reads_at').using('brin', t.at),
  ],
);

/** When each secret's value was last opened; outlives the rows above. */
export const lastSecretReads = pgTable('last_secret_reads', {
  agentSecretId: uuid('agent_secret_id').primaryKey(),
  at: moment('at').notNull(),
});

/** Outcomes of writes that may be repeated: hashes and the resulting revision, never a value. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    accountId: uuid('account_id').notNull(),
    keyHash: bytes('key_hash').notNull(),
    requestHash: bytes('request_hash').notNull(),
    environmentId: uuid('environment_id').notNull(),
    agentSecretId: uuid('agent_secret_id'),
    revision: int8('revision'),
    environmentRevision: int8('environment_revision'),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.keyHash] }), index('idempotency_keys_expiry').on(t.expiresAt)],
);
