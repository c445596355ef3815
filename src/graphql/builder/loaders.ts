// Request-scoped data loaders: they batch the reads that the items of a list cause one by one. They do not cache, so
// that a mutation sees the changes of the previous mutation in the same request.
import DataLoader from 'dataloader';
import { getTokens } from '../../domain/access/token.js';
import { getLastReads } from '../../domain/reads/secret-read.js';
import type { Context } from '../../domain/request/context.js';
import { getPresentAgentSecrets } from '../../domain/secrets/agent-secret.js';
import { getLoggedWrites, getSecretTypes, openStoredValues } from '../../domain/secrets/agent-secret-revision.js';
import { getAccountNames } from '../../domain/tenancy/account.js';
import { getApplications } from '../../domain/tenancy/application.js';
import { type Environment, getEnvironments } from '../../domain/tenancy/environment.js';
import { getPlansOfAccounts } from '../../domain/tenancy/plan.js';
import { getEnvironmentDetails } from '../../domain/tenancy/visible-environment.js';
import { momentId } from '../../ids/moment-id.js';

type ReadMany<Key, T> = (ctx: Context, keys: readonly Key[]) => Promise<(T | Error)[]>;

/** Creates one DataLoader per request, on first use. Keys with equal `keyOf` are deduplicated within a batch. */
function loader<Key, T>(
  readMany: ReadMany<Key, T>,
  keyOf: (key: Key) => string,
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
    const distinct = new Map(keys.map((key) => [keyOf(key), key]));
    const results = await readMany(ctx, [...distinct.values()]);
    const byKey = new Map([...distinct.keys()].map((name, index) => [name, results[index] as T | Error]));
    return keys.map((key) => byKey.get(keyOf(key)) as T | Error);
  }
}

const identity = (id: string) => id;

export const loadAccountName = loader(getAccountNames, identity);
/** Secrets as they are now, where they were read from the log; null where the caller may no longer see them. */
export const loadAgentSecret = loader(getPresentAgentSecrets, identity);
export const loadApplication = loader(getApplications, identity);
export const loadEnvironment = loader(getEnvironments, identity);
/** Null where the caller has no role in the environment. */
export const loadEnvironmentOrNull = loader<string, Environment | null>(
  async (ctx, ids) => (await getEnvironments(ctx, ids)).map((found) => (found instanceof Error ? null : found)),
  identity,
);
export const loadEnvironmentDetails = loader(getEnvironmentDetails, identity);
export const loadPlanOfAccount = loader(getPlansOfAccounts, identity);
/** Loads values that were not read together with their secrets, such as those of old revisions. */
export const loadStoredValue = loader(openStoredValues, momentId);
/** What the log tells of a write whose state was not read from there. */
export const loadLoggedWrite = loader(getLoggedWrites, momentId);
/** Types that a list has left out for their size. */
export const loadSecretType = loader(getSecretTypes, identity);
export const loadToken = loader(getTokens, identity);
export const loadLastRead = loader(getLastReads, identity);
