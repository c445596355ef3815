// The three writes of a secret. Each is one statement that locks the environment, changes the secret, advances the
// environment by exactly one and appends the log row; when the check in it fails, it changes nothing at all.
//
// Why the lock comes first and alone: the statement's snapshot is older than the lock, so whatever it decides must be
// decided by an update or insert (which look at the newest row), and the environment may only be advanced by what those
// return. The lock is taken by reading the environment, the counters are advanced last.
import { type SQL, sql } from 'drizzle-orm';
import { SECRET } from './agent-secret.js';
import type { Session } from './client.js';
import { LOG_ROW, type LogEntry } from './log-entry.js';
import { columns, insertInto, name, parameter, type RowOf, statement } from './statement.js';
import { accounts, agentSecretRevisions, agentSecrets, environments, plans } from './tables.js';

interface Sealed {
  sealedValue: Uint8Array | null;
  valueRevision: bigint | null;
  /** The data key the value is sealed under: nothing is written under one that has been replaced. Null without a value. */
  keyVersion: number | null;
}

const WRITTEN = {
  revision: agentSecrets.revision,
  environmentRevision: environments.revision,
};
export type Written = RowOf<typeof WRITTEN>;

const lockedEnvironment = sql`
  locked as materialized (
    select ${environments.id}, ${environments.revision}, ${environments.secretCount}, ${environments.headHash}
    from ${environments}
    where ${environments.id} = ${parameter('environmentId')} and ${environments.deletedAt} is null
      and (${parameter('keyVersion')}::integer is null or ${parameter('keyVersion')}::integer >= ${environments.minDataKeyVersion})
    for update
  )`;

const SECRET_ROW = { ...SECRET, typeKind: agentSecrets.typeKind };

/** Advances the environment behind a secret written by the CTE `written`, and appends the log row. */
function advanceAndLog(secretCountChange: -1 | 0 | 1): SQL {
  return sql`
  advanced as (
    update ${environments} set
      ${name(environments.revision)} = locked.revision + 1,
      ${name(environments.secretCount)} = locked.secret_count + ${sql.raw(String(secretCountChange))},
      ${name(environments.headHash)} = sha256(locked.head_hash || int8send(locked.revision + 1) || ${parameter('entryDigest')}::bytea),
      ${name(environments.updatedAt)} = ${parameter('at')}
    from locked, written
    where ${environments.id} = locked.id
    returning ${environments.id}, ${environments.revision}, ${environments.headHash}
  ),
  logged as (
    ${insertInto(
      agentSecretRevisions,
      LOG_ROW,
      {
        environmentId: sql`advanced.id`,
        environmentRevision: sql`advanced.revision`,
        agentSecretId: sql`written.id`,
        revision: sql`written.revision`,
        sealedValue: sql`case when written.value_revision = written.revision then written.sealed_value end`,
        valueRevision: sql`written.value_revision`,
        hash: sql`advanced.head_hash`,
      },
      sql`from advanced, written`,
    )}
  )`;
}

const returning = sql`returning ${agentSecrets.id}, ${agentSecrets.revision}, ${agentSecrets.sealedValue}, ${agentSecrets.valueRevision}`;
const result = sql`select written.revision as "revision", advanced.revision as "environmentRevision" from written, advanced`;

export interface Insertion extends LogEntry, Sealed {
  id: string;
  environmentId: string;
  path: string;
  secretType: string;
  typeKind: string;
  /** Size of the value in the clear, for the plan's limit; 0 without a value. */
  valueBytes: number;
}

const INSERT = statement<Insertion>()(
  WRITTEN,
  sql`with ${lockedEnvironment},
  room as (
    select locked.id from locked
    join ${environments} on ${environments.id} = locked.id
    join ${accounts} on ${accounts.id} = ${environments.accountId}
    join ${plans} on ${plans.id} = ${accounts.planId}
    where locked.secret_count < ${plans.maxSecretsPerEnvironment} and ${parameter('valueBytes')}::integer <= ${plans.maxValueBytes}
  ),
  written as (
    ${insertInto(
      agentSecrets,
      SECRET_ROW,
      {
        environmentId: sql`room.id`,
        revision: sql`0`,
        createdAt: sql`${parameter('at')}::timestamptz`,
        createdBy: sql`${parameter('accountId')}::uuid`,
        updatedAt: sql`${parameter('at')}::timestamptz`,
        updatedBy: sql`${parameter('accountId')}::uuid`,
      },
      sql`from room`,
    )}
    on conflict (environment_id, path) where deleted_at is null do nothing
    ${returning}
  ),
  ${advanceAndLog(1)}
  ${result}`,
);

/** Undefined when nothing was written: environment gone, data key replaced, path taken, or no room under the plan. */
export function insertAgentSecret(db: Session, secret: Insertion): Promise<Written | undefined> {
  return db.row(INSERT, secret);
}

export interface Update extends LogEntry, Sealed {
  id: string;
  environmentId: string;
  /** The revision the caller saw; the row must still have it. */
  currentRevision: bigint;
  /** Keep the stored value, or replace it by `sealedValue` (null removes it). */
  keepsValue: boolean;
}

const isCurrent = sql`${agentSecrets.id} = ${parameter('id')} and ${agentSecrets.environmentId} = locked.id
      and ${agentSecrets.revision} = ${parameter('currentRevision')}::bigint and ${agentSecrets.deletedAt} is null`;

const UPDATE = statement<Update>()(
  WRITTEN,
  sql`with ${lockedEnvironment},
  written as (
    update ${agentSecrets} set
      ${name(agentSecrets.revision)} = ${agentSecrets.revision} + 1,
      ${name(agentSecrets.sealedValue)} = case when ${parameter('keepsValue')}::boolean then ${agentSecrets.sealedValue} else ${parameter('sealedValue')}::bytea end,
      ${name(agentSecrets.valueRevision)} = case when ${parameter('keepsValue')}::boolean then ${agentSecrets.valueRevision} else ${parameter('valueRevision')}::bigint end,
      ${name(agentSecrets.updatedAt)} = ${parameter('at')}::timestamptz,
      ${name(agentSecrets.updatedBy)} = ${parameter('accountId')}::uuid
    from locked where ${isCurrent}
    ${returning}
  ),
  ${advanceAndLog(0)}
  ${result}`,
);

/** Undefined when nothing was written: the secret is gone, its revision is another one, or the data key was replaced. */
export function updateAgentSecret(db: Session, update: Update): Promise<Written | undefined> {
  return db.row(UPDATE, update);
}

export interface Removal extends LogEntry {
  id: string;
  environmentId: string;
  currentRevision: bigint;
}

const REMOVE = statement<Removal>()(
  WRITTEN,
  sql`with ${lockedEnvironment},
  written as (
    update ${agentSecrets} set
      ${name(agentSecrets.revision)} = ${agentSecrets.revision} + 1,
      ${name(agentSecrets.sealedValue)} = null,
      ${name(agentSecrets.valueRevision)} = null,
      ${name(agentSecrets.updatedAt)} = ${parameter('at')}::timestamptz,
      ${name(agentSecrets.updatedBy)} = ${parameter('accountId')}::uuid,
      ${name(agentSecrets.deletedAt)} = ${parameter('at')}::timestamptz
    from locked where ${isCurrent}
    ${returning}
  ),
  ${advanceAndLog(-1)}
  ${result}`,
);

/** Undefined when nothing was written: the secret is gone or its revision is another one. */
export function removeAgentSecret(db: Session, removal: Removal): Promise<Written | undefined> {
  return db.row(REMOVE, removal);
}

const ROOM = {
  secretCount: environments.secretCount,
  maxSecrets: plans.maxSecretsPerEnvironment,
  maxValueBytes: plans.maxValueBytes,
};
const FIND_ROOM = statement<{ environmentId: string }>()(
  ROOM,
  sql`select ${columns(ROOM)} from ${environments}
    join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${environments.id} = ${parameter('environmentId')} and ${environments.deletedAt} is null`,
);

/** How full the environment is, and its plan's limits; undefined once it is deleted. */
export function findEnvironmentRoom(db: Session, environmentId: string): Promise<RowOf<typeof ROOM> | undefined> {
  return db.row(FIND_ROOM, { environmentId });
}
