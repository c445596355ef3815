// Set-up for development at the first start: an account, an application, an environment, a token and sample secrets.
import { randomUUID } from 'node:crypto';
import { chmod, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.js';
import { issueToken } from '../domain/access/token.js';
import type { Context } from '../domain/request/context.js';
import { EVERYTHING } from '../domain/request/grant.js';
import type { Services } from '../domain/request/services.js';
import { createAgentSecret } from '../domain/secrets/agent-secret-create.js';
import { type Account, createAccountAsOperator } from '../domain/tenancy/account.js';
import { createApplication, findByName as findApplication } from '../domain/tenancy/application.js';
import { createEnvironment, type Environment } from '../domain/tenancy/environment.js';
import { getEnvironmentAtPlace } from '../domain/tenancy/environment-at.js';
import { parseAnalysedType } from '../domain/types/analysed-type-parse.js';
import { AppError } from '../errors/errors.js';
import { newId } from '../ids/new-id.js';
import { uuidFrom } from '../ids/uuid.js';
import { parseJson } from '../json/parse.js';
import { makeFolder } from '../store/engine/folder.js';
import { findAccount, findAccounts } from '../store/tenancy/account.js';

/** The content of `development.json`. */
export interface DevelopmentFacts {
  url: string;
  graphqlUrl: string;
  token: string;
  accountId: string;
  applicationId: string;
  environmentId: string;
}

const ACCOUNT = 'development';
const APPLICATION = 'demo';
const ENVIRONMENT = 'dev';

const SAMPLES: { path: string[]; type: string; value?: string }[] = [
  { path: ['openai', 'api-key'], type: '{"type":"Str"}', value: '"sk-sample-0000"' },
  {
    path: ['database'],
    type: '{"type":"Record","fields":[{"name":"host","typ":{"type":"Str"}},{"name":"port","typ":{"type":"U16"}},{"name":"tls","typ":{"type":"Option","inner":{"type":"Bool"}}}]}',
    value: '{"host":"db.internal","port":5432,"tls":true}',
  },
  { path: ['limits', 'max-tokens'], type: '{"type":"U64"}', value: '18446744073709551615' },
  {
    path: ['feature', 'flags'],
    type: '{"type":"Flags","names":["tracing","retries","cache"]}',
    value: '["tracing","cache"]',
  },
  {
    path: ['mail', 'transport'],
    type: '{"type":"Variant","cases":[{"name":"smtp","typ":{"type":"Str"}},{"name":"log"}]}',
    value: '{"smtp":"smtp://localhost:25"}',
  },
  { path: ['webhook', 'secret'], type: '{"type":"Option","inner":{"type":"Str"}}' },
];

/**
 * Creates the missing parts of the development set-up and writes `development.json` (mode 0600) into the data folder.
 * Returns undefined and changes nothing in production, on a public address, and if the database has accounts but
 * `development.json` names none of them.
 */
export async function prepareDevelopment(
  { production, host, dataDir }: Config,
  services: Services,
  url: string,
): Promise<DevelopmentFacts | undefined> {
  if (production || !isLoopback(host)) return undefined;
  const { db, bearers } = services;
  const file = factsFile(dataDir);
  const owner = await findOrCreateAccount(services, file);
  if (!owner) return undefined;
  const accountId = owner.account.id;
  let token = owner.secret ?? (await readFacts(file)).token;
  if (!token || (await bearers.authenticate(token))?.accountId !== accountId) {
    token = (await issueToken(db, { accountId, name: 'development' })).secret;
  }
  const ctx: Context = {
    services,
    actor: { accountId, tokenId: null, isAdmin: true, grant: EVERYTHING },
    requestId: randomUUID(),
    door: 'operator',
  };
  const application = await findOrCreate(
    () => findApplication(ctx, APPLICATION),
    () => createApplication(ctx, { name: APPLICATION }),
  );
  const environment = await findOrCreate(
    () => findEnvironment(ctx, owner.account.name, application.name),
    () => createEnvironment(ctx, { applicationId: application.id, name: ENVIRONMENT }),
  );
  await createSamples(ctx, environment);
  const facts: DevelopmentFacts = {
    url,
    graphqlUrl: `${url}/graphql`,
    token,
    accountId,
    applicationId: application.id,
    environmentId: environment.id,
  };
  await replaceFile(file, facts);
  return facts;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export function factsFile(dataDir: string): string {
  return join(dataDir, 'development.json');
}

/**
 * Finds the account that `development.json` names. If the database has no accounts, creates it under an id that was
 * written to the file before. So a start after a crash in between finds its account again, and never takes another one
 * for it.
 */
async function findOrCreateAccount(
  { db }: Services,
  file: string,
): Promise<{ account: Account; secret?: string } | undefined> {
  async function find(id: string) {
    const account = await findAccount(db, id);
    return account && { account };
  }
  const { accountId } = await readFacts(file);
  const found = accountId === undefined ? undefined : await find(accountId);
  if (found || (await findAccounts(db, null, 1)).length > 0) return found;
  const id = accountId ?? (await reserveAccountId(file));
  try {
    return await findOrCreate(
      () => find(id),
      () => db.transaction((tx) => createAccountAsOperator(tx, { id, name: ACCOUNT, roles: ['admin'] })),
    );
  } catch (error) {
    // Another instance with a different data folder has created an account in the same database first.
    if (error instanceof AppError && error.code === 'ALREADY_EXISTS') return undefined;
    throw error;
  }
}

/** If another instance that starts at the same time creates it first, its result is used. */
async function findOrCreate<T>(find: () => Promise<T | undefined>, create: () => Promise<T>): Promise<T> {
  const found = await find();
  if (found !== undefined) return found;
  try {
    return await create();
  } catch (error) {
    const created = await find();
    if (created === undefined) throw error;
    return created;
  }
}

async function findEnvironment(ctx: Context, account: string, application: string): Promise<Environment | undefined> {
  try {
    return await getEnvironmentAtPlace(ctx, { account, application, name: ENVIRONMENT });
  } catch (error) {
    if (error instanceof AppError && error.code === 'ENVIRONMENT_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Each sample is one write, in order: the environment's revision tells how many exist after an interrupted start. */
async function createSamples(ctx: Context, environment: Environment): Promise<void> {
  for (const { path, type, value } of SAMPLES.slice(Number(environment.revision))) {
    try {
      await createAgentSecret(ctx, {
        environmentId: environment.id,
        path,
        secretType: parseAnalysedType(parseJson(type)),
        secretValue: value === undefined ? undefined : parseJson(value),
      });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'AGENT_SECRET_ALREADY_EXISTS') throw error;
    }
  }
}

/** The usable parts of the file; an empty object if it is missing or corrupt. */
async function readFacts(file: string): Promise<{ accountId?: string; token?: string }> {
  const read: unknown = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined);
  const { accountId, token } = (read ?? {}) as Record<string, unknown>;
  return {
    ...(typeof accountId === 'string' && uuidFrom(accountId) !== undefined ? { accountId } : {}),
    ...(typeof token === 'string' ? { token } : {}),
  };
}

/** Writes a new account id to the file. All instances on the same data folder get the same one. */
async function reserveAccountId(file: string): Promise<string> {
  const accountId = newId();
  const draft = await writeDraft(file, { accountId });
  try {
    await link(draft, file);
    return accountId;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const earlier = code === 'EEXIST' ? (await readFacts(file)).accountId : undefined;
    if (earlier !== undefined) return earlier;
    // The file is corrupt, or the file system does not support hard links.
    await replaceFile(file, { accountId });
    return accountId;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replaceFile(file: string, facts: Partial<DevelopmentFacts>): Promise<void> {
  await rename(await writeDraft(file, facts), file);
}

/** Writes a temporary file, to be renamed, so that readers never see a partial file or a wrong mode. */
async function writeDraft(file: string, facts: Partial<DevelopmentFacts>): Promise<string> {
  await makeFolder(dirname(file));
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  return draft;
}
