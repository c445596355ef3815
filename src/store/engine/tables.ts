// The database tables, defined with drizzle. The SQL in drizzle/ is generated from here; `npm run verify` checks that
// it is up to date.
import { isNotNull, isNull, sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
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
/** Text that is compared byte by byte, so that paths and names sort the same on every server, whatever its locale. */
const plainText = customType<{ data: string; driverData: string }>({ dataType: () => 'text collate "C"' });
const int8 = (name: string) => bigint(name, { mode: 'bigint' });
const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** Plans: the limits that apply to an account and its environments. */
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
    /** In lower case. */
    email: text('email'),
    roles: text('roles').array().notNull(),
    planId: uuid('plan_id')
      .notNull()
      .references(() => plans.id),
    /** The number of environments that are not deleted; checked and changed under this row's lock. */
    environmentCount: integer('environment_count').notNull().default(0),
    createdAt: moment('created_at').notNull(),
    deletedAt: moment('deleted_at'),
  },
  (t) => [
    uniqueIndex('accounts_name').on(t.name).where(isNull(t.deletedAt)),
    uniqueIndex('accounts_email').on(t.email).where(isNull(t.deletedAt)),
  ],
);

/** Bearer tokens; only a hash of each is stored. */
export const tokens = pgTable(
  'tokens',
  {
    id: uuid('id').primaryKey(),
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    name: text('name').notNull(),
    /** The token that made this one; null if a login or an operator did, or if it is an account's first. */
    parentTokenId: uuid('parent_token_id').references((): AnyPgColumn => tokens.id),
    tokenHash: bytes('token_hash').notNull().unique(),
    /** What the token may be used for; null: everything that its account may do. */
    scopes: text('scopes').array(),
    /** The only environment that the token is valid for; null: all that its account has access to. */
    environmentId: uuid('environment_id').references(() => environments.id),
    /** Canonical dotted paths: the token is valid for these and all below them; null: for all paths. */
    pathPrefixes: text('path_prefixes').array(),
    /** Accurate to about a minute. */
    lastUsedAt: moment('last_used_at'),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
  },
  (t) => [
    index('tokens_account').on(t.accountId, t.id),
    index('tokens_parent').on(t.parentTokenId).where(isNotNull(t.parentTokenId)),
  ],
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

/** Environments. Each has one log: `revision` counts its writes, and `headHash` is the latest hash of their chain. */
export const environments = pgTable(
  'environments',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => applications.id),
    /** The owner of the application, duplicated here so that one read shows who may see the environment. */
    accountId: uuid('account_id')
      .notNull()
      .references(() => accounts.id),
    name: plainText('name').notNull(),
    revision: int8('revision').notNull().default(sql`0`),
    /** The number of secrets that are not deleted; checked and changed under this row's lock. */
    secretCount: integer('secret_count').notNull().default(0),
    headHash: bytes('head_hash').notNull(),
    /**
     * The oldest data key that new values may be sealed under. It is on this row because every write locks the row, and
     * so sees the latest number.
     */
    minDataKeyVersion: integer('min_data_key_version').notNull().default(1),
    /**
     * Names the newest data key and the digest key themselves, because versions repeat in a database that goes back. Null
     * until the first write, for environments from before keys were named.
     */
    keysId: bytes('keys_id'),
    /** Counts the changes of the facts that `factsMac` seals; see domain/keys/environment-facts.ts. */
    factsVersion: integer('facts_version').notNull().default(0),
    /** Null for environments from before there was such a seal, until an operator has them sealed. */
    factsMac: bytes('facts_mac'),
    /** Settings that Golem's tools keep with an environment. Nothing here depends on them. */
    compatibilityCheck: boolean('compatibility_check').notNull().default(false),
    versionCheck: boolean('version_check').notNull().default(false),
    securityOverrides: boolean('security_overrides').notNull().default(false),
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

/** The data keys (versioned) and the digest key of every environment, each wrapped by a master key. */
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
  (t) => [
    primaryKey({ columns: [t.environmentId, t.purpose, t.version] }),
    // Each start looks for a few keys of every master key.
    index('environment_keys_master_key').on(t.masterKeyId, t.environmentId),
  ],
);

/** The current state of every secret: a projection of the log below. */
export const agentSecrets = pgTable(
  'agent_secrets',
  {
    id: uuid('id').primaryKey(),
    environmentId: uuid('environment_id')
      .notNull()
      .references(() => environments.id),
    /**
     * Canonical segments joined by dots. Segments contain only letters and digits, so this text identifies the path.
     */
    path: plainText('path').notNull(),
    /** The type document in canonical form. It is text because jsonb rounds numbers and cannot store U+0000. */
    secretType: text('secret_type').notNull(),
    /** The outermost kind of the type, for filters. */
    typeKind: text('type_kind').notNull(),
    revision: int8('revision').notNull(),
    sealedValue: bytes('sealed_value'),
    /** The revision that set the value, to which the sealed bytes are bound. */
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
    /** Only on the row that set the value, until it is destroyed. Later rows refer to that row by `valueRevision`. */
    sealedValue: bytes('sealed_value'),
    valueRevision: int8('value_revision'),
    /** HMAC of the value under the environment's digest key; like the sealed value, only on the row that set it. */
    valueDigest: bytes('value_digest'),
    /** When the secret was deleted; set on every row that leaves it deleted. */
    deletedAt: moment('deleted_at'),
    /** The revision that had set the value which the write of this row erased. */
    destroyedRevision: int8('destroyed_revision'),
    /** The position in a change set, from 0, and the size of the set; both are null for a single write. */
    setPosition: integer('set_position'),
    setSize: integer('set_size'),
    at: moment('at').notNull(),
    accountId: uuid('account_id').notNull(),
    tokenId: uuid('token_id'),
    /** SHA-256 of the previous row's hash and this row; see domain/log/log-entry.ts. */
    hash: bytes('hash').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.environmentId, t.environmentRevision] }),
    unique('agent_secret_revisions_secret').on(t.agentSecretId, t.revision),
    index('agent_secret_revisions_as_of').on(t.agentSecretId, t.environmentRevision),
  ],
);

/**
 * Who opened which values, when, and through which API. One row records everything that a request opened in one
 * environment.
 */
export const secretReads = pgTable(
  'secret_reads',
  {
    /** A UUID of version 7, so that the rows of an environment sort by their time of creation. */
    id: uuid('id').notNull(),
    environmentId: uuid('environment_id').notNull(),
    /** The secrets, and at the same indexes the revisions at which they were read. */
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
    // Rows are inserted in the order of time, so a BRIN index of a few bytes finds those that are old enough to delete.
    index('secret_reads_at').using('brin', t.at),
  ],
);

/** When the value of each secret was last opened; kept longer than the rows above. */
export const lastSecretReads = pgTable('last_secret_reads', {
  agentSecretId: uuid('agent_secret_id').primaryKey(),
  at: moment('at').notNull(),
});

/** The outcomes of writes with an idempotency key: hashes and the resulting revision, never a value. */
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

/**
 * One row, which each migration sets: the number of the oldest migration that a version of the service must know to be
 * able to use this database.
 */
export const schemaCompatibility = pgTable('schema_compatibility', {
  isOnly: boolean('is_only').primaryKey().default(true),
  readableSince: integer('readable_since').notNull(),
});
