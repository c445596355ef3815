// Tokens that may do a part of what their account may, and for every root field what it asks of them.
import type { TestApp } from './app.js';
import { ask, graphql } from './graphql.js';
import { ACCESS_CASES, type AccessCase, outcomeFor } from './graphql-access.js';
import { createSecret, done, updateSecret } from './graphql-secrets.js';
import { unique, type World } from './world.js';

export const ALL_SCOPES = ['METADATA', 'REVEAL', 'WRITE', 'ADMIN'] as const;
export type Scope = (typeof ALL_SCOPES)[number];

/** Every scope alone, all but each, and all. */
export const SCOPE_SETS: readonly (readonly Scope[])[] = [
  ...ALL_SCOPES.map((scope) => [scope]),
  ...ALL_SCOPES.map((scope) => ALL_SCOPES.filter((other) => other !== scope)),
  ALL_SCOPES,
];

export interface Limits {
  scopes?: readonly Scope[];
  environmentId?: string;
  pathPrefixes?: string[];
  expiresAt?: string;
}

/** What `createToken` answers a caller: the new token, a refusal, or the code of an error. */
export async function createTokenAs(app: TestApp, token: string, limits: Limits): Promise<any> {
  const document = `mutation ($input: CreateTokenInput!) {
    createToken(input: $input) {
      ... on CreatedToken { secret token { id scopes environmentId pathPrefixes expiresAt } } ... on Refusal { code message }
    }
  }`;
  const { data, errors } = await graphql<any>(app, token, document, { input: { name: 'limited', ...limits } });
  return errors ? { code: errors[0]?.extensions.code } : data.createToken;
}

/** The secret of a token that the account of `token` makes for itself. */
export async function tokenWith(app: TestApp, token: string, limits: Limits): Promise<string> {
  const created = await createTokenAs(app, token, limits);
  if (!created.secret) throw new Error(`no token: ${JSON.stringify(created)}`);
  return created.secret;
}

async function updatedSecret(app: TestApp, { people, environmentId }: World) {
  const input = { environmentId, path: [unique('secret')], secretType: { type: 'Str' }, secretValue: 'a value' };
  const { id } = await done(createSecret(app, people.owner.token, input));
  const secretValue = { op: 'SET', value: 'another' };
  await done(updateSecret(app, people.owner.token, { id, currentRevision: 0, secretValue }));
  return { id };
}

const write = (field: string, input: string, variables: AccessCase['variables']): AccessCase => {
  const names = input.includes('$name') ? '$id: UUID!, $name: String!' : '$id: UUID!';
  return {
    name: `Mutation.${field}`,
    document: `mutation (${names}) { ${field}(input: { ${input} }) { __typename ... on Refusal { code message } } }`,
    variables,
    outcomes: { owner: 'ok', others: 'AGENT_SECRET_NOT_FOUND' },
  };
};

const LOG_CASES: AccessCase[] = [
  {
    ...write(
      'applyAgentSecretChanges',
      'environmentId: $id, changes: [{ create: { path: [$name], secretType: { type: "Str" } } }]',
      (_, { environmentId }) => ({ id: environmentId, name: unique('name') }),
    ),
    outcomes: { owner: 'ok', others: 'ENVIRONMENT_NOT_FOUND' },
  },
  write('restoreAgentSecret', 'id: $id, toRevision: 0, currentRevision: 1', updatedSecret),
  write('destroyAgentSecretRevision', 'id: $id, revision: 0, currentRevision: 1', updatedSecret),
  {
    name: 'Subscription.agentSecretChanges',
    document: `subscription ($id: UUID!) { agentSecretChanges(environmentId: $id, after: 0) { environmentRevision } }`,
    async variables(app, world) {
      await updatedSecret(app, world);
      return { id: world.environmentId };
    },
    outcomes: { owner: 'ok', others: 'ENVIRONMENT_NOT_FOUND' },
  },
];

const fieldOf = ({ name }: AccessCase) => name.split(' ')[0] as string;
const known = new Set(ACCESS_CASES.map(fieldOf));
/** One way or more to call each root field. */
export const ROOT_CASES = [...ACCESS_CASES, ...LOG_CASES.filter((one) => !known.has(fieldOf(one)))];

const SECRET_WRITES = /^Mutation\.(create|update|delete|restore|apply|destroy)AgentSecret/;

/** The scope that a root field asks for; undefined for a field that nobody has decided about. */
export function scopeOf(field: string): Scope | undefined {
  if (SECRET_WRITES.test(field)) return 'WRITE';
  return FIELD_SCOPES[field];
}

const FIELD_SCOPES: Record<string, Scope> = {
  'Query.viewer': 'METADATA',
  'Query.account': 'METADATA',
  'Query.accounts': 'METADATA',
  'Query.plans': 'METADATA',
  'Query.environment': 'METADATA',
  'Query.agentSecret': 'METADATA',
  'Query.node': 'METADATA',
  'Query.nodes': 'METADATA',
  'Subscription.agentSecretChanges': 'METADATA',
  'Mutation.createAccount': 'ADMIN',
  'Mutation.updateAccount': 'ADMIN',
  'Mutation.deleteAccount': 'ADMIN',
  'Mutation.createPlan': 'ADMIN',
  'Mutation.updatePlan': 'ADMIN',
  'Mutation.deletePlan': 'ADMIN',
  'Mutation.createToken': 'ADMIN',
  'Mutation.revokeToken': 'ADMIN',
  'Mutation.createApplication': 'ADMIN',
  'Mutation.updateApplication': 'ADMIN',
  'Mutation.deleteApplication': 'ADMIN',
  'Mutation.createEnvironment': 'ADMIN',
  'Mutation.updateEnvironment': 'ADMIN',
  'Mutation.deleteEnvironment': 'ADMIN',
  'Mutation.createEnvironmentShare': 'ADMIN',
  'Mutation.updateEnvironmentShare': 'ADMIN',
  'Mutation.deleteEnvironmentShare': 'ADMIN',
};

/** Whose tokens are limited: the account that may do it with all it has. */
export function permitted(accessCase: AccessCase): 'owner' | 'operator' {
  return outcomeFor(accessCase, 'owner') === 'ok' ? 'owner' : 'operator';
}

/** `ok`, `null`, or the code of the error or refusal; of a subscription, whatever comes first. */
export async function call(app: TestApp, token: string, document: string, variables: object): Promise<string> {
  if (document.startsWith('subscription')) return firstOf(app, token, document, variables);
  const { data, errors } = await graphql<any>(app, token, document, variables);
  if (errors) return errors[0]?.extensions.code ?? 'no code';
  const [result] = Object.values<any>(data).flat();
  return result === null ? 'null' : (result.code ?? 'ok');
}

async function firstOf(app: TestApp, token: string, query: string, variables: object): Promise<string> {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query, variables });
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  for (let text = ''; ; ) {
    const { done: isOver, value } = await reader.read();
    if (value) text += decoder.decode(value, { stream: true });
    const data = /^data: (.+)$/m.exec(text)?.[1];
    if (data === undefined && !isOver) continue;
    await reader.cancel();
    return data === undefined ? 'nothing' : (JSON.parse(data).errors?.[0].extensions.code ?? 'ok');
  }
}

/** The caller's own token as `node` shows it, with what it is good for. */
export async function tokensOf(app: TestApp, token: string): Promise<any[]> {
  const document = '{ viewer { tokens { edges { node { id name scopes environmentId pathPrefixes lastUsedAt } } } } }';
  return (await ask(app, token, document)).viewer.tokens.edges.map(({ node }: any) => node);
}
