// Environments of all accounts that an account may see, and what is told of them beside the environments themselves.
import { isNull, type SQL, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, bulk, columns, computed, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, applications, environmentShares, environments } from '../engine/tables.js';
import { type EnvironmentWithAccessRow, selectWithShare, WITH_ACCESS } from './environment.js';

const DETAILS = {
  id: environments.id,
  accountId: environments.accountId,
  accountName: accounts.name,
  accountEmail: accounts.email,
  applicationId: environments.applicationId,
  applicationName: applications.name,
  compatibilityCheck: environments.compatibilityCheck,
  versionCheck: environments.versionCheck,
  securityOverrides: environments.securityOverrides,
};
export type EnvironmentDetailsRow = RowOf<typeof DETAILS>;

const ancestors = sql`join ${applications} on ${applications.id} = ${environments.applicationId}
    join ${accounts} on ${accounts.id} = ${environments.accountId}`;

const DETAILS_BY_ID = bulk(
  statement<{ ids: readonly string[] }>()(
    DETAILS,
    sql`select ${columns(DETAILS)} from ${environments} ${ancestors} where ${anyOf(environments.id, 'ids')}`,
  ),
);
/** The details of several environments, in no particular order. */
export function findEnvironmentDetails(db: Session, ids: readonly string[]): Promise<EnvironmentDetailsRow[]> {
  return db.rows(DETAILS_BY_ID, { ids });
}

export interface VisibleEnvironmentsFilter {
  viewerId: string;
  /** Null: every environment. */
  only: string | null;
  /** The name of the owner. Null: every owner, as for `email`. An environment matches by either. */
  account: string | null;
  email: string | null;
  application: string | null;
  name: string | null;
  /** A part of the name in lower case. Null: every name. */
  nameContains: string | null;
}
export interface VisibleEnvironmentsPage extends VisibleEnvironmentsFilter {
  after: string | null;
  limit: number;
}
const given = (key: string) => sql`${parameter(key)}::text`;
const isAfter = (id: SQL) => sql`and (${parameter('after')}::uuid is null or ${id} > ${parameter('after')}::uuid)`;
// Materialized, because the planner would otherwise walk through the environments of all accounts in their order.
const visible = (condition: (id: SQL) => SQL) => sql`with visible as materialized (
      select own.id from ${environments} own where own.account_id = ${parameter('viewerId')} and own.deleted_at is null
        ${condition(sql`own.id`)}
      union select shared.environment_id from ${environmentShares} shared
      where shared.account_id = ${parameter('viewerId')} and cardinality(shared.roles) > 0
        ${condition(sql`shared.environment_id`)})`;
const FROM = sql`visible join ${environments} on ${environments.id} = visible.id and ${isNull(environments.deletedAt)} ${ancestors}`;
const MATCHES = sql`(${parameter('only')}::uuid is null or visible.id = ${parameter('only')}::uuid)
      and (${given('account')} is null or ${accounts.name} = ${given('account')} or ${accounts.email} = ${given('email')})
      and (${given('application')} is null or ${applications.name} = ${given('application')})
      and (${given('name')} is null or ${environments.name} = ${given('name')})
      and (${given('nameContains')} is null or strpos(lower(${environments.name}), ${given('nameContains')}) > 0)`;
const VISIBLE = bulk(
  statement<VisibleEnvironmentsPage>()(
    WITH_ACCESS,
    sql`${visible(isAfter)}
    ${selectWithShare(WITH_ACCESS, FROM, parameter('viewerId'))}
    where ${MATCHES}
    order by visible.id limit ${parameter('limit')}::integer`,
  ),
);
/** Environments that the viewer owns or has roles in, oldest first (ids are ordered by time). */
export function findVisibleEnvironments(
  db: Session,
  page: VisibleEnvironmentsPage,
): Promise<EnvironmentWithAccessRow[]> {
  return db.rows(VISIBLE, page);
}

const COUNT = { count: computed(sql`count(*)`, Number) };
const COUNT_VISIBLE = bulk(
  statement<VisibleEnvironmentsFilter>()(
    COUNT,
    sql`${visible(() => sql``)} select ${columns(COUNT)} from ${FROM} where ${MATCHES}`,
  ),
);
/** How many there are on all pages together. Reads no environments but those that the viewer may see. */
export async function countVisibleEnvironments(db: Session, filter: VisibleEnvironmentsFilter): Promise<number> {
  return (await db.row(COUNT_VISIBLE, filter))?.count ?? 0;
}
