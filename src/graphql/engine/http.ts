// A fast path for /graphql. Yoga's HTTP layer costs more time than a typical operation, so queries and mutations
// with one JSON response bypass it, with the same steps and the same responses. All other requests are left to Yoga.
import { type DocumentNode, type ExecutionResult, type GraphQLError, getOperationAST } from 'graphql';
import { type GraphQLParams, processRegularResult, type YogaServerInstance } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import { lastEventIdIn } from '../../http/event-stream.js';
import { printBody } from '../../json/print-portions.js';
import { noteCode } from '../../logging/exchange.js';
import { checkCaller } from './caller-needed.js';
import { type CostLimits, checkNodes, costOf, nodesOf } from './cost.js';
import { boundedResult } from './response-size.js';

/** A parsed and validated operation, ready for execution. */
export interface OperationArgs {
  document: DocumentNode;
  operationName?: string | undefined;
  variableValues?: Record<string, unknown> | undefined;
  contextValue: Context;
  /** Whether the document comes again and again, so that it is worth a plan, and its answer may be printed already. */
  isHot?: boolean;
}

export interface OperationOptions extends CostLimits {
  yoga: YogaServerInstance<Context, object>;
  /** Cache of parsed and validated documents, by their text. */
  known: { get(text: string): DocumentNode | undefined; set(text: string, document: DocumentNode): void };
  /** What metrics and logs call a persisted document. */
  nameOf(text: string): string | undefined;
  run(args: OperationArgs): ExecutionResult | Promise<ExecutionResult>;
  /** Reads the GraphQL parameters from the request body. */
  read(request: Request, ctx: Context): Promise<GraphQLParams>;
  /** Converts an error that was thrown before execution to one that the client may see. */
  publicError(error: unknown, requestId: string): GraphQLError;
}

const JSON_RESPONSE = 'application/json';
const RESPONSE_TYPES = new Map([
  ['*/*', JSON_RESPONSE],
  ['application/*', JSON_RESPONSE],
  [JSON_RESPONSE, JSON_RESPONSE],
  ['application/graphql-response+json', 'application/graphql-response+json'],
]);

/**
 * The media type of the response, if a single JSON response is right for the request; undefined if Yoga has to decide.
 * As in Yoga, the first acceptable type wins.
 */
export function plainResponseType({ method, headers }: Request): string | undefined {
  if (method !== 'POST' && method !== 'GET') return undefined;
  const accept = headers.get('accept');
  if (!accept) return JSON_RESPONSE;
  const known = RESPONSE_TYPES.get(accept);
  if (known !== undefined || /event-stream|multipart|text\/\*|charset/i.test(accept)) return known;
  return firstJsonType(accept);
}

/** The media type of a refusal in JSON, also where another kind of answer was asked for. */
export function refusalType({ headers }: Request): string {
  return firstJsonType(headers.get('accept') ?? '') ?? JSON_RESPONSE;
}

function firstJsonType(accept: string): string | undefined {
  for (const part of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const type = RESPONSE_TYPES.get(part.split(';', 1)[0] as string);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Asks for `extensions.cost` where a client sets headers more easily than extensions, as in GraphiQL. */
const COST_HEADER = 'x-graphql-cost';

/** Reads, parses, validates and executes the operation; the response equals the one that Yoga would give. */
export async function answerOperation(
  request: Request,
  type: string,
  ctx: Context,
  options: OperationOptions,
): Promise<Response> {
  let result = await resultOf(request, ctx, options);
  if (result === 'unusual') return answerByYoga(options.yoga, request, ctx);
  const headers = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' };
  const body = result.errors ? undefined : printBody(result);
  const most = ctx.operation?.maxResponseBytes ?? Number.POSITIVE_INFINITY;
  if (typeof body === 'string' && body.length <= most) return new Response(body, { headers });
  // Without data it is a refusal already, whose errors are public.
  const bounded = result.data ? boundedResult(result, ctx.operation, true) : result;
  if (bounded !== result) {
    const errors = (bounded.errors ?? []).map((error) => options.publicError(error, ctx.requestId));
    result = { ...(result.extensions ? { extensions: result.extensions } : {}), errors };
  } else if (body !== undefined) return new Response(body, { headers });
  noteCode(ctx.exchange, result.errors?.[0]?.extensions.code);
  let processed: unknown;
  const stringify = (value: unknown) => {
    processed = value;
    return '';
  };
  // Yoga derives the status from the errors. The body is printed by printBody, because `data` may be large here, too.
  const response = processRegularResult({ ...result, stringify } as never, { Response } as never, type);
  const special = [...response.headers].filter(([name]) => name === 'retry-after' || name === 'www-authenticate');
  return new Response(printBody(processed), {
    status: response.status,
    headers: { ...headers, ...Object.fromEntries(special) },
  });
}

async function resultOf(
  request: Request,
  ctx: Context,
  options: OperationOptions,
): Promise<ExecutionResult | 'unusual'> {
  const isGet = request.method === 'GET';
  try {
    const params = await options.read(request, ctx);
    const { query, operationName, variables, extensions } = params;
    if (ctx.exchange) ctx.exchange.operation = options.nameOf(query as string) ?? ctx.exchange.operation;
    let document = options.known.get(query as string);
    const isHot = document !== undefined;
    if (!document) {
      // Yoga's plugins expect the request and its parameters in the context.
      const enveloped = options.yoga.getEnveloped({ ...ctx, request, params } as never);
      document = enveloped.parse(query) as DocumentNode;
      const errors: GraphQLError[] = enveloped.validate(enveloped.schema, document);
      if (errors.length > 0) return isGet ? 'unusual' : { errors };
      options.known.set(query as string, document);
    }
    const operation = getOperationAST(document, operationName);
    if (!operation || operation.operation === 'subscription') return 'unusual';
    if (isGet && operation.operation !== 'query') return 'unusual';
    checkCaller(ctx, document, operation, variables);
    const nodes = nodesOf(document, operation, variables);
    checkNodes(nodes, options);
    if (ctx.operation) ctx.operation.canStream = true;
    const result = await options.run({ document, operationName, variableValues: variables, contextValue: ctx, isHot });
    const isCostAsked = extensions?.cost === true || request.headers.has(COST_HEADER);
    return isCostAsked ? { ...result, extensions: { cost: costOf(nodes, options, ctx.operation) } } : result;
  } catch (error) {
    // Yoga knows what may not be asked for by GET, and how that is answered.
    if (isGet) return 'unusual';
    return { errors: [options.publicError(error, ctx.requestId)] };
  }
}

/** The response of Yoga. It may not be cached: it is meant for one caller, and may hold secret values in plain text. */
export async function answerByYoga(yoga: OperationOptions['yoga'], request: Request, ctx: Context): Promise<Response> {
  const response = await yoga.fetch(request, { ...ctx, lastEventId: lastEventIdIn(request) });
  response.headers.set('cache-control', 'no-store');
  return response;
}
