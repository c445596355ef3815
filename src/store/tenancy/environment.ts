// Environments, read together with the owner and the roles that decide who may see them.
import { isNull, type SQL, sql } from 'drizzle-orm';
import {
  type AccountLookup,
  type AccountLookupLists,
  lookupRows,
  PLACE,
  readInOrder,
} from '../engine/batched-lookup.js';
import type { Session } from '../engine/client.js';
import {
  bulk,
  columns,
  insertInto,
  name,
  optional,
  parameter,
  type RowOf,
  type Shape,
  statement,
} from '../engine/statement.js';
import { batchStatements } from '../engine/statement-batch.js';
import { accounts, applications, environmentShares, environments } from '../engine/tables.js';

const ENVIRONMENT = {
  id: environments.id,
  applicationId: environments.applicationId,
  ownerId: environments.accountId,
  name: environments.name,
  revision: environments.revision,
  secretCount: environments.secretCount,
  createdAt: environments.createdAt,
  updatedAt: environments.updatedAt,
};
export const WITH_ACCESS = { ...ENVIRONMENT, shareRoles: optional(environmentShares.roles) };
export type EnvironmentRow = RowOf<typeof ENVIRONMENT>;
export type EnvironmentWithAccessRow = RowOf<typeof WITH_ACCESS>;
const live = isNull(environments.deletedAt);

/** Environments from this source, each with the share of the viewer in it. */
export const selectWithShare = (shape: Shape, from: SQL, viewerId: SQL) => sql`select ${columns(shape)} from ${from}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${viewerId}`;
const withAccess = (joins: SQL, where: SQL) =>
  sql`${selectWithShare(WITH_ACCESS, sql`${environments} ${joins}`, parameter('viewerId'))} where ${where} and ${live}`;

const BY_ID = statement<AccountLookup>()(
  WITH_ACCESS,
  sql`${selectWithShare(WITH_ACCESS, sql`${environments}`, parameter('accountId'))} where ${environments.id} = ${parameter('id')} and ${live}`,
);
const PLACED = { ...WITH_ACCESS, ...PLACE };
const BY_IDS = statement<AccountLookupLists>()(
  PLACED,
  selectWithShare(
    PLACED,
    sql`${lookupRows} join ${environments} on ${environments.id} = asked.id and ${live}`,
    sql`asked.account_id`,
  ),
);
/** Several environments, in the order of the lookups; undefined at the index of one that does not exist. */
export const findEnvironmentsForAccounts = readInOrder(BY_ID, BY_IDS);

/** The environment, with the account's roles in it. */
export const findEnvironment = batchStatements(findEnvironmentsForAccounts);

const BY_NAME = statement<{ account: string; application: string; name: string; viewerId: string }>()(
  WITH_ACCESS,
  withAccess(
    sql`join ${applications} on ${applications.id} = ${environments.applicationId} and ${applications.deletedAt} is null
        join ${accounts} on ${accounts.id} = ${environments.accountId} and ${accounts.deletedAt} is null`,
    sql`${accounts.name} = ${parameter('account')} and ${applications.name} = ${parameter('application')} and ${environments.name} = ${parameter('name')}`,
  ),
);
export function findEnvironmentByName(
  db: Session,
  names: { account: string; application: string; name: string },
  viewerId: string,
): Promise<EnvironmentWithAccessRow | undefined> {
  return db.row(BY_NAME, { ...names, viewerId });
}

const IN_APPLICATION = statement<{ applicationId: string; name: string; viewerId: string }>()(
  WITH_ACCESS,
  withAccess(
    sql``,
    sql`${environments.applicationId} = ${parameter('applicationId')} and ${environments.name} = ${parameter('name')}`,
  ),
);
export function findEnvironmentInApplication(
  db: Session,
  place: { applicationId: string; name: string },
  viewerId: string,
): Promise<EnvironmentWithAccessRow | undefined> {
  return db.row(IN_APPLICATION, { ...place, viewerId });
}

const OF_APPLICATION = bulk(
  statement<{ applicationId: string; viewerId: string; after: string | null; limit: number }>()(
    WITH_ACCESS,
    sql`${withAccess(sql``, sql`${environments.applicationId} = ${parameter('applicationId')}`)}
      and (${parameter('after')}::text is null or ${environments.name} > ${parameter('after')}::text)
    order by ${environments.name} limit ${parameter('limit')}::integer`,
  ),
);
/** An application's environments, ordered by name, starting after the given name. */
export function findEnvironmentsOfApplication(
  db: Session,
  page: { applicationId: string; viewerId: string; after: string | null; limit: number },
): Promise<EnvironmentWithAccessRow[]> {
  return db.rows(OF_APPLICATION, page);
}

const SHARED = bulk(
  statement<{ viewerId: string; after: string | null; limit: number }>()(
    WITH_ACCESS,
    sql`select ${columns(WITH_ACCESS)} from ${environmentShares}
    join ${environments} on ${environments.id} = ${environmentShares.environmentId}
    where ${environmentShares.accountId} = ${parameter('viewerId')} and ${live} and cardinality(${environmentShares.roles}) > 0
      and (${parameter('after')}::uuid is null or ${environments.id} > ${parameter('after')}::uuid)
    order by ${environments.id} limit ${parameter('limit')}::integer`,
  ),
);
/** Environments of other accounts that are shared with the viewer, ordered by id. */
export function findEnvironmentsSharedWith(
  db: Session,
  page: { viewerId: string; after: string | null; limit: number },
): Promise<EnvironmentWithAccessRow[]> {
  return db.rows(SHARED, page);
}

const NEW_ENVIRONMENT = {
  id: environments.id,
  applicationId: environments.applicationId,
  ownerId: environments.accountId,
  name: environments.name,
  headHash: environments.headHash,
  keysId: environments.keysId,
  compatibilityCheck: environments.compatibilityCheck,
  versionCheck: environments.versionCheck,
  securityOverrides: environments.securityOverrides,
  createdAt: environments.createdAt,
  updatedAt: environments.updatedAt,
};
export interface EnvironmentInsertion {
  id: string;
  applicationId: string;
  ownerId: string;
  name: string;
  headHash: Uint8Array;
  keysId: Uint8Array;
  compatibilityCheck: boolean;
  versionCheck: boolean;
  securityOverrides: boolean;
  createdAt: Date;
  updatedAt: Date;
}
const INSERT = statement<EnvironmentInsertion>()(
  ENVIRONMENT,
  sql`${insertInto(
    environments,
    NEW_ENVIRONMENT,
    { applicationId: sql`${applications.id}`, ownerId: sql`${applications.accountId}` },
    sql`from ${applications} where ${applications.id} = ${parameter('applicationId')} and ${applications.accountId} = ${parameter('ownerId')}
      and ${applications.deletedAt} is null`,
  )}
    on conflict (application_id, name) where deleted_at is null do nothing returning ${columns(ENVIRONMENT)}`,
);
/**
 * Returns undefined when the application already has an environment of this name, or is gone. The caller must hold the
 * account's lock.
 */
export function insertEnvironment(db: Session, environment: EnvironmentInsertion): Promise<EnvironmentRow | undefined> {
  return db.row(INSERT, environment);
}

const RENAME = statement<{ id: string; name: string; at: Date }>()(
  ENVIRONMENT,
  sql`update ${environments} set ${name(environments.name)} = ${parameter('name')}, ${name(environments.updatedAt)} = ${parameter('at')}
    where ${environments.id} = ${parameter('id')} and ${live}
      and not exists (select 1 from ${environments} other where other.application_id = ${environments.applicationId}
        and other.name = ${parameter('name')} and other.deleted_at is null and other.id <> ${environments.id})
    returning ${columns(ENVIRONMENT)}`,
);
/** Returns undefined when the name is taken or the environment is gone. The caller must hold the account's lock. */
export function updateEnvironment(
  db: Session,
  id: string,
  name: string,
  at: Date,
): Promise<EnvironmentRow | undefined> {
  return db.row(RENAME, { id, name, at });
}

const LOCK = statement<{ id: string }>()(
  { id: environments.id },
  sql`select ${columns({ id: environments.id })} from ${environments} where ${environments.id} = ${parameter('id')} and ${live} for update`,
);
/** The second lock in the lock order (account, environment, secrets); undefined when the environment is gone. */
export function lockEnvironment(db: Session, id: string): Promise<{ id: string } | undefined> {
  return db.row(LOCK, { id });
}

const remove = (where: SQL) =>
  sql`update ${environments} set ${name(environments.deletedAt)} = ${parameter('at')} where ${where} and ${live}
    returning ${columns({ id: environments.id })}`;
const REMOVE = statement<{ id: string; at: Date }>()(
  { id: environments.id },
  remove(sql`${environments.id} = ${parameter('id')}`),
);
export function removeEnvironment(db: Session, id: string, at: Date): Promise<{ id: string } | undefined> {
  return db.row(REMOVE, { id, at });
}

const REMOVE_OF_APPLICATION = statement<{ applicationId: string; at: Date }>()(
  { id: environments.id },
  remove(sql`${environments.applicationId} = ${parameter('applicationId')}`),
);
export function removeEnvironmentsOfApplication(
  db: Session,
  applicationId: string,
  at: Date,
): Promise<{ id: string }[]> {
  return db.rows(REMOVE_OF_APPLICATION, { applicationId, at });
}

const REMOVE_OF_ACCOUNT = statement<{ accountId: string; at: Date }>()(
  { id: environments.id },
  remove(sql`${environments.accountId} = ${parameter('accountId')}`),
);
export function removeEnvironmentsOfAccount(db: Session, accountId: string, at: Date): Promise<{ id: string }[]> {
  return db.rows(REMOVE_OF_ACCOUNT, { accountId, at });
}
