// Fills a database with real secrets. The service's own rules make them, and COPY writes them, so that the service reads,
// writes and verifies them like secrets that it has written itself, one request after the other.
import { randomUUID } from 'node:crypto';
import { sql as template } from 'drizzle-orm';
import postgres from 'postgres';
import { type AgentSecretChange, type Draft, planChange } from '../../../src/domain/changes/change-plan.js';
import { rowsOf } from '../../../src/domain/changes/change-rows.js';
import type { Context } from '../../../src/domain/request/context.js';
import { EVERYTHING } from '../../../src/domain/request/grant.js';
import type { Services } from '../../../src/domain/request/services.js';
import { createAccountAsOperator } from '../../../src/domain/tenancy/account.js';
import { createApplication } from '../../../src/domain/tenancy/application.js';
import { createEnvironment } from '../../../src/domain/tenancy/environment.js';
import { createPlan } from '../../../src/domain/tenancy/plan.js';
import { analysedTypeFromText } from '../../../src/domain/types/analysed-type-parse.js';
import type { JsonValue } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { advanceEnvironment, lockEnvironment } from '../../../src/store/changes/change-set.js';
import { session } from '../../../src/store/engine/client.js';
import { computed, statement } from '../../../src/store/engine/statement.js';
import { agentSecretRevisions, agentSecrets } from '../../../src/store/engine/tables.js';
import type { LogEntryInsertion } from '../../../src/store/log/log-entry.js';
import { SAMPLE_PERIOD, sample } from '../seed/samples.js';
import { copyInto } from './copy.js';

export const SECRETS_PER_ENVIRONMENT = 1_000;
const ACCOUNTS = 4;
/** So many environments are in progress at a time: while one is sealed, Postgres writes another one. */
const PARALLEL = 2;
/** The plan has room for later writes. */
const PLAN = { maxEnvironments: 100_000, maxSecretsPerEnvironment: 100_000, maxValueBytes: 2_600 };
/** One of so many secrets has been updated, and one more of so many was deleted. */
const UPDATED = 10;
const DELETED = 50;

/** An account that owns some of the environments. */
export interface Owner {
  name: string;
  accountId: string;
  token: string;
  applicationId: string;
}

/** The share of one of several processes that fill a database together. */
export interface Share {
  /** This is the database of the services. */
  databaseUrl: string;
  owners: readonly Owner[];
  /** The number of current secrets of all shares. Some deleted secrets are added to them. */
  secrets: number;
  index: number;
  shares: number;
}

export interface FilledEnvironment {
  secrets: number;
  logRows: number;
}

/** Creates the accounts that will own everything, and refuses a database that already has environments. */
export async function createOwners(services: Services): Promise<Owner[]> {
  if ((await services.db.row(ANY_ENVIRONMENT, {}))?.found) {
    throw new Error('the database has environments already: only an empty one is filled; name another one');
  }
  const run = randomUUID().slice(0, 8);
  const plan = await createPlan(contextOf(services, randomUUID(), true), { ...PLAN, name: `seed-${run}` });
  const owners: Owner[] = [];
  for (let number = 0; number < ACCOUNTS; number++) {
    const name = `seed-${run}-${number}`;
    const { account, secret: token } = await services.db.transaction((tx) =>
      createAccountAsOperator(tx, { name, planId: plan.id }),
    );
    const { id: accountId } = account;
    const { id: applicationId } = await createApplication(contextOf(services, accountId), { name: 'seed' });
    owners.push({ name, accountId, token, applicationId });
  }
  return owners;
}

/** Creates and fills the environments of the share, each in one transaction. */
export async function fillEnvironments(
  services: Services,
  { databaseUrl, owners, secrets, index, shares }: Share,
  onFilled: (environment: FilledEnvironment) => void,
): Promise<void> {
  let next = index;
  async function work(): Promise<void> {
    const client = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => undefined });
    try {
      for (;;) {
        const number = next;
        next += shares;
        const first = number * SECRETS_PER_ENVIRONMENT;
        const count = Math.min(SECRETS_PER_ENVIRONMENT, secrets - first);
        if (count <= 0) return;
        const { accountId, applicationId } = owners[number % owners.length] as Owner;
        const ctx = contextOf(services, accountId);
        const { id } = await createEnvironment(ctx, { applicationId, name: `environment-${number}` });
        onFilled(await client.begin((tx) => fillEnvironment(ctx, tx, id, { first, count })));
      }
    } finally {
      await client.end({ timeout: 5 });
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** Brings the tables into the state of a database in use, with statistics and without work for the first reader of a row. */
export async function settle(databaseUrl: string): Promise<void> {
  const client = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  await client.unsafe('vacuum analyze').finally(() => client.end({ timeout: 5 }));
}

const FOUND = { found: computed(template`found`, Boolean) };
const ANY_ENVIRONMENT = statement()(FOUND, template`select exists (select from environments) as found`);

function contextOf(services: Services, accountId: string, isAdmin = false): Context {
  const actor = { accountId, tokenId: null, isAdmin, grant: EVERYTHING };
  return { services, actor, requestId: randomUUID(), door: 'operator' };
}

async function fillEnvironment(
  ctx: Context,
  tx: postgres.TransactionSql,
  environmentId: string,
  { first, count }: { first: number; count: number },
): Promise<FilledEnvironment> {
  const db = session(
    async (text, parameters) => tx.unsafe(text, parameters as never[], { prepare: true }),
    async (text) => tx.unsafe(text).simple(),
  );
  const locked = await lockEnvironment(db, environmentId);
  if (!locked) throw new Error(`the environment ${environmentId} is gone`);
  const keys = await ctx.services.keys.keysOf(environmentId);
  const draft: Draft = {
    ...{ ...locked, environmentId, keys, grant: EVERYTHING },
    ...{ secrets: new Map(), takenPaths: new Set(), oldRevisions: new Map() },
  };
  const entries: LogEntryInsertion[] = [];
  let { revision, headHash } = locked;
  const apply = (change: AgentSecretChange): string => {
    const { secret, entry } = rowsOf(ctx, { environmentId, revision, headHash }, planChange(draft, change));
    ({ environmentRevision: revision, hash: headHash } = entry);
    draft.secrets.set(secret.id, secret);
    entries.push(entry);
    return secret.id;
  };
  for (let number = first; number < first + count; number++) {
    const id = apply(creationOf(number, 'current'));
    if (number % UPDATED === 0) {
      const secretValue = { op: 'set', value: jsonOf(sample(number + SAMPLE_PERIOD).value) } as const;
      apply({ kind: 'update', id, currentRevision: 0n, secretValue });
    }
    if (number % DELETED === 0) apply({ kind: 'delete', id: apply(creationOf(number, 'former')), currentRevision: 0n });
  }
  await copyInto(tx, agentSecrets, [...draft.secrets.values()]);
  await copyInto(tx, agentSecretRevisions, entries);
  const at = (entries.at(-1) as LogEntryInsertion).at;
  await advanceEnvironment(db, { environmentId, revision, secretCount: draft.secretCount, headHash, at });
  return { secrets: count, logRows: entries.length };
}

/** Makes paths as people choose them, with a few groups and many names, all different within an environment. */
function creationOf(number: number, group: 'current' | 'former'): AgentSecretChange {
  const { type, value } = sample(number);
  return {
    kind: 'create',
    path: [group, `service-${number % 40}`, `secret-${number}`],
    secretType: analysedTypeFromText(JSON.stringify(type)),
    secretValue: jsonOf(value),
  };
}

function jsonOf(value: unknown): JsonValue {
  return parseJson(JSON.stringify(value));
}
