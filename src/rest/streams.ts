// The event streams of the REST API as a table. Each has a typed GraphQL subscription, a function from the request to
// its variables, and one from a result to an event.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { lastEventIdIn } from '../http/event-stream.js';
import type { OperationId } from './operation-id.js';
import { WatchAgentSecretChangesDocument, type WatchAgentSecretChangesSubscription } from './operations.generated.js';
import { eventIdIn, queryIn, uuidIn } from './request.js';
import type { Incoming } from './route.js';

export interface StreamRoute {
  operationId: OperationId;
  summary: string;
  method: 'GET';
  path: string;
  document: TypedDocumentNode<unknown, Record<string, unknown>>;
  variables(incoming: Pick<Incoming, 'request' | 'parameter'>): Record<string, unknown>;
  /** The data of an event. */
  event(data: never): object;
}

export const STREAMS: readonly StreamRoute[] = [
  {
    operationId: 'watch_environment_agent_secrets',
    summary: 'Watch the changes of all agent secrets of the environment',
    method: 'GET',
    path: '/v1/envs/:environment_id/agent-secrets/changes',
    document: WatchAgentSecretChangesDocument as never,
    variables: ({ request, parameter }) => ({
      environmentId: uuidIn('environment_id', parameter('environment_id')),
      afterEventId: afterIn(request),
    }),
    event: ({ agentSecretChanges: changeSet }: WatchAgentSecretChangesSubscription) => {
      if (!changeSet) throw new Error('an event without changes');
      const changes = changeSet.changes.map(({ agentSecretId, path, change, valueState, by, ...rest }) => ({
        id: agentSecretId,
        path,
        change: change.toLowerCase(),
        ...rest,
        valueState: valueState.toLowerCase(),
        by: by.accountId,
      }));
      return { environmentRevision: changeSet.environmentRevision, changes };
    },
  } satisfies Omit<StreamRoute, 'event'> & { event(data: WatchAgentSecretChangesSubscription): unknown } as never,
];

function afterIn(request: Request): string | null {
  const last = lastEventIdIn(request);
  if (last !== undefined) return eventIdIn('Last-Event-ID', last);
  const after = queryIn(request, 'after');
  return after === undefined ? null : eventIdIn('after', after);
}
