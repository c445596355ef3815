// Reads and prunes the audit log of opened values.

import type { Session } from '../../store/engine/client.js';
import { removeSecretReads } from '../../store/reads/read-audit.js';
import { findLastSecretReads, findSecretReads, type SecretReadRow } from '../../store/reads/secret-read.js';
import { authorize } from '../access/permissions.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { spendItems } from '../request/item-budget.js';
import { storableMoment } from '../request/moment.js';
import { forwardPage, idKey, type Page, type PageArguments, pageOf } from '../request/page.js';
import type { Environment } from '../tenancy/environment.js';

/** One opening of one value. */
export type SecretRead = SecretReadRow;

export interface SecretReadQuery extends PageArguments {
  filter?:
    | {
        agentSecretId?: string | null | undefined;
        accountId?: string | null | undefined;
        tokenId?: string | null | undefined;
        since?: Date | null | undefined;
        until?: Date | null | undefined;
      }
    | null
    | undefined;
}

/** The openings of the environment's values, newest first. For owner and admins. */
export async function listSecretReads(
  ctx: Context,
  environment: Environment,
  query: SecretReadQuery,
): Promise<Page<SecretRead>> {
  authorize(ctx, environment, 'ViewRead');
  const { pathPrefixes } = actorOf(ctx).grant;
  const { filter } = query;
  const request = forwardPage(query, readCursorKey);
  spendItems(ctx, request.size);
  // The result must include the records that this process has not written yet.
  await ctx.services.reads.flush();
  const rows = await findSecretReads(ctx.services.db, {
    environmentId: environment.id,
    pathsWithin: pathPrefixes,
    agentSecretId: filter?.agentSecretId ?? null,
    accountId: filter?.accountId ?? null,
    tokenId: filter?.tokenId ?? null,
    since: filter?.since ? storableMoment(filter.since) : null,
    until: filter?.until ? storableMoment(filter.until) : null,
    afterId: request.after?.id ?? null,
    afterPosition: request.after?.position ?? null,
    limit: request.size + 1,
  });
  return pageOf(request, rows, ({ id, position }) => [id, position]);
}

/**
 * When the values of the secrets were last opened, in the order of the ids; null for never. The caller must be allowed
 * to see the secrets.
 */
export async function getLastReads(ctx: Context, ids: readonly string[]): Promise<(Date | null)[]> {
  actorOf(ctx);
  await ctx.services.reads.flush();
  const rows = await findLastSecretReads(ctx.services.db, ids);
  const found = new Map(rows.map(({ agentSecretId, at }) => [agentSecretId, at]));
  return ids.map((id) => found.get(id) ?? null);
}

/** Rows that one statement deletes: few enough that no other statement has to wait noticeably. */
const ROWS_PER_STATEMENT = 5_000;

/** Deletes records that are older than the given number of days. Returns how many were deleted. */
export async function pruneSecretReads(db: Session, days: number): Promise<number> {
  const before = new Date(Date.now() - days * 24 * 3_600_000);
  let removed = 0;
  for (;;) {
    const count = await removeSecretReads(db, before, ROWS_PER_STATEMENT);
    removed += count;
    if (count < ROWS_PER_STATEMENT) return removed;
  }
}

function readCursorKey(json: unknown): { id: string; position: number } | undefined {
  if (!Array.isArray(json) || json.length !== 2) return undefined;
  const [id, position] = json as [unknown, unknown];
  const rowId = idKey(id);
  return rowId !== undefined && Number.isSafeInteger(position)
    ? { id: rowId, position: position as number }
    : undefined;
}
