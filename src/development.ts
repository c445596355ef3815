// The first start in development: an account, an application, an environment, a token and secrets to look at.
import { randomUUID } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createAccountAsOperator } from './domain/account.js';
import { createAgentSecret } from './domain/agent-secret-write.js';
import { parseAnalysedType } from './domain/analysed-type-parse.js';
import { createApplication, listApplications } from './domain/application.js';
import type { Context, Services } from './domain/context.js';
import { createEnvironment, type Environment, listEnvironments } from './domain/environment.js';
import { issueToken } from './domain/token.js';
import { AppError } from './errors.js';
import { parseJson } from './json-parser.js';
import { findAccountByName, findAccounts } from './store/account.js';
import { makeFolder } from './store/folder.js';

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
 * Returns undefined, and changes nothing, where somebody else's accounts already live.
 */
export async function prepareDevelopment(
  services: Services,
  dataDir: string,
  url: string,
): Promise<DevelopmentFacts | undefined> {
  const file = join(dataDir, 'development.json');
  const earlier = await readFacts(file);
  const owner = await findOrCreateAccount(services);
  if (!owner) return undefined;
  const { accountId } = owner;
  let token = owner.token ?? earlier?.token;
  if (!token || (await services.bearers.authenticate(token))?.accountId !== accountId) {
    token = (await issueToken(services.db, { accountId, name: 'development' })).secret;
  }
  const ctx: Context = {
    services,
    actor: { accountId, tokenId: null, isAdmin: true },
    requestId: randomUUID(),
    door: 'operator',
  };
  const application = await findOrCreate(
    async () => nodeNamed(APPLICATION, await listApplications(ctx, {})),
    () => createApplication(ctx, { name: APPLICATION }),
  );
  const environment = await findOrCreate(
    async () => nodeNamed(ENVIRONMENT, await listEnvironments(ctx, application, {})),
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
  await writeFacts(file, facts);
  return facts;
}

/** Undefined where there are accounts, but not ours. A token comes with an account that has just been made. */
async function findOrCreateAccount({ db }: Services): Promise<{ accountId: string; token?: string } | undefined> {
  const find = async (): Promise<{ accountId: string; token?: string } | undefined> => {
    const account = await findAccountByName(db, ACCOUNT);
    return account && { accountId: account.id };
  };
  if (!(await find()) && (await findAccounts(db, null, 1)).length > 0) return undefined;
  return findOrCreate(find, async () => {
    const { account, secret } = await db.transaction((tx) =>
      createAccountAsOperator(tx, { name: ACCOUNT, roles: ['admin'] }),
    );
    return { accountId: account.id, token: secret };
  });
}

/** Another instance may start at the same moment and be first: then its thing is ours, too. */
async function findOrCreate<T>(find: () => Promise<T | undefined>, create: () => Promise<T>): Promise<T> {
  const found = await find();
  if (found !== undefined) return found;
  try {
    return await create();
  } catch (error) {
    const winner = error instanceof AppError && error.code === 'ALREADY_EXISTS' ? await find() : undefined;
    if (winner === undefined) throw error;
    return winner;
  }
}

function nodeNamed<T extends { name: string }>(name: string, page: { edges: { node: T }[] }): T | undefined {
  return page.edges.find(({ node }) => node.name === name)?.node;
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

async function readFacts(file: string): Promise<Partial<DevelopmentFacts> | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Partial<DevelopmentFacts>;
  } catch {
    // Missing or spoilt: it is written anew.
    return undefined;
  }
}

/** Under another name first: a reader never sees half of it, and the mode is right from the beginning. */
async function writeFacts(file: string, facts: DevelopmentFacts): Promise<void> {
  await makeFolder(dirname(file));
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
}
