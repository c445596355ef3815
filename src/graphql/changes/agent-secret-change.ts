// The GraphQL subscription `agentSecretChanges`: a feed of the writes in an environment, read from its log.
import { type AgentSecretChanges, watchAgentSecretChanges } from '../../domain/changes/agent-secret-change.js';
import { builder } from '../builder/builder.js';
import { AgentSecretRevisionRef } from '../builder/refs.js';

const ChangesRef = builder.objectRef<AgentSecretChanges>('AgentSecretChanges').implement({
  description:
    'What was written to an environment at once: one change, or a change set. No change at the beginning of a stream without `after`.',
  fields: (t) => ({
    environmentRevision: t.expose('environmentRevision', {
      type: 'Revision',
      description: 'The environment’s revision since then; `eventId` says more.',
    }),
    eventId: t.exposeString('eventId', {
      description:
        'Where to resume, as `afterEventId`: the revision, and some of the log’s hash up to it, which tells whether the log still is the same.',
    }),
    changes: t.expose('changes', {
      type: [AgentSecretRevisionRef],
      description: 'In the order they were made.',
    }),
  }),
});

/** The last event of a stream that ends with an error. */
class StreamEnd {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** Turns an error into a final event, so that clients receive its code; a throw would only break the connection. */
function withFinalEvent<T>(source: AsyncIterableIterator<T>): AsyncIterableIterator<T | StreamEnd> {
  const iterator: AsyncIterableIterator<T | StreamEnd> = {
    next: () => source.next().catch((error: unknown) => ({ done: false, value: new StreamEnd(error) })),
    async return(value) {
      await source.return?.(value);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

builder.subscriptionType({ description: 'Streams, over server-sent events: `accept: text/event-stream`.' });

builder.subscriptionFields((t) => ({
  agentSecretChanges: t.field({
    type: ChangesRef,
    nullable: true,
    description:
      'Every write of secrets in an environment behind a revision, in order and without gaps, then live ones. Values are opened only when selected. When the caller may no longer look, the last event is an error with the reason: AUTH_UNAUTHORIZED, AUTH_FORBIDDEN or ENVIRONMENT_NOT_FOUND. When the service stops, the stream ends without `complete`: resume behind the last event. The error CHANGE_HISTORY_LOST, at the beginning or at the end, when the log is not the one that was told, because the database went back: read the secrets anew, then watch from now on. Roles: owner, admin, deployer.',
    args: {
      environmentId: t.arg({ type: 'UUID', required: true, description: 'Which environment.' }),
      afterEventId: t.arg.string({
        description:
          'The `eventId` of the last event, to continue behind it. A plain revision is taken, too; only an id tells whether the log still is the same.',
      }),
      after: t.arg({
        type: 'Revision',
        description:
          'Instead of `afterEventId`, the environment’s revision to continue behind. Inside a change set it counts as before the set. The header `Last-Event-ID` counts instead of both. Without one the stream tells what happens from now on, and begins with the revision that now is and no changes.',
      }),
    },
    subscribe: async (_, { environmentId, after, afterEventId }, ctx) =>
      withFinalEvent(
        await watchAgentSecretChanges(ctx, { environmentId, after, afterEventId, lastEventId: ctx.lastEventId }),
      ),
    resolve: (event) => {
      if (event instanceof StreamEnd) throw event.reason;
      return event;
    },
  }),
}));
