// Defines the operations that run on a filled database in REST and GraphQL, to learn which statements the service runs.
import { randomUUID } from 'node:crypto';

/** These functions call the APIs. All of them reject when the answer is an error. */
export interface Call {
  graphql(query: string, variables?: object): Promise<unknown>;
  rest(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<unknown>;
  firstEvent(query: string, variables: object): Promise<void>;
}

interface Existing {
  id: string;
  revision: number;
}

/** A place in a filled database. */
export interface Place {
  environmentId: string;
  applicationId: string;
  accountId: string;
  /** These names lead to the environment. */
  names: { account: string; application: string; name: string };
  /** Current secrets in the order of their paths, from the middle of the environment. Each one is used for one operation. */
  secrets: readonly { id: string; path: string; revision: number }[];
  /** Another environment of the account with two of its secrets, because an update after a read does not read again. */
  elsewhere: { environmentId: string; read: Existing; updated: Existing };
}

const FIELDS = 'id environmentId path revision secretType secretValue';
const VALUE = { type: { type: 'Str' }, value: 'sk-0000' };

export interface Operation {
  name: string;
  /** The cost of such an operation must not grow with the database. The plans of all others are checked in the same way. */
  isMeasured?: boolean;
  run(call: Call, place: Place): Promise<unknown>;
}

const inEnvironment = (name: string, selection: string, arguments_ = ''): Operation => ({
  name,
  run: (call, { environmentId: id }) =>
    call.graphql(`query ($id: UUID!) { environment(id: $id${arguments_}) { ${selection} } }`, { id }),
});
const list = (name: string, arguments_: string, at = ''): Operation =>
  inEnvironment(name, `agentSecrets(${arguments_}) { edges { cursor node { ${FIELDS} } } }`, at);

const change = (name: string, take: number, input: (secret: Place['secrets'][number]) => object): Operation => ({
  name,
  run: (call, { environmentId, secrets }) =>
    call.graphql(
      `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
        ... on ApplyAgentSecretChangesPayload { applied } ... on Refusal { code message } } }`,
      { input: { environmentId, changes: [input(secrets[take] as Place['secrets'][number])] } },
    ),
});

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'read by id',
    isMeasured: true,
    run: (call, { secrets: [secret] }) => call.rest('GET', `/v1/agent-secrets/${secret?.id}`),
  },
  {
    name: 'a page after a cursor',
    isMeasured: true,
    async run(call, { environmentId: id }) {
      const document = `query ($id: UUID!, $first: Int!, $after: String) { environment(id: $id) {
        agentSecrets(first: $first, after: $after) { edges { node { ${FIELDS} } } pageInfo { endCursor } } } }`;
      const page: any = await call.graphql(document, { id, first: 5 });
      await call.graphql(document, { id, first: 100, after: page.environment.agentSecrets.pageInfo.endCursor });
    },
  },
  {
    name: 'create',
    isMeasured: true,
    run: (call, { environmentId }) =>
      call.rest('POST', `/v1/envs/${environmentId}/agent-secrets`, {
        path: ['plans', randomUUID()],
        secretType: VALUE.type,
        secretValue: VALUE.value,
      }),
  },
  {
    name: 'update',
    isMeasured: true,
    run: (call, { secrets: [secret] }) =>
      call.rest('PATCH', `/v1/agent-secrets/${secret?.id}`, {
        currentRevision: secret?.revision,
        secretValue: { op: 'unset' },
      }),
  },
  {
    name: 'update with an idempotency key',
    run: (call, { secrets: [, secret] }) =>
      call.rest(
        'PATCH',
        `/v1/agent-secrets/${secret?.id}`,
        { currentRevision: secret?.revision, secretValue: { op: 'unset' } },
        { 'idempotency-key': randomUUID() },
      ),
  },
  {
    name: 'reads by id at once',
    isMeasured: true,
    run: (call, { secrets: [one], elsewhere: { read } }) =>
      Promise.all([one, read].map((each) => call.rest('GET', `/v1/agent-secrets/${each?.id}`))),
  },
  {
    name: 'environments at once',
    run: (call, { environmentId, elsewhere }) =>
      Promise.all(
        [environmentId, elsewhere.environmentId].map((id) =>
          call.graphql('query ($id: UUID!) { environment(id: $id) { name } }', { id }),
        ),
      ),
  },
  {
    name: 'updates at once',
    isMeasured: true,
    run: (call, { secrets: [, , , , , one], elsewhere: { updated } }) =>
      Promise.all(
        [one, updated].map((each) =>
          call.rest('PATCH', `/v1/agent-secrets/${each?.id}`, {
            currentRevision: each?.revision,
            secretValue: { op: 'unset' },
          }),
        ),
      ),
  },
  {
    name: 'creations at once',
    isMeasured: true,
    run: (call, { environmentId, elsewhere }) =>
      Promise.all(
        [environmentId, elsewhere.environmentId].map((id) =>
          call.rest('POST', `/v1/envs/${id}/agent-secrets`, {
            path: ['plans', randomUUID()],
            secretType: VALUE.type,
            secretValue: VALUE.value,
          }),
        ),
      ),
  },
  {
    name: 'delete',
    run: (call, { secrets: [, , secret] }) =>
      call.rest('DELETE', `/v1/agent-secret/${secret?.id}?current_revision=${secret?.revision}`),
  },
  {
    name: 'create a path that is taken',
    run: (call, { environmentId, secrets: [secret] }) =>
      call.rest('POST', `/v1/envs/${environmentId}/agent-secrets`, {
        path: secret?.path.split('.'),
        secretType: VALUE.type,
        secretValue: null,
      }),
  },
  change('a change set', 3, ({ id, revision: currentRevision }) => ({
    update: { id, currentRevision, secretValue: { op: 'UNSET' } },
  })),
  change('a change set that restores', 4, ({ id, revision: currentRevision }) => ({
    restore: { id, currentRevision, toRevision: 0 },
  })),
  change('a change set that creates', 0, () => ({
    create: { path: ['plans', randomUUID()], secretType: VALUE.type, secretValue: VALUE.value },
  })),
  {
    name: 'the whole list',
    run: (call, { environmentId }) => call.rest('GET', `/v1/envs/${environmentId}/agent-secrets`),
  },
  list('the last page', 'last: 100'),
  list('a page below a path', 'first: 100, filter: { pathPrefix: "current.service7" }'),
  list('a page of secrets without a value', 'first: 100, filter: { hasValue: false }'),
  list('a page of some types', 'first: 100, filter: { typeKinds: [Str, U64] }'),
  list('a page of the lately updated', 'first: 100, filter: { updatedSince: "2020-01-01T00:00:00Z" }'),
  list('a page by the time of the update', 'first: 100, orderBy: { field: UPDATED_AT, direction: DESC }'),
  list('a page by the time of the creation', 'first: 100, orderBy: { field: CREATED_AT }'),
  list('a page of deleted ones', 'first: 100, filter: { deleted: true }'),
  inEnvironment(
    'a page of the past',
    'snapshot(revision: 500) { agentSecrets(first: 100) { edges { node { pathText revision secretValue } } } }',
  ),
  inEnvironment('a count', 'agentSecrets(first: 1) { totalCount }'),
  inEnvironment('a count in the past', 'snapshot(revision: 500) { agentSecrets(first: 1) { totalCount } }'),
  inEnvironment('all of the past', 'snapshot(revision: 500) { allAgentSecrets { id revision } }'),
  inEnvironment('shares', 'shares(first: 10) { edges { node { id } } }'),
  inEnvironment('usage', 'usage { agentSecrets { used limit } }'),
  inEnvironment('records of opened values', 'reads(first: 50) { edges { node { at } } }'),
  {
    name: 'records of one secret',
    run: (call, { environmentId: id, secrets: [secret] }) =>
      call.graphql(
        `query ($id: UUID!, $filter: SecretReadFilter) { environment(id: $id) {
          reads(first: 50, filter: $filter) { edges { node { at } } } } }`,
        { id, filter: { agentSecretId: secret?.id } },
      ),
  },
  {
    name: 'a secret by its path, when it was last read, and its history',
    run: (call, { environmentId: id, secrets: [secret] }) =>
      call.graphql(
        `query ($id: UUID!, $path: String!) { environment(id: $id) { agentSecret(pathText: $path) { lastReadAt
          updatedBy { name } revisions(first: 20) { edges { node { change secretValue by { name } } } } } } }`,
        { id, path: secret?.path },
      ),
  },
  {
    name: 'a secret at a revision',
    run: (call, { secrets: [, secret] }) =>
      call.graphql('query ($id: UUID!) { agentSecretRevision(id: $id, revision: 0) { path secretValue } }', {
        id: secret?.id,
      }),
  },
  {
    name: 'several nodes',
    run: (call, { environmentId, applicationId, accountId, secrets }) =>
      call.graphql('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
        ids: [...secrets.slice(0, 2).map(({ id }) => id), environmentId, applicationId, accountId],
      }),
  },
  {
    name: 'an environment by its names',
    run: (call, { names }) =>
      call.graphql(
        `query ($account: String!, $application: String!, $name: String!) {
          environment(account: $account, application: $application, name: $name) { id owner { name } } }`,
        names,
      ),
  },
  {
    name: 'what an account has',
    run: (call) =>
      call.graphql(`{ viewer { environmentUsage { used } applications(first: 10) { edges { node { name
        environments(first: 20, after: null) { edges { node { name myRoles } } } } } }
        tokens(first: 10) { edges { node { name } } } sharedEnvironments(first: 10) { edges { node { name } } } } }`),
  },
  {
    name: 'the change feed',
    run: (call, { environmentId: id }) =>
      call.firstEvent(
        'subscription ($id: UUID!) { agentSecretChanges(environmentId: $id, after: 0) { changes { change } } }',
        { id },
      ),
  },
];
