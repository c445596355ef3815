// Example requests and responses over the life of one secret, for the OpenAPI document and /docs. A test executes them.

export const EXAMPLE_IDS = {
  environment_id: '019a1f6e-3c5b-7d21-8f10-5b2a9c4e7d01',
  agent_secret_id: '019a1f6e-52aa-7c3f-9d04-1e8b6f2a4c02',
  account_id: '019a1f6e-1b7d-7e55-8c1a-9d3f5a6b7c03',
  application_id: '019a1f6e-2f04-7a90-b6d3-4c8e1a7f9d05',
  application_name: 'shop',
  environment_name: 'prod',
};

const SECRET_TYPE = {
  type: 'Record',
  fields: [
    { name: 'host', typ: { type: 'Str' } },
    { name: 'port', typ: { type: 'U16' } },
    { name: 'tls', typ: { type: 'Option', inner: { type: 'Bool' } } },
  ],
};

const CREATED = { host: 'db.internal', port: 5432, tls: null };
const UPDATED = { host: 'db.internal', port: 6432, tls: true };

function secret(revision: number, secretValue: object | null) {
  return {
    id: EXAMPLE_IDS.agent_secret_id,
    environmentId: EXAMPLE_IDS.environment_id,
    path: ['payments', 'mainDb'],
    revision,
    secretType: SECRET_TYPE,
    secretValue,
  };
}

export interface Example {
  request?: object;
  query?: Record<string, number | string>;
  /** Text if the response is not JSON. */
  response: object | string;
}

/** The update as an event of the stream. */
export const CHANGES = {
  environmentRevision: 2,
  changes: [
    {
      id: EXAMPLE_IDS.agent_secret_id,
      path: ['payments', 'mainDb'],
      change: 'updated',
      environmentRevision: 2,
      revision: 1,
      at: '2026-07-01T12:00:00.000Z',
      valueState: 'present',
      by: EXAMPLE_IDS.account_id,
    },
  ],
};

/** Keyed by operation, in the order in which the test executes them. */
export const EXAMPLES = {
  create_agent_secret: {
    request: {
      path: ['payments', 'main-db'],
      secretType: SECRET_TYPE,
      secretValue: { host: 'db.internal', port: 5432 },
    },
    response: secret(0, CREATED),
  },
  list_environment_agent_secrets: { response: { values: [secret(0, CREATED)] } },
  get_agent_secret: { response: secret(0, CREATED) },
  update_agent_secret: {
    request: { currentRevision: 0, secretValue: { op: 'set', value: UPDATED } },
    response: secret(1, UPDATED),
  },
  watch_environment_agent_secrets: {
    query: { after: 1 },
    response: `: open\n\nid: 2-6f1c0d9a4b7e2358\ndata: ${JSON.stringify(CHANGES)}\n\n`,
  },
  delete_agent_secret: { query: { current_revision: 1 }, response: secret(2, null) },
} satisfies Record<string, Example>;
