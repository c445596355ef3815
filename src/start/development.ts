// The first start in development: an account, an application, an environment, a token and secrets to look at.
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
import { getEnvironmentAt } from '../domain/tenancy/environment-at.js';
import { parseAnalysedType } from '../domain/types/analysed-type-parse.js';
import { AppError } from '../errors/errors.js';
import { newId } from '../ids/new-id.js';
import { uuidFrom } from '../ids/uuid.js';
import { parseJson } from '../json/parse.js';
import { makeFolder } from '../store/engine/folder.js';
import { findAccount, findAccounts } from '../store/tenancy/account.js';

/** What stands in `development.json`. */
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
 * Makes whatever of the development set-up is missing and writes `development.json` (0600) into the data folder.
 * Returns undefined, and changes nothing, in production, on a public address, and where accounts live of which
 * `development.json` names none.
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
 * The account that the folder names; on a database without any account it is made, under an id that the folder names
 * beforehand. So a start that is killed in between finds its account again, and nobody else's is ever taken for it.
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
  const id = accountId ?? (await claim(file));
  try {
    return await findOrCreate(
      () => find(id),
      () => db.transaction((tx) => createAccountAsOperator(tx, { id, name: ACCOUNT, roles: ['admin'] })),
    );
  } catch (error) {
    // Another instance, with a folder of its own, was faster.
    if (error instanceof AppError && error.code === 'ALREADY_EXISTS') return undefined;
    throw error;
  }
}

/** Another instance may start at the same moment and be first: then its thing is ours, too. */
async function findOrCreate<T>(find: () => Promise<T | undefined>, create: () => Promise<T>): Promise<T> {
  const found = await find();
  if (found !== undefined) return found;
  try {
    return await create();
  } catch (error) {
    const winner = await find();
    if (winner === undefined) throw error;
    return winner;
  }
}

async function findEnvironment(ctx: Context, account: string, application: string): Promise<Environment | undefined> {
  try {
    return await getEnvironmentAt(ctx, { account, application, name: ENVIRONMENT });
  } catch (error) {
    if (error instanceof AppError && error.code === 'ENVIRONMENT_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Each sample is one write, in order: the environment's revision tells where a start that was killed has stopped. */
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

/** What the file tells as far as it is usable; nothing when it is missing or spoilt. */
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

/** Chooses an account id and writes it down; of several instances on one folder all get the same one. */
async function claim(file: string): Promise<string> {
  const accountId = newId();
  const draft = await writeDraft(file, { accountId });
  try {
    await link(draft, file);
    return accountId;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const earlier = code === 'EEXIST' ? (await readFacts(file)).accountId : undefined;
    if (earlier !== undefined) return earlier;
    // Spoilt, or a file system without links.
    await replaceFile(file, { accountId });
    return accountId;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replaceFile(file: string, facts: Partial<DevelopmentFacts>): Promise<void> {
  await rename(await writeDraft(file, facts), file);
}

/** Under another name first: a reader never sees half of it, and the mode is right from the beginning. */
async function writeDraft(file: string, facts: Partial<DevelopmentFacts>): Promise<string> {
  await makeFolder(dirname(file));
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  return draft;
}
