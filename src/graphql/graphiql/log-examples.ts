// Example operations for GraphiQL about the log: history, restore, old revisions, change sets, the change feed.

export const HISTORY = `# Every write of a secret, newest first,
# with the value it has set.
query SecretHistory($environmentId: UUID!) {
  environment(id: $environmentId) {
    agentSecrets(first: 3) {
      edges {
        node {
          pathText
          revisions(first: 10) {
            edges {
              node {
                revision
                change
                at
                by {
                  name
                }
                environmentRevision
                secretValueText
              }
            }
          }
        }
      }
    }
  }
}
`;

export const RESTORE = `# Back to the value of an old revision,
# also out of deletion: it becomes a new
# revision. SecretHistory tells the old
# ones, ListSecrets the current.
mutation RestoreSecret(
  $input: RestoreAgentSecretInput!
) {
  restoreAgentSecret(input: $input) {
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

export const AS_OF = `# The environment as it was after its
# first write: what was there, with the
# values of then.
query AsItWas(
  $environmentId: UUID!
  $revision: Revision!
) {
  environment(id: $environmentId) {
    snapshot(revision: $revision) {
      revision
      at
      agentSecrets {
        totalCount
        edges {
          node {
            pathText
            revision
            secretValueText
          }
        }
      }
    }
  }
}
`;

export const APPLY = `# Several changes, all or none; a dryRun
# only tells what would become of each.
# To do it: "dryRun": false. With a key of
# your own as "idempotencyKey" that is safe
# to repeat, as is every single write.
mutation ApplyChanges(
  $input: ApplyAgentSecretChangesInput!
) {
  applyAgentSecretChanges(input: $input) {
    __typename
    ... on ApplyAgentSecretChangesPayload {
      applied
      environmentRevision
      results {
        __typename
        ... on AgentSecretState {
          pathText
          revision
        }
        ... on Refusal {
          code
          message
        }
      }
    }
    ... on Refusal {
      code
      message
    }
  }
}
`;

export const WATCH = `# Every change behind a revision, then
# live ones: run it, create a secret in
# another window, and see.
subscription WatchSecrets(
  $environmentId: UUID!
  $after: Revision
) {
  agentSecretChanges(
    environmentId: $environmentId
    after: $after
  ) {
    environmentRevision
    changes {
      change
      at
      pathText
      revision
    }
  }
}
`;
