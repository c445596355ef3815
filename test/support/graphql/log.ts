// Uses the log through the GraphQL API: history, restoring, destroying, change sets, and past states of environments.
import type { TestApp } from '../app.js';
import { ask, type GraphQLAnswer, graphql } from './client.js';
import { type Refused, type Secret, STATE_FIELDS, WRITE_RESULT, writtenIn } from './secrets.js';

type Counter = number | bigint;

/** A revision that a change has made, with the id of its secret; or a secret as it would be, without one. */
export type Result = Omit<Secret, '__typename' | 'id' | 'createdAt' | 'updatedAt'> & {
  __typename: 'AgentSecretRevision' | 'PlannedAgentSecret';
  id?: string;
};

export interface ChangeSet {
  __typename: 'ApplyAgentSecretChangesPayload';
  applied: boolean;
  environmentRevision: Counter;
  results: (Result | Refused)[];
}

/** One write in the history of a secret. */
export interface Revision {
  revision: Counter;
  environmentRevision: Counter;
  change: string;
  at: string;
  by: { accountId: string };
  destroyedRevision: Counter | null;
  valueState: string;
}

/** Selects the answer of a mutation that takes no value. */
const OLD_RESULT = WRITE_RESULT.replace(/.*ValueTypeMismatch.*/, '');

/** Selects the answer to a change of a set. */
const CHANGE_RESULT = WRITE_RESULT.replace(
  /.*AgentSecretPayload.*/,
  `  ... on AgentSecretState { ${STATE_FIELDS} } ... on AgentSecretRevision { id: agentSecretId }`,
);

const RESTORE = `mutation ($input: RestoreAgentSecretInput!) { restoreAgentSecret(input: $input) { ${OLD_RESULT} } }`;
const DESTROY = `mutation ($input: DestroyAgentSecretRevisionInput!) {
  destroyAgentSecretRevision(input: $input) { ${OLD_RESULT} }
}`;
const APPLY = `mutation ($input: ApplyAgentSecretChangesInput!) {
  applyAgentSecretChanges(input: $input) {
    __typename
    ... on ApplyAgentSecretChangesPayload { applied environmentRevision results { ${CHANGE_RESULT} } }
    ... on Refusal { code message }
    ... on InvalidRequest { problems }
    ... on ConcurrentUpdate { currentRevision }
  }
}`;

export async function restoreSecret(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return writtenIn((await ask(app, token, RESTORE, { input })).restoreAgentSecret);
}

export async function destroyRevision(app: TestApp, token: string, input: object): Promise<Secret | Refused> {
  return writtenIn((await ask(app, token, DESTROY, { input })).destroyAgentSecretRevision);
}

export async function applyChanges(app: TestApp, token: string, input: object): Promise<ChangeSet | Refused> {
  return (await ask(app, token, APPLY, { input })).applyAgentSecretChanges;
}

/** Applies a change set and returns the answer to each change. It throws when the set is refused as a whole. */
export async function changeSet(app: TestApp, token: string, input: object): Promise<ChangeSet> {
  const result = await applyChanges(app, token, input);
  if (result.__typename === 'ApplyAgentSecretChangesPayload') return result as ChangeSet;
  throw new Error(`refused: ${JSON.stringify(result)}`);
}

/** Returns `OK` or the code of the refusal for each change. */
export function codesOf({ results }: ChangeSet): string[] {
  return results.map((result) => ('code' in result ? result.code : 'OK'));
}

const REVISION = 'revision environmentRevision change at by { accountId } destroyedRevision valueState';

/** Returns the history of a secret in one page, newest first, beginning with its last revision. */
export async function historyOf(app: TestApp, token: string, id: string, revision: Counter): Promise<Revision[]> {
  const document = `query ($id: UUID!, $revision: Revision!) {
    agentSecretRevision(id: $id, revision: $revision) { revisions(first: 200) { edges { node { ${REVISION} } } } }
  }`;
  const { agentSecretRevision } = await ask(app, token, document, { id, revision });
  return agentSecretRevision.revisions.edges.map(({ node }: { node: Revision }) => node);
}

/** Returns the secret at a revision, with its value or the reason why there is none. */
export function secretAt(
  app: TestApp,
  token: string | undefined,
  id: string,
  revision: Counter,
): Promise<GraphQLAnswer<{ agentSecretRevision: any }>> {
  const document = `query ($id: UUID!, $revision: Revision!) {
    agentSecretRevision(id: $id, revision: $revision) { agentSecretId pathText revision valueState secretValue secretValueText deletedAt }
  }`;
  return graphql(app, token, document, { id, revision });
}

/** What a selection shows of an environment: as it is, or as it was after a revision. */
export async function environmentAt(
  app: TestApp,
  token: string,
  id: string,
  selection: string,
  at: Counter | null = null,
): Promise<any> {
  const shown = at === null ? selection : `snapshot(revision: ${at}) { ${selection} }`;
  const { environment } = await ask(app, token, `query ($id: UUID) { environment(id: $id) { ${shown} } }`, { id });
  return at === null ? environment : environment.snapshot;
}

/** Reads rows directly from the database, which may be of either kind. */
export function rowsOf(app: TestApp, text: string, parameters: unknown[] = []): Promise<Record<string, any>[]> {
  return app.services.db.rows({ text, parameters: () => parameters, decode: (row) => row }, {});
}

/** Offers the same as a template function, for the audit of a log. */
export function queryOf(app: TestApp) {
  return (text: TemplateStringsArray, ...values: string[]) =>
    rowsOf(
      app,
      text.reduce((sql, part, at) => `${sql}$${at}${part}`),
      values,
    );
}
