// The streams of the REST door as a table: each is one typed subscription, what the request becomes, what an event becomes.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { OperationId } from './operation-id.js';
import { WatchAgentSecretChangesDocument, type WatchAgentSecretChangesSubscription } from './operations.generated.js';
import { counterIn, queryIn, uuidIn } from './request.js';
import type { Incoming } from './routes.js';

/** An event on the wire: `id` is what `Last-Event-ID` resumes from. */
export interface StreamEvent {
  id: string;
  data: object;
}

export interface StreamRoute {
  operationId: OperationId;
  summary: string;
  method: 'GET';
  path: string;
  document: TypedDocumentNode<unknown, Record<string, unknown>>;
  variables(incoming: Pick<Incoming, 'request' | 'parameter'>): Record<string, unknown>;
  event(data: never): StreamEvent;
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
      after: afterIn(request),
    }),
    event: ({ agentSecretChanges: told }: WatchAgentSecretChangesSubscription) => {
      if (!told) throw new Error('an event without changes');
      const changes = told.changes.map(({ agentSecret, change, valueState, by, ...rest }) => ({
        id: agentSecret.id,
        path: agentSecret.path,
        change: change.toLowerCase(),
        ...rest,
        valueState: valueState.toLowerCase(),
        by: by.id,
      }));
      const { environmentRevision } = told;
      return { id: String(environmentRevision), data: { environmentRevision, changes } };
    },
  } satisfies Omit<StreamRoute, 'event'> & { event(data: WatchAgentSecretChangesSubscription): unknown } as never,
];

/** Where to go on: an `EventSource` that reconnects says so in its header, and still sends the query it began with. */
function afterIn(request: Request): bigint | null {
  const last = request.headers.get('last-event-id');
  if (last) return counterIn('Last-Event-ID', last);
  const after = queryIn(request, 'after');
  return after === undefined ? null : counterIn('after', after);
}
