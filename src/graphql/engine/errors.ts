// What callers see of errors: refusals with their code, requests that are wrong, and nothing of anything else.
import { GraphQLError, type GraphQLErrorOptions } from 'graphql';
import { AppError, ERROR_CODES, type ErrorCode } from '../../errors/errors.js';

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);

/**
 * An error as both doors may show it. `extensions.code` is one of the closed list. `report` gets what the caller is not
 * told: bugs, and why the service is UNAVAILABLE.
 */
export function publicError(error: unknown, report: (error: unknown) => void): GraphQLError {
  const refusal = refusalIn(error);
  const at = placeOf(error);
  if (refusal?.code === 'UNAVAILABLE') report(refusal);
  if (refusal) return new GraphQLError(refusal.message, { ...at, extensions: extensionsOf(refusal) });
  if (error instanceof GraphQLError) {
    if (CODES.has(error.extensions.code)) return error;
    // Before execution a GraphQLError is about the request; its texts are made safe where they arise (request-errors.ts).
    if (!error.path && !error.originalError) return invalidRequestError(error.message, error);
    if (error.message.startsWith('Argument "')) return invalidRequestError(argumentMessage(error.message), error);
  }
  report((error instanceof GraphQLError && error.originalError) || error);
  return new GraphQLError('Internal error', { ...at, extensions: { code: 'INTERNAL_UNKNOWN' satisfies ErrorCode } });
}

/**
 * A request error keeps its place and its HTTP status. By default that is 400 as GraphQL over HTTP has it: for clients of
 * the older response type only where the request is no GraphQL request at all.
 */
export function invalidRequestError(message: string, error?: GraphQLError, problems?: readonly string[]): GraphQLError {
  const http = (error?.extensions.http as { status?: number } | undefined) ?? { spec: true, status: 400 };
  return new GraphQLError(message, {
    ...placeOf(error),
    extensions: { code: codeOf(http.status), ...(problems ? { problems } : {}), http },
  });
}

/** What is sent is no GraphQL request: 400 for every client. */
export function malformedRequestError(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'INVALID_REQUEST' satisfies ErrorCode, http: { status: 400 } },
  });
}

function codeOf(status: number | undefined): ErrorCode {
  return status === 405 ? 'METHOD_NOT_ALLOWED' : 'INVALID_REQUEST';
}

export function refusalIn(error: unknown): AppError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if (at instanceof AppError) return at;
    at = at instanceof GraphQLError ? at.originalError : undefined;
  }
  return undefined;
}

function extensionsOf({ code, details }: AppError): Record<string, unknown> {
  return {
    code,
    ...(details.problems ? { problems: details.problems } : {}),
    ...(details.retryAfter === undefined ? {} : { retryAfter: details.retryAfter }),
    ...(code === 'PAYLOAD_TOO_LARGE' ? { http: { status: 413 } } : {}),
  };
}

function placeOf(error: unknown): GraphQLErrorOptions {
  if (!(error instanceof GraphQLError)) return {};
  return {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
  } as GraphQLErrorOptions;
}

/** graphql-js prints the argument's value behind its name. */
function argumentMessage(message: string): string {
  return `${/^Argument "\w+"/.exec(message)?.[0] ?? 'An argument'} has an invalid value.`;
}
