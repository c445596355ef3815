// Tokens that may do a part of what their account may, and for every root field what it asks of them.
import type { TestApp } from '../app.js';
import { ACCESS_CASES, type AccessCase, outcomeFor } from './access-cases.js';
import { ask, firstEvent, graphql } from './client.js';

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
      ... on CreateTokenPayload { secret token { id scopes environmentId pathPrefixes expiresAt } } ... on Refusal { code message }
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

/** One way or more to call each root field, for an account that may. */
export const ROOT_CASES = ACCESS_CASES.filter((one) => outcomeFor(one, permitted(one)) === 'ok');

const SECRET_WRITES = /^Mutation\.(create|update|delete|restore|apply|destroy)AgentSecret/;

/** The scope that a root field asks for; undefined for a field that nobody has decided about. */
export function scopeOf(field: string): Scope | undefined {
  return SECRET_WRITES.test(field) ? 'WRITE' : FIELD_SCOPES[field];
}

/** The scope that a case asks for: that of its field, or what it takes to be shown the values it selects. */
export function scopeOfCase({ name, document }: AccessCase): Scope | undefined {
  return /\bsecretValue \}/.test(document) ? 'REVEAL' : scopeOf(name.split(' ')[0] as string);
}

const FIELD_SCOPES: Record<string, Scope> = {
  'Query.viewer': 'METADATA',
  'Query.account': 'METADATA',
  'Query.accounts': 'METADATA',
  'Query.plans': 'METADATA',
  'Query.environment': 'METADATA',
  'Query.agentSecret': 'METADATA',
  'Query.agentSecretRevision': 'METADATA',
  'Query.application': 'METADATA',
  'Query.currentToken': 'METADATA',
  'Query.visibleEnvironments': 'METADATA',
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
  const send = document.startsWith('subscription') ? firstEvent : graphql;
  const { data, errors } = await send<any>(app, token, document, variables);
  if (errors) return errors[0]?.extensions.code ?? 'no code';
  const [result] = Object.values<any>(data).flat();
  return result === null ? 'null' : (result.code ?? 'ok');
}

/** The tokens that the caller may know of. */
export async function tokensOf(app: TestApp, token: string): Promise<any[]> {
  const document = '{ viewer { tokens { edges { node { id name scopes environmentId pathPrefixes lastUsedAt } } } } }';
  return (await ask(app, token, document)).viewer.tokens.edges.map(({ node }: any) => node);
}
