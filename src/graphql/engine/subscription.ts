// Subscriptions: every event is executed like a request of its own, and told over server-sent events.
import {
  type ASTVisitor,
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  Kind,
  type SelectionNode,
  type ValidationContext,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { eventStream } from '../../http/event-stream.js';
import { printJson } from '../../json/print.js';

type Results = AsyncIterableIterator<ExecutionResult>;
const OVER = { done: true, value: undefined } as const;

/**
 * As graphql-js' own `subscribe`, but each event has a context of its own: what is counted or loaded per request must not
 * add up over a stream's life. Behind an event that failed as a whole there would be a gap: the stream ends with it.
 */
export async function subscribe(args: ExecutionArgs): Promise<Results | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!isAsyncIterable(source)) return source as ExecutionResult;
  const events = source[Symbol.asyncIterator]();
  let isOver = false;
  const results: Results = {
    async next() {
      if (isOver) return OVER;
      const event = await events.next();
      if (event.done) return OVER;
      const result = await execute({
        ...args,
        rootValue: event.value,
        contextValue: { ...(args.contextValue as object) },
      });
      if (isWithoutData(result)) await results.return?.();
      return { done: false, value: result };
    },
    async return() {
      isOver = true;
      await events.return?.();
      return OVER;
    },
    [Symbol.asyncIterator]: () => results,
  };
  return results;
}

function isWithoutData({ data, errors }: ExecutionResult): boolean {
  return errors !== undefined && Object.values(data ?? {}).every((field) => field === null);
}

/** A subscription without its one field is none, and graphql-js stumbles over it. As the specification's next edition has it. */
export function UnconditionalSubscriptionRule(context: ValidationContext): ASTVisitor {
  const isConditional = (selection: SelectionNode): boolean =>
    (selection.directives ?? []).some(({ name }) => name.value === 'skip' || name.value === 'include') ||
    (selection.kind === Kind.INLINE_FRAGMENT && selection.selectionSet.selections.some(isConditional));
  return {
    OperationDefinition(operation) {
      if (operation.operation !== 'subscription') return;
      const root = context.getSchema().getSubscriptionType()?.name;
      const fragments = context
        .getRecursivelyReferencedFragments(operation)
        .filter(({ typeCondition }) => typeCondition.name.value === root);
      for (const { selectionSet } of [operation, ...fragments]) {
        const nodes = selectionSet.selections.filter(isConditional);
        if (nodes.length === 0) continue;
        context.reportError(new GraphQLError('A subscription’s field can be neither skipped nor included.', { nodes }));
      }
    },
  };
}

/**
 * Yoga's own answer leaves the source open when the client takes no events, and when it has left before there was one:
 * then nobody takes the response either.
 */
export function useEventStreams(): Plugin {
  return {
    onResultProcess({ request, result, setResultProcessor }) {
      if (!isAsyncIterable(result)) return;
      const leave = () => void (result as Results).return?.();
      if (request.signal.aborted) leave();
      else request.signal.addEventListener('abort', leave, { once: true });
      const process = acceptsEvents(request) ? streamed : refused;
      setResultProcessor(process as never, 'text/event-stream');
    },
  };
}

function acceptsEvents(request: Request): boolean {
  const accepted = (request.headers.get('accept') ?? '*/*').split(',').map((type) => type.split(';', 1)[0]?.trim());
  return accepted.some((type) => /^(text\/event-stream|text\/\*|\*\/\*)$/i.test(type ?? ''));
}

/** As the protocol of graphql-sse has it, for one operation per connection. */
function streamed(results: Results): Response {
  return eventStream(
    results,
    ({ data, errors }) => `event: next\ndata: ${printJson({ ...(errors ? { errors } : {}), data })}\n\n`,
    'event: complete\ndata:\n\n',
  );
}

async function refused(results: Results): Promise<Response> {
  await results.return?.();
  const message = 'A subscription is answered as text/event-stream; accept that.';
  return new Response(printJson({ errors: [{ message, extensions: { code: 'INVALID_REQUEST' } }] }), {
    status: 406,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
}
