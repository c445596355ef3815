// The GraphQL pipeline: parse, validate and execute with this service's limits, exact numbers and safe error messages.
// The fast path for POST (http.ts), Yoga's own HTTP layer and the REST API all use it, in-process.
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
} from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import type { Resumable } from '../../http/event-stream.js';
import { printJson } from '../../json/print.js';
import { noteCode } from '../../logging/exchange.js';
import { executePlanned } from '../execution/execute.js';
import { useCallerCheck } from './caller-needed.js';
import { useNodeLimit } from './cost.js';
import { documentCache } from './document-cache.js';
import { publicError, publicErrors, withOneStatus } from './errors.js';
import { answerByYoga, answerOperation, type OperationArgs, type OperationOptions, plainResponseType } from './http.js';
import { ManifestError, type PersistedDocuments } from './persisted-documents.js';
import { limitError, variableErrors } from './request-errors.js';
import { readParams, useExactRequests } from './request-parser.js';
import { boundedResult, refusedResult } from './response-size.js';
import { subscribe, useEventStreams } from './subscription.js';
import { useSafeRequestErrors } from './validation.js';

export interface GraphQLOptions {
  schema: GraphQLSchema;
  introspection: boolean;
  /** Maximum nesting of selections; fragments count as if they were inlined. */
  maxDepth: number;
  maxTokens: number;
  maxAliases: number;
  maxBodyBytes: number;
  /** Items that all pages of an operation may have together, nested ones multiplied. */
  maxNodes: number;
  /** Persisted documents that a request may refer to by id. */
  documents?: PersistedDocuments | undefined;
  /** Receives errors that must not be shown to clients. */
  onBug(error: unknown, requestId?: string): void;
}

export interface GraphQLPipeline {
  /** Answers a complete HTTP request. */
  fetch(request: Request, ctx: Context): Promise<Response>;
  /** Executes a document without validating it: it must be known to be valid. Numbers in `variables` must be exact. */
  run<Data>(
    document: DocumentNode,
    variables: Record<string, unknown>,
    ctx: Context,
  ): ExecutionResult<Data> | Promise<ExecutionResult<Data>>;
  /** Starts a subscription; resolves to a single result with errors if the stream cannot begin. */
  subscribe(
    document: DocumentNode,
    variables: Record<string, unknown>,
    ctx: Context,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
}

export function createPipeline(options: GraphQLOptions): GraphQLPipeline {
  const { schema, maxBodyBytes, documents } = options;
  const trusted = new Set(documents?.texts.values());
  const yoga: YogaServerInstance<Context, object> = createYoga<Context>({
    schema,
    logging: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: false,
    parserAndValidationCache: { documentCache: documentCache(trusted), errorCache: documentCache() },
    maskedErrors: {
      maskError: (error) => publicError(limitError(error), options.onBug),
    },
    plugins: [
      useExactRequests({ maxBodyBytes, documents }),
      maxDepthPlugin({ n: options.maxDepth, flattenFragments: true }),
      maxAliasesPlugin({ n: options.maxAliases }),
      useSafeRequestErrors(options),
      useCallerCheck(),
      useNodeLimit(options),
      usePublicResults(options),
      useEventStreams(),
    ] as Plugin[],
  });

  const validatedDocuments = documentCache<DocumentNode>(trusted);
  const run = ({ isHot, ...args }: OperationArgs) => executeMasked({ schema, ...args }, options, isHot);
  const operations: OperationOptions = {
    maxNodes: options.maxNodes,
    yoga,
    read: (request, { operation }) => readParams(request, { maxBodyBytes, documents }, operation),
    known: validatedDocuments,
    run,
    nameOf: (text) => names?.get(text),
    publicError: (error, requestId) => publicError(limitError(error), (bug) => options.onBug(bug, requestId)),
  };
  const names = documents && namesOf(yoga, documents);

  return {
    async fetch(request, ctx) {
      const type = plainResponseType(request);
      if (type !== undefined) return answerOperation(request, type, ctx, operations);
      return answerByYoga(yoga, request, ctx);
    },
    run: (document, variableValues, contextValue) => run({ document, variableValues, contextValue }) as never,
    async subscribe(document, variables, ctx) {
      const enveloped = yoga.getEnveloped(ctx as never);
      const contextValue = await enveloped.contextFactory();
      return enveloped.subscribe({
        schema,
        document,
        variableValues: variables,
        contextValue,
      } as ExecutionArgs) as never;
    },
  };
}

/** Names beyond this number are not told apart: each is a series of metrics. */
const MAX_NAMES = 200;

/**
 * What metrics and logs call the persisted documents: by the name of their first operation, else by their id. Throws a
 * ManifestError, so that the service does not start, if a document violates the schema or a limit.
 */
function namesOf(yoga: YogaServerInstance<Context, object>, { texts }: PersistedDocuments): Map<string, string> {
  const { schema, parse, validate } = yoga.getEnveloped({} as never);
  const problemIn = (text: string): GraphQLError | undefined => {
    try {
      return validate(schema, parse(text))[0];
    } catch (error) {
      return limitError(error) as GraphQLError;
    }
  };
  const problems = [...texts].flatMap(([id, text]) => {
    const { message, locations } = problemIn(text) ?? {};
    const [location] = locations ?? [];
    return message === undefined
      ? []
      : [`${id}: ${message}${location ? ` (line ${location.line}, column ${location.column})` : ''}`];
  });
  if (problems.length > 0) throw new ManifestError(problems);
  const documents = [...texts].map(([id, text], index) => {
    const name = getOperationAST(parse(text) as DocumentNode)?.name?.value ?? id;
    return [text, index < MAX_NAMES ? name.slice(0, 100) : 'other'] as const;
  });
  return new Map(documents);
}

/** Executes an operation; errors in the result are converted to what clients may see. */
function executeMasked(
  args: ExecutionArgs,
  options: GraphQLOptions,
  isHot = false,
): ExecutionResult | Promise<ExecutionResult> {
  const result = (isHot && executeHot(args)) || executeOperation(args);
  return result instanceof Promise
    ? result.then((settled) => publicResult(settled, args, options))
    : publicResult(result as ExecutionResult, args, options);
}

/**
 * graphql-js prints the whole variable into each of up to 50 coercion errors. They are replaced anyway (publicResult),
 * so it may stop at the first one.
 */
const EXECUTION_OPTIONS = { maxCoercionErrors: 0 };

function executeOperation({ schema, document, operationName, variableValues, contextValue, rootValue }: ExecutionArgs) {
  return execute({
    schema,
    document,
    operationName,
    variableValues,
    contextValue,
    rootValue,
    options: EXECUTION_OPTIONS,
  });
}

/** The printed answer of a document that has a plan; undefined for any other. */
function executeHot(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> | undefined {
  return executePlanned({ ...args, options: EXECUTION_OPTIONS }) as ExecutionResult | Promise<ExecutionResult>;
}

/** Converts the errors of a result to what clients may see. */
function publicResult(settled: ExecutionResult, args: ExecutionArgs, options: GraphQLOptions): ExecutionResult {
  const { requestId, operation, exchange } = args.contextValue as Context;
  const { data, errors } = (operation && refusedResult(operation)) ?? settled;
  if (!errors) return settled;
  const report = (bug: unknown) => options.onBug(bug, requestId);
  if (operation?.refusal) {
    noteCode(exchange, operation.refusal.code);
    return { errors: publicErrors(errors, report) };
  }
  // Without `data` the execution never began, because the variables are invalid. The messages of graphql-js contain
  // their values, so they are replaced.
  const isRequestError = !('data' in settled);
  const safe = isRequestError ? variableErrors({ ...args, hideSuggestions: !options.introspection }) : [];
  const result = {
    ...(isRequestError ? {} : { data }),
    errors: safe.length > 0 ? safe : publicErrors(errors, report),
  };
  noteCode(exchange, result.errors[0]?.extensions.code);
  const kind = getOperationAST(args.document, args.operationName)?.operation;
  return kind === 'subscription' ? result : withOneStatus(result, kind === 'mutation');
}

function resumptionOf({ eventId }: Resumable): Resumable {
  return eventId === undefined ? {} : { eventId };
}

/** Converts the errors of every result, including each event of a stream, and prints all numbers exactly. */
function usePublicResults(options: GraphQLOptions): Plugin<Context> {
  const toPublicResult = (result: unknown, args: unknown) =>
    ({
      ...publicResult(result as ExecutionResult, args as ExecutionArgs, options),
      ...resumptionOf(result as Resumable),
      stringify: printJson,
    }) as ExecutionResult;
  // Yoga prints in one piece what it answers itself.
  const bounded = (result: unknown, args: unknown) =>
    boundedResult(result as ExecutionResult, ((args as ExecutionArgs).contextValue as Context).operation, false);
  return {
    onExecute({ setExecuteFn }) {
      setExecuteFn(executeOperation as never);
      return {
        onExecuteDone({ result, args, setResult }) {
          setResult(toPublicResult(bounded(result, args), args));
        },
      };
    },
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe as never);
      return {
        onSubscribeResult({ result, args, setResult }) {
          if (!isAsyncIterable(result)) {
            setResult(toPublicResult(result, args));
            return undefined;
          }
          return {
            onNext(event) {
              event.setResult(toPublicResult(event.result, args));
            },
          };
        },
      };
    },
  };
}
