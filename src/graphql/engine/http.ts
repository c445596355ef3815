// POST /graphql without Yoga's HTTP layer, which costs more than the operation: the same steps, the same answers. Whatever
// is not one plain operation with one JSON answer is left to Yoga.
import { type DocumentNode, type ExecutionResult, type GraphQLError, getOperationAST } from 'graphql';
import { type GraphQLParams, processRegularResult, type YogaServerInstance } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import { printBody } from '../../json/print-portions.js';

/** What there is to run: parsed and valid. */
export interface OperationArgs {
  document: DocumentNode;
  operationName?: string | undefined;
  variableValues?: Record<string, unknown> | undefined;
  contextValue: Context;
}

export interface OperationOptions {
  yoga: YogaServerInstance<Context, object>;
  /** Documents that have been parsed and found valid, by their text. */
  known: { get(text: string): DocumentNode | undefined; set(text: string, document: DocumentNode): void };
  run(args: OperationArgs): ExecutionResult | Promise<ExecutionResult>;
  /** The operation in a request's body. */
  read(request: Request): Promise<GraphQLParams>;
  /** What the caller may see of whatever was thrown before execution. */
  publicError(error: unknown, requestId: string): GraphQLError;
}

const JSON_RESPONSE = 'application/json';
const KNOWN = new Map([
  ['*/*', JSON_RESPONSE],
  ['application/*', JSON_RESPONSE],
  [JSON_RESPONSE, JSON_RESPONSE],
  ['application/graphql-response+json', 'application/graphql-response+json'],
]);

/**
 * The media type of the one JSON answer to a request; undefined where Yoga has to decide. Like Yoga's, the choice is the
 * first type that fits.
 */
export function plainResponseType({ method, headers }: Request): string | undefined {
  if (method !== 'POST') return undefined;
  const accept = headers.get('accept');
  if (!accept) return JSON_RESPONSE;
  const known = KNOWN.get(accept);
  if (known !== undefined || /event-stream|multipart|text\/\*|charset/i.test(accept)) return known;
  for (const part of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const type = KNOWN.get(part.split(';', 1)[0] as string);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Reads, parses, validates and runs the operation, and answers as Yoga does. */
export async function answerOperation(
  request: Request,
  type: string,
  ctx: Context,
  options: OperationOptions,
): Promise<Response> {
  const result = await resultOf(request, ctx, options);
  if (result === 'unusual') return uncached(await options.yoga.fetch(request, ctx));
  const headers = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' };
  if (!result.errors) {
    const text = printBody(result);
    return new Response(text instanceof Promise ? await text : text, { headers });
  }
  let shown: unknown;
  const stringify = (value: unknown) => {
    shown = value;
    return '';
  };
  // With errors the status depends on them; what is printed may be long all the same.
  const { status } = processRegularResult({ ...result, stringify } as never, { Response } as never, type);
  return new Response(await printBody(shown), { status, headers });
}

async function resultOf(
  request: Request,
  ctx: Context,
  options: OperationOptions,
): Promise<ExecutionResult | 'unusual'> {
  try {
    const params = await options.read(request);
    const { query, operationName, variables } = params;
    let document = options.known.get(query as string);
    if (!document) {
      // Yoga's plugins look for the request and its parameters there.
      const enveloped = options.yoga.getEnveloped({ ...ctx, request, params } as never);
      document = enveloped.parse(query) as DocumentNode;
      const errors: GraphQLError[] = enveloped.validate(enveloped.schema, document);
      if (errors.length > 0) return { errors };
      options.known.set(query as string, document);
    }
    const operation = getOperationAST(document, operationName)?.operation;
    if (operation === undefined || operation === 'subscription') return 'unusual';
    return await options.run({ document, operationName, variableValues: variables, contextValue: ctx });
  } catch (error) {
    return { errors: [options.publicError(error, ctx.requestId)] };
  }
}

/** Answers hold what one caller may see, perhaps in the clear. */
export function uncached(response: Response): Response {
  response.headers.set('cache-control', 'no-store');
  return response;
}
