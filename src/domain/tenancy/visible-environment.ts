// Environments as Golem's tools find them: all that the caller may see, by the names of account, application and
// environment, with settings that the tools keep.
import { notFound } from '../../errors/refusals.js';
import {
  countVisibleEnvironments,
  type EnvironmentDetailsRow,
  findEnvironmentDetails,
  findVisibleEnvironments,
} from '../../store/tenancy/visible-environment.js';
import { withRoles } from '../access/environment-access.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { readCounted, spendItems } from '../request/item-budget.js';
import { forwardPage, idKey, type Page, type PageArguments, pageOf } from '../request/page.js';
import { storableText } from '../request/storable-text.js';
import type { Environment } from './environment.js';

/** What Golem's tools are told of an environment that the caller may see. */
export interface EnvironmentDetails extends EnvironmentDetailsRow {
  /** The account's email, or its name if it has none. */
  accountEmail: string;
}

/** Details by id, of environments that the caller has been let into, in the order of the ids. */
export async function getEnvironmentDetails(
  ctx: Context,
  ids: readonly string[],
): Promise<(EnvironmentDetails | Error)[]> {
  const rows = new Map((await findEnvironmentDetails(ctx.services.db, ids)).map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = rows.get(id);
    return row ? { ...row, accountEmail: row.accountEmail ?? row.accountName } : notFound('environment', id);
  });
}

export interface VisibleEnvironmentsFilter {
  /** The name or the email of the account that owns the environment. */
  account?: string | null | undefined;
  application?: string | null | undefined;
  name?: string | null | undefined;
  /** Part of the environment's name, in any case. */
  nameContains?: string | null | undefined;
}

/** The texts of an environment and of what is above it, in bytes. */
const ROW_BYTES = 1_024;

/** Environments in which the caller has a role, its own and shared ones, oldest first. */
export async function listVisibleEnvironments(
  ctx: Context,
  filter: VisibleEnvironmentsFilter,
  args: PageArguments,
): Promise<Page<Environment> & { totalCount(): Promise<number> }> {
  const { accountId: viewerId, grant } = actorOf(ctx);
  const request = forwardPage(args, idKey);
  spendItems(ctx, request.size);
  const [account = null, application = null, name = null, nameContains = null] = [
    filter.account,
    filter.application,
    filter.name,
    filter.nameContains?.toLowerCase(),
  ].map((text) => (text == null ? null : storableText(text)));
  const matching = {
    viewerId,
    only: grant.environmentId,
    account,
    email: account?.toLowerCase() ?? null,
    application,
    name,
    nameContains,
  };
  const limit = request.size + 1;
  const rows = await readCounted(
    ctx,
    { rows: limit, rowBytes: ROW_BYTES },
    () => findVisibleEnvironments(ctx.services.db, { ...matching, after: request.after ?? null, limit }),
    () => ROW_BYTES,
  );
  const page = pageOf(
    request,
    rows.map((row) => withRoles(ctx, row)),
    (environment) => environment.id,
  );
  return { ...page, totalCount: () => countVisibleEnvironments(ctx.services.db, matching) };
}
