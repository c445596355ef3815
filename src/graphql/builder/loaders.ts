// Data loaders: what the items of a list ask for one by one is read once for all of them. They batch and do not cache, so
// that a mutation sees what the one before it has changed.
import DataLoader from 'dataloader';
import { getLastReads } from '../../domain/reads/secret-read.js';
import type { Context } from '../../domain/request/context.js';
import { openStoredValues } from '../../domain/secrets/agent-secret-revision.js';
import { getAccountNames } from '../../domain/tenancy/account.js';
import { getApplications } from '../../domain/tenancy/application.js';
import { getEnvironments } from '../../domain/tenancy/environment.js';
import { getPlansOfAccounts } from '../../domain/tenancy/plan.js';

type ReadMany<Key, T> = (ctx: Context, keys: readonly Key[]) => Promise<(T | Error)[]>;

/** One loader per request, made when it is first asked; keys of the same name are read once. */
function loader<Key, T>(
  readMany: ReadMany<Key, T>,
  nameOf: (key: Key) => string,
): (ctx: Context, key: Key) => Promise<T> {
  const loaders = new WeakMap<Context, DataLoader<Key, T>>();
  return (ctx, key) => {
    let found = loaders.get(ctx);
    if (!found) {
      found = new DataLoader((keys) => readDistinct(ctx, keys), { cache: false });
      loaders.set(ctx, found);
    }
    return found.load(key);
  };

  async function readDistinct(ctx: Context, keys: readonly Key[]): Promise<(T | Error)[]> {
    const distinct = new Map(keys.map((key) => [nameOf(key), key]));
    const results = await readMany(ctx, [...distinct.values()]);
    const byName = new Map([...distinct.keys()].map((name, index) => [name, results[index] as T | Error]));
    return keys.map((key) => byName.get(nameOf(key)) as T | Error);
  }
}

const itself = (id: string) => id;

export const loadAccountName = loader(getAccountNames, itself);
export const loadApplication = loader(getApplications, itself);
export const loadEnvironment = loader(getEnvironments, itself);
export const loadPlanOfAccount = loader(getPlansOfAccounts, itself);
/** Values that were not read with their secrets: those of the past. */
export const loadStoredValue = loader(openStoredValues, ({ id, revision }) => `${id}:${revision}`);
export const loadLastRead = loader(getLastReads, itself);
