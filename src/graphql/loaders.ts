// Data loaders: what the items of a list ask for one by one is read once for all of them. They batch and do not cache, so
// that a mutation sees what the one before it has changed.
import DataLoader from 'dataloader';
import { getAccountNames } from '../domain/account.js';
import { getApplications } from '../domain/application.js';
import type { Context } from '../domain/context.js';
import { getEnvironments } from '../domain/environment.js';
import { getPlansOfAccounts } from '../domain/plan.js';

type ReadMany<T> = (ctx: Context, ids: readonly string[]) => Promise<(T | Error)[]>;

/** One loader per request, made when it is first asked. */
function loader<T>(readMany: ReadMany<T>): (ctx: Context, id: string) => Promise<T> {
  const loaders = new WeakMap<Context, DataLoader<string, T>>();
  return (ctx, id) => {
    let found = loaders.get(ctx);
    if (!found) {
      found = new DataLoader((ids) => readDistinct(ctx, ids, readMany), { cache: false });
      loaders.set(ctx, found);
    }
    return found.load(id);
  };
}

async function readDistinct<T>(ctx: Context, ids: readonly string[], readMany: ReadMany<T>): Promise<(T | Error)[]> {
  const distinct = [...new Set(ids)];
  const results = await readMany(ctx, distinct);
  const byId = new Map(distinct.map((id, index) => [id, results[index] as T | Error]));
  return ids.map((id) => byId.get(id) as T | Error);
}

export const loadAccountName = loader(getAccountNames);
export const loadApplication = loader(getApplications);
export const loadEnvironment = loader(getEnvironments);
export const loadPlanOfAccount = loader(getPlansOfAccounts);
