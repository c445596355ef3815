// Subscriptions: every event is executed like a separate request, and the results are sent as server-sent events.
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
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import type { Operation } from '../../domain/request/operation.js';
import { isTransient } from '../../errors/refusals.js';
import { acceptsOnlyEvents, eventStream, type Resumable } from '../../http/event-stream.js';
import { eventText } from '../../json/event-text.js';
import { printJson } from '../../json/print.js';
import { hasSliceTime, nextSlice } from '../../scheduling/time-slice.js';
import { acceptsParts, multipartResponse } from '../streams/multipart-stream.js';
import { shown, transientRefusalIn } from '../streams/streamed-result.js';
import { refusalIn } from './errors.js';
import { refusalType } from './http.js';
import { endComment, refusedRequest, unauthenticatedRequest } from './refused-request.js';
import { boundedResult } from './response-size.js';

type Result = ExecutionResult & Resumable;
type Results = AsyncIterableIterator<Result>;
/** An event is as much work as many items of a list. */
const ITEMS_PER_EVENT = 100;
const DONE = { done: true, value: undefined } as const;

/**
 * Like `subscribe` of graphql-js, with four differences. Each event gets its own context, so that request-scoped
 * counters and data loaders do not accumulate over the life of the stream. It waits for its turn. And the stream ends after
 * an event without any data, or one that was met by an outage: continuing would leave a gap. Where what the source tells
 * has an `eventId`, so has the result.
 */
export async function subscribe(args: ExecutionArgs): Promise<Results | ExecutionResult> {
  const source = await createSourceEventStream(args);
  if (!isAsyncIterable(source)) return source as ExecutionResult;
  const events = source[Symbol.asyncIterator]();
  const ctx = args.contextValue as Context;
  let operation: Operation | undefined;
  let isDone = false;
  const results: Results = {
    async next() {
      if (isDone) return DONE;
      // The event before has been sent: while the stream waits for the next one, it holds nothing.
      operation?.close();
      operation = undefined;
      const event = await events.next();
      if (event.done) return DONE;
      operation = ctx.operation?.next();
      if (operation) operation.canStream = true;
      // However many streams have an event at a time, they are worked through one after another, accounts in turn.
      while (!hasSliceTime(ITEMS_PER_EVENT)) await nextSlice(ctx.actor?.accountId);
      const executed = await execute({ ...args, rootValue: event.value, contextValue: { ...ctx, operation } });
      const result = boundedResult(executed, operation, true);
      if (isWithoutData(result) || isPassing(result)) {
        // Without its id: a client that resumes receives the event itself.
        await results.return?.();
        return { done: false, value: result };
      }
      return { done: false, value: { ...result, eventId: (event.value as Resumable).eventId } };
    },
    async return() {
      isDone = true;
      operation?.close();
      await events.return?.();
      return DONE;
    },
    [Symbol.asyncIterator]: () => results,
  };
  return results;
}

/** An event that an outage has met is not shown in parts: the client comes back, and receives it as a whole. */
function isPassing({ errors = [] }: ExecutionResult): boolean {
  return errors.some((error) => isTransient(refusalIn(error)?.code));
}

function isWithoutData({ data, errors }: ExecutionResult): boolean {
  return errors !== undefined && Object.values(data ?? {}).every((field) => field === null);
}

/**
 * Refuses `@skip` and `@include` on the root field of a subscription, as the next edition of the GraphQL specification
 * does: a subscription without its only field makes no sense, and graphql-js fails on it.
 */
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
 * Replaces Yoga's result processor for streams, which leaks the source in two cases: if the client does not accept
 * event streams, and if it disconnects before the first event, because then nobody reads the response body.
 */
export function useEventStreams(): Plugin {
  return {
    onResultProcess({ request, result, setResultProcessor }) {
      if (!isAsyncIterable(result)) {
        const unknown = unauthenticatedIn(result as ExecutionResult);
        if (unknown)
          setResultProcessor((() => unauthenticatedRequest(request, unknown.message)) as never, 'application/json');
        const refusal = acceptsOnlyEvents(request) ? transientRefusalIn(result as ExecutionResult) : undefined;
        if (refusal) setResultProcessor((() => refusedRequest(request, refusal)) as never, 'text/event-stream');
        // One result is one answer, also to a client that would take a stream in parts.
        else if (!unknown && acceptsParts(request)) setResultProcessor(processRegularResult, refusalType(request));
        return;
      }
      const closeSource = () => void (result as Results).return?.();
      if (request.signal.aborted) closeSource();
      else request.signal.addEventListener('abort', closeSource, { once: true });
      const process = acceptsParts(request)
        ? multipartResponse
        : acceptsEvents(request)
          ? streamResponse
          : notAcceptable;
      setResultProcessor(process as never, 'text/event-stream');
    },
  };
}

/** The error of a result that is nothing but the refusal of an unknown caller. */
function unauthenticatedIn({ data, errors }: ExecutionResult): GraphQLError | undefined {
  const isRefused = data == null || Object.values(data).every((field) => field === null);
  return isRefused ? errors?.find(({ extensions }) => extensions.code === 'AUTH_UNAUTHORIZED') : undefined;
}

function acceptsEvents(request: Request): boolean {
  const accepted = (request.headers.get('accept') ?? '*/*').split(',').map((type) => type.split(';', 1)[0]?.trim());
  return accepted.some((type) => /^(text\/event-stream|text\/\*|\*\/\*)$/i.test(type ?? ''));
}

/** Uses the "distinct connections" mode of the graphql-sse protocol: one operation per connection. */
function streamResponse(results: Results): Response {
  let isComplete = true;
  return eventStream(
    results,
    (result) => {
      const refusal = transientRefusalIn(result);
      if (refusal) {
        isComplete = false;
        return endComment(refusal);
      }
      const { data, errors, eventId } = result;
      return eventText({ id: eventId, event: 'next' }, { ...(errors ? { errors: errors.map(shown) } : {}), data });
    },
    () => (isComplete ? 'event: complete\ndata:\n\n' : ''),
  );
}

async function notAcceptable(results: Results): Promise<Response> {
  await results.return?.();
  const message = 'A subscription is answered as text/event-stream; accept that.';
  return new Response(printJson({ errors: [{ message, extensions: { code: 'INVALID_REQUEST' } }] }), {
    status: 406,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
}
