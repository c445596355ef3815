// The example operations in GraphiQL's tabs, and the variables that fit the reader's environment.
import { parse } from 'graphql';
import { APPLY, AS_OF, HISTORY, RESTORE, WATCH } from './log-examples.js';

export interface ExampleTab {
  query: string;
  /** JSON text for the variables editor. */
  variables?: string;
}

/** Placeholder for ids that are unknown to the service and must be filled in by the reader. */
const PLACEHOLDER_ID = '00000000-0000-0000-0000-000000000000';

const WELCOME = `# Who am I, and what may I do here?
# Run it: the pink button, or Ctrl-Enter.
#
# AUTH_UNAUTHORIZED? Put your token under
# Headers: {"authorization": "Bearer ..."}
# Zeros under Variables? Replace them by
# the id of your environment.
query Welcome($environmentId: UUID!) {
  viewer {
    id
    name
  }
  environment(id: $environmentId) {
    id
    name
    revision
    myRoles
    agentSecrets(first: 5) {
      totalCount
    }
  }
}
`;

const CREATE = `# Create a secret. Its type is declared
# once, and every value it ever gets is
# checked against that type.
# Refusals are data, too: run it twice to
# see one.
mutation CreateSecret(
  $input: CreateAgentSecretInput!
) {
  createAgentSecret(input: $input) {
    __typename
    ... on AgentSecretPayload {
      agentSecret {
        id
        pathText
        revision
      }
    }
    ... on Refusal {
      code
      message
    }
  }
}
`;

const LIST = `# List an environment's secrets, page by
# page. A list never decrypts: it tells
# whether there is a value.
# Next page: copy endCursor into "after".
query ListSecrets(
  $environmentId: UUID!
  $after: String
) {
  environment(id: $environmentId) {
    agentSecrets(first: 20, after: $after) {
      totalCount
      edges {
        node {
          id
          pathText
          revision
          secretTypeText
          hasValue
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
`;

const READ = `# Read one secret, by its path. Its value
# is decrypted because it is selected here.
# secretValueText is exact: browsers round
# integers beyond 2^53 in secretValue.
query ReadSecret(
  $environmentId: UUID!
  $pathText: String!
) {
  environment(id: $environmentId) {
    agentSecret(pathText: $pathText) {
      id
      pathText
      revision
      secretTypeText
      secretValue
      secretValueText
    }
  }
}
`;

const UPDATE = `# Replace a value, if currentRevision still
# is current: nobody overwrites what they
# have not seen. Run it twice to see that.
#
# Another secret, or zeros under Variables?
# ListSecrets tells ids and revisions.
mutation UpdateSecret(
  $input: UpdateAgentSecretInput!
) {
  updateAgentSecret(input: $input) {
    __typename
    ... on AgentSecretPayload {
      agentSecret {
        id
        pathText
        revision
      }
    }
    ... on Refusal {
      code
      message
    }
    ... on ConcurrentUpdate {
      currentRevision
    }
  }
}
`;

const DELETE = `# Delete a secret, again only at the
# revision that you have seen. Its history
# stays.
#
# Another secret, or zeros under Variables?
# ListSecrets tells ids and revisions.
mutation DeleteSecret(
  $input: DeleteAgentSecretInput!
) {
  deleteAgentSecret(input: $input) {
    __typename
    ... on AgentSecretPayload {
      agentSecret {
        id
        pathText
        revision
      }
    }
    ... on Refusal {
      code
      message
    }
    ... on ConcurrentUpdate {
      currentRevision
    }
  }
}
`;

/** Reads the secrets that the example variables can refer to. */
export const SAMPLES_DOCUMENT = parse(`query Samples($environmentId: UUID!) {
  environment(id: $environmentId) {
    agentSecrets(first: 20) { edges { node { id pathText revision secretTypeText } } }
  }
}`);

interface Sample {
  id: string;
  pathText: string;
  revision: bigint;
  secretTypeText: string;
}

export interface Samples {
  environment: { agentSecrets: { edges: { node: Sample }[] } } | null;
}

/** The tabs. Without a known reader, ids are placeholders: the reader must enter an environment and its secrets. */
export function exampleTabs(environmentId = PLACEHOLDER_ID, samples?: Samples | null): ExampleTab[] {
  const secrets = samples?.environment?.agentSecrets.edges.map(({ node }) => node) ?? [];
  const text = secrets.find(({ secretTypeText }) => secretTypeText === 'string');
  // Each example changes a different secret, so that none makes the revision in another example stale.
  const [restored, changed, ...others] = secrets.filter((secret) => secret !== text);
  return [
    tab(WELCOME, { environmentId }),
    tab(CREATE, {
      input: {
        environmentId,
        path: ['payments', 'database'],
        secretType: {
          type: 'Record',
          fields: [
            { name: 'user', typ: { type: 'Str' } },
            { name: 'password', typ: { type: 'Str' } },
            { name: 'port', typ: { type: 'U16' } },
          ],
        },
        secretValue: { user: 'billing', password: 'correct horse battery staple', port: 5432 },
      },
    }),
    tab(LIST, { environmentId, after: null }),
    tab(READ, { environmentId, pathText: text?.pathText ?? 'payments.database' }),
    tab(UPDATE, { input: { ...target(text), secretValue: { op: 'SET', value: 'a better one' } } }),
    tab(DELETE, { input: target(others.at(-1) ?? restored) }),
    tab(HISTORY, { environmentId }),
    tab(RESTORE, { input: { ...target(restored), toRevision: 0 } }),
    tab(AS_OF, { environmentId, revision: 1 }),
    tab(APPLY, {
      input: {
        environmentId,
        dryRun: true,
        changes: [
          { create: { path: ['payments', 'sandbox'], secretType: { type: 'Bool' }, secretValue: true } },
          { update: target(changed) },
        ],
      },
    }),
    tab(WATCH, { environmentId, after: 0 }),
  ];
}

function target(secret: Sample | undefined): { id: string; currentRevision: number } {
  return { id: secret?.id ?? PLACEHOLDER_ID, currentRevision: Number(secret?.revision ?? 0) };
}

function tab(query: string, variables: object): ExampleTab {
  return { query, variables: JSON.stringify(variables, null, 2) };
}
