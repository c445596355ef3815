// Environments of all accounts that an account may see, and what is told of them beside the environments themselves.
import { isNull, sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { anyOf, bulk, columns, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, applications, environmentShares, environments } from '../engine/tables.js';
import { type EnvironmentWithAccessRow, WITH_ACCESS } from './environment.js';

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

const withAncestors = sql`${environments}
    join ${applications} on ${applications.id} = ${environments.applicationId}
    join ${accounts} on ${accounts.id} = ${environments.accountId}`;

const DETAILS_BY_ID = bulk(
  statement<{ ids: readonly string[] }>()(
    DETAILS,
    sql`select ${columns(DETAILS)} from ${withAncestors} where ${anyOf(environments.id, 'ids')}`,
  ),
);
/** The details of several environments, in no particular order. */
export function findEnvironmentDetails(db: Session, ids: readonly string[]): Promise<EnvironmentDetailsRow[]> {
  return db.rows(DETAILS_BY_ID, { ids });
}

export interface VisibleEnvironmentsPage {
  viewerId: string;
  /** Null: every environment. */
  only: string | null;
  /** The name of the owner. Null: every owner, as for `email`. An environment matches by either. */
  account: string | null;
  email: string | null;
  application: string | null;
  name: string | null;
  after: string | null;
  limit: number;
}
const given = (key: string) => sql`${parameter(key)}::text`;
const VISIBLE = bulk(
  statement<VisibleEnvironmentsPage>()(
    WITH_ACCESS,
    sql`select ${columns(WITH_ACCESS)} from ${withAncestors}
    left join ${environmentShares} on ${environmentShares.environmentId} = ${environments.id}
      and ${environmentShares.accountId} = ${parameter('viewerId')}
    where ${environments.id} in (
        select own.id from ${environments} own where own.account_id = ${parameter('viewerId')}
        union all select shared.environment_id from ${environmentShares} shared
        where shared.account_id = ${parameter('viewerId')} and cardinality(shared.roles) > 0)
      and ${isNull(environments.deletedAt)}
      and (${parameter('only')}::uuid is null or ${environments.id} = ${parameter('only')}::uuid)
      and (${given('account')} is null or ${accounts.name} = ${given('account')} or ${accounts.email} = ${given('email')})
      and (${given('application')} is null or ${applications.name} = ${given('application')})
      and (${given('name')} is null or ${environments.name} = ${given('name')})
      and (${parameter('after')}::uuid is null or ${environments.id} > ${parameter('after')}::uuid)
    order by ${environments.id} limit ${parameter('limit')}::integer`,
  ),
);
/** Environments that the viewer owns or has roles in, oldest first (ids are ordered by time). */
export function findVisibleEnvironments(
  db: Session,
  page: VisibleEnvironmentsPage,
): Promise<EnvironmentWithAccessRow[]> {
  return db.rows(VISIBLE, page);
}
