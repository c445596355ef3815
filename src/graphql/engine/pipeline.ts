// The one GraphQL pipeline: Yoga's enveloped parse, validate, context and execute, with our limits, exact numbers and
// error texts. Plain POSTs (http.ts), Yoga's own HTTP layer and the REST door all run through it, in-process.
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type ParseOptions,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Context } from '../../domain/request/context.js';
import { printJson } from '../../json/print.js';
import { publicError } from './errors.js';
import { answerOperation, type OperationArgs, type OperationOptions, plainResponseType, uncached } from './http.js';
import { ExactLiteralVariablesRule } from './literal-variables.js';
import { ManifestError, type PersistedDocuments } from './persisted-documents.js';
import { limitError, safeRules, syntaxError, variableErrors } from './request-errors.js';
import { parsePost, useExactRequests } from './request-parser.js';
import { subscribe, UnconditionalSubscriptionRule, useEventStreams } from './subscription.js';

export interface GraphQLOptions {
  schema: GraphQLSchema;
  introspection: boolean;
  /** Nesting of selections, fragments included. */
  maxDepth: number;
  maxTokens: number;
  maxAliases: number;
  maxBodyBytes: number;
  /** Operations that a request may name instead of sending them. */
  documents?: PersistedDocuments | undefined;
  /** Called with what no caller may see. */
  onBug(error: unknown, requestId?: string): void;
}

export interface GraphQLPipeline {
  /** A whole HTTP request. */
  fetch(request: Request, ctx: Context): Promise<Response>;
  /** A document that was checked at start, with variables whose numbers are exact. */
  run<Data>(
    document: DocumentNode,
    variables: Record<string, unknown>,
    ctx: Context,
  ): ExecutionResult<Data> | Promise<ExecutionResult<Data>>;
  /** The same for a subscription; one result where the stream cannot begin. */
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
      usePublicResults(options),
      useEventStreams(),
    ] as Plugin[],
  });

  const known = documentCache<DocumentNode>(trusted);
  const run = ({ document, operationName, variableValues, contextValue }: OperationArgs) =>
    executePublicly({ schema, document, operationName, variableValues, contextValue }, options);
  const operations: OperationOptions = {
    yoga,
    read: (request) => parsePost(request, { maxBodyBytes, documents }),
    known,
    run,
    publicError: (error, requestId) => publicError(limitError(error), (bug) => options.onBug(bug, requestId)),
  };
  if (documents) checkDocuments(yoga, documents);

  return {
    async fetch(request, ctx) {
      const type = plainResponseType(request);
      if (type !== undefined) return answerOperation(request, type, ctx, operations);
      return uncached(await yoga.fetch(request, ctx));
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

/**
 * Parsed documents by their text. Bounded in size, not only in number: a document takes up to 250 times as much memory as
 * its text. Long texts are not kept at all: they hold inline values, which must not stay in memory, and anybody could fill
 * it with them. Trusted ones stay.
 */
function documentCache<T extends object>(trusted: ReadonlySet<string> = new Set()) {
  const kept = new Map<string, T>();
  const cache = new LRUCache<string, T>({
    maxSize: 128 * 1024,
    maxEntrySize: 8 * 1024,
    sizeCalculation: (_, text) => text.length + 1,
    ttl: 3_600_000,
    // Every millisecond, unless told: each look at the clock sets a timer.
    ttlResolution: 60_000,
  });
  const of = (text: string) => (trusted.has(text) ? kept : cache);
  return { get: (text: string) => of(text).get(text), set: (text: string, entry: T) => void of(text).set(text, entry) };
}

/** Persisted documents fit the schema and the limits, or the service does not start. */
function checkDocuments(yoga: YogaServerInstance<Context, object>, { texts }: PersistedDocuments): void {
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
    const [at] = locations ?? [];
    return message === undefined ? [] : [`${id}: ${message}${at ? ` (line ${at.line}, column ${at.column})` : ''}`];
  });
  if (problems.length > 0) throw new ManifestError(problems);
}

function useSafeRequestErrors(options: GraphQLOptions): Plugin {
  const standard = [
    ...specifiedRules.map((rule) => safeRules.get(rule) ?? rule),
    ExactLiteralVariablesRule,
    UnconditionalSubscriptionRule,
  ];
  const hideSuggestions = !options.introspection;
  const rules = options.introspection ? standard : [...standard, NoSchemaIntrospectionCustomRule];
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string, rest: ParseOptions) => {
        try {
          return parse(source, { ...rest, maxTokens: options.maxTokens });
        } catch (error) {
          throw syntaxError(error);
        }
      });
    },
    onValidate({ setValidationFn }) {
      // Added rules (the limits) are kept; the standard ones are replaced by those that print no values.
      setValidationFn((schema, document, requested) => {
        const added = (requested ?? []).filter((rule: ValidationRule) => !specifiedRules.includes(rule));
        try {
          const errors = validate(schema, document, [...rules, ...added], { hideSuggestions });
          return errors.map((error) => publicError(limitError(error), options.onBug));
        } catch (error) {
          // The rules walk fragments recursively.
          if (error instanceof RangeError) return [syntaxError(error) as GraphQLError];
          throw error;
        }
      });
    },
  };
}

/** Runs an operation; its result is what callers may see. */
function executePublicly(args: ExecutionArgs, options: GraphQLOptions): ExecutionResult | Promise<ExecutionResult> {
  const result = executeSparingly(args);
  return result instanceof Promise
    ? result.then((settled) => publicResult(settled, args, options))
    : publicResult(result as ExecutionResult, args, options);
}

/** graphql-js prints a whole variable into each of up to 50 errors, which we throw away: one is enough to know. */
const SPARINGLY = { maxCoercionErrors: 0 };

function executeSparingly({ schema, document, operationName, variableValues, contextValue, rootValue }: ExecutionArgs) {
  return execute({ schema, document, operationName, variableValues, contextValue, rootValue, options: SPARINGLY });
}

/** The result as callers may see it. */
function publicResult(result: ExecutionResult, args: ExecutionArgs, options: GraphQLOptions): ExecutionResult {
  const { data, errors } = result;
  if (!errors) return result;
  const { requestId } = args.contextValue as Context;
  // Without `data` execution never began: the variables do not fit, and graphql-js has printed them.
  const isRequestError = !('data' in result);
  const safe = isRequestError ? variableErrors({ ...args, hideSuggestions: !options.introspection }) : [];
  return {
    ...(isRequestError ? {} : { data }),
    errors: safe.length > 0 ? safe : errors.map((error) => publicError(error, (bug) => options.onBug(bug, requestId))),
  };
}

/** Results as callers may see them, printed with every number exact; a stream's one by one. */
function usePublicResults(options: GraphQLOptions): Plugin<Context> {
  const exact = (result: unknown, args: unknown) =>
    ({
      ...publicResult(result as ExecutionResult, args as ExecutionArgs, options),
      stringify: printJson,
    }) as ExecutionResult;
  return {
    onExecute({ setExecuteFn }) {
      setExecuteFn(executeSparingly as never);
      return {
        onExecuteDone({ result, args, setResult }) {
          setResult(exact(result, args));
        },
      };
    },
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe as never);
      return {
        onSubscribeResult({ result, args, setResult }) {
          if (!isAsyncIterable(result)) {
            setResult(exact(result, args));
            return undefined;
          }
          return {
            onNext(event) {
              event.setResult(exact(event.result, args));
            },
          };
        },
      };
    },
  };
}
