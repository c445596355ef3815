// The log at work through the GraphQL door: history, going back, erasing, change sets, environments as they were.
import type { TestApp } from '../app.js';
import { ask, type GraphQLAnswer, graphql } from './client.js';
import { type Refused, type Secret, WRITE_RESULT } from './secrets.js';

type Counter = number | bigint;

export interface ChangeSet {
  __typename: 'AgentSecretChangeSet';
  applied: boolean;
  environmentRevision: Counter;
  results: (Secret | Refused)[];
}

/** One write in a secret's history. */
export interface Revision {
  revision: Counter;
  environmentRevision: Counter;
  change: string;
  at: string;
  by: { id: string };
  destroyedRevision: Counter | null;
  valueState: string;
}

/** What a mutation answers that takes no value. */
const OLD_RESULT = WRITE_RESULT.replace(/.*ValueTypeMismatch.*/, '');

const RESTORE = `mutation ($input: RestoreAgentSecretInput!) { restoreAgentSecret(input: $input) { ${OLD_RESULT} } }`;
const DESTROY = `mutation ($input: DestroyAgentSecretRevisionInput!) {
  destroyAgentSecretRevision(input: $input) { ${OLD_RESULT} }
}`;
const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) {
  applyAgentSecretChanges(input: $input) {
    __typename
    ... on AgentSecretChangeSet { applied environmentRevision results { ${WRITE_RESULT} } }
    ... on Refusal { code message }
    ... on InvalidRequest { problems }
    ... on ConcurrentUpdate { currentRevision }
  }
}`;

export async function restoreSecret(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return (await ask(app, token, RESTORE, { input })).restoreAgentSecret;
}

export async function destroyRevision(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return (await ask(app, token, DESTROY, { input })).destroyAgentSecretRevision;
}

export async function applyChanges(app: TestApp, token: string, input: object): Promise<ChangeSet | Refused> {
  return (await ask(app, token, APPLY, { input })).applyAgentSecretChanges;
}

/** A change set that is answered item by item; throws when it is refused as a whole. */
export async function changeSet(app: TestApp, token: string, input: object): Promise<ChangeSet> {
  const result = await applyChanges(app, token, input);
  if (result.__typename === 'AgentSecretChangeSet') return result as ChangeSet;
  throw new Error(`refused: ${JSON.stringify(result)}`);
}

/** What became of each change: `OK`, or the code of its refusal. */
export function codesOf({ results }: ChangeSet): string[] {
  return results.map((result) => ('code' in result ? result.code : 'OK'));
}

const REVISION = 'revision environmentRevision change at by { id } destroyedRevision valueState';

/** A secret's history in one page, newest first, read from its last revision on. */
export async function historyOf(app: TestApp, token: string, id: string, revision: Counter): Promise<Revision[]> {
  const document = `query ($id: UUID!, $revision: Revision) {
    agentSecret(id: $id, revision: $revision) { revisions(first: 200) { edges { node { ${REVISION} } } } }
  }`;
  const { agentSecret } = await ask(app, token, document, { id, revision });
  return agentSecret.revisions.edges.map(({ node }: { node: Revision }) => node);
}

/** The secret as a revision left it: its value, or why there is none. */
export function secretAt(
  app: TestApp,
  token: string | undefined,
  id: string,
  revision: Counter,
): Promise<GraphQLAnswer<{ agentSecret: any }>> {
  const document = `query ($id: UUID!, $revision: Revision) {
    agentSecret(id: $id, revision: $revision) { id pathText revision valueState secretValue secretValueText deletedAt }
  }`;
  return graphql(app, token, document, { id, revision });
}

/** Rows of the database itself, on either one. */
export function rowsOf(app: TestApp, text: string, parameters: unknown[] = []): Promise<Record<string, any>[]> {
  return app.services.db.rows({ text, parameters: () => parameters, decode: (row) => row }, {});
}

/** The same as a template, for the audit of a log. */
export function queryOf(app: TestApp) {
  return (text: TemplateStringsArray, ...values: string[]) =>
    rowsOf(
      app,
      text.reduce((sql, part, at) => `${sql}$${at}${part}`),
      values,
    );
}
