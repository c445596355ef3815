// Converts errors to what clients may see: expected refusals and invalid requests are explained, all others are masked.
import { type ExecutionResult, GraphQLError, type GraphQLErrorOptions } from 'graphql';
import { AppError, ERROR_CODES, type ErrorCode } from '../../errors/errors.js';
import { exhaustionIn } from '../../errors/exhaustion.js';
import { valuesUnreadable } from '../../errors/refusals.js';
import { PrintedData } from '../execution/execute.js';
import { unauthenticatedError } from './caller-needed.js';

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);

/**
 * Converts any error to the one that GraphQL and REST clients may see; its `extensions.code` is always an ErrorCode.
 * `report` receives what must not be shown to clients: unexpected errors, and the cause of UNAVAILABLE.
 */
export function publicError(error: unknown, report: (error: unknown) => void): GraphQLError {
  const refusal = refusalIn(error) ?? exhaustionIn(error);
  const location = locationOf(error);
  if (refusal?.code === 'UNAVAILABLE') report(refusal);
  if (refusal) return new GraphQLError(refusal.message, { ...location, extensions: extensionsOf(refusal) });
  if (error instanceof GraphQLError) {
    if (CODES.has(error.extensions.code)) return error;
    // A GraphQLError from before execution is about the request. request-errors.ts has already removed the client's
    // values from its message.
    if (!error.path && !error.originalError) return invalidRequestError(error.message, error);
    if (error.message.startsWith('Argument "')) return invalidRequestError(argumentMessage(error.message), error);
  }
  report((error instanceof GraphQLError && error.originalError) || error);
  return new GraphQLError('Internal error', {
    ...location,
    extensions: { code: 'INTERNAL_UNKNOWN' satisfies ErrorCode },
  });
}

/**
 * Does the same for all errors of a result. Values that do not open are reported together, and the keys of an environment
 * once, however many they are.
 */
export function publicErrors(
  errors: readonly GraphQLError[],
  report: (error: unknown) => void,
): readonly GraphQLError[] {
  const unreadable = errors.map(refusalIn).filter((refusal) => refusal?.code === 'AGENT_SECRET_VALUE_UNREADABLE');
  const ids = new Set(unreadable.flatMap((refusal) => refusal?.details.agentSecretIds ?? []));
  if (ids.size > 0) report(valuesUnreadable([...ids], unreadable[0]?.cause));
  const keys = errors.map(refusalIn).filter((refusal) => refusal?.code === 'ENVIRONMENT_KEY_UNREADABLE');
  for (const refusal of new Map(keys.map((refusal) => [refusal?.details.environmentId, refusal])).values())
    report(refusal);
  return errors.map((error) => publicError(error, report));
}

/**
 * An INVALID_REQUEST error with the source location and the HTTP status of `error`. The default status is 400 as
 * GraphQL over HTTP defines it: with `spec: true`, Yoga answers 200 to clients that accept the older type
 * `application/json`. These clients get 400 only for requests that are not GraphQL requests at all
 * (malformedRequestError).
 */
export function invalidRequestError(message: string, error?: GraphQLError, problems?: readonly string[]): GraphQLError {
  const http = (error?.extensions.http as { status?: number } | undefined) ?? { spec: true, status: 400 };
  return new GraphQLError(message, {
    ...locationOf(error),
    extensions: { code: codeOf(http.status), ...(problems ? { problems } : {}), http },
  });
}

/** The error for a body that is not a GraphQL request. The status is 400 for every client, whatever it accepts. */
export function malformedRequestError(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'INVALID_REQUEST' satisfies ErrorCode, http: { status: 400 } },
  });
}

function codeOf(status: number | undefined): ErrorCode {
  return status === 405 ? 'METHOD_NOT_ALLOWED' : 'INVALID_REQUEST';
}

export function refusalIn(error: unknown): AppError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    if (current instanceof AppError) return current;
    current = current instanceof GraphQLError ? current.originalError : undefined;
  }
  return undefined;
}

function extensionsOf({ code, details }: AppError): Record<string, unknown> {
  return {
    code,
    ...(details.problems ? { problems: details.problems } : {}),
    ...(details.agentSecretIds ? { agentSecretIds: details.agentSecretIds } : {}),
    ...(details.retryAfter === undefined ? {} : passing(code, details.retryAfter)),
    ...(code === 'PAYLOAD_TOO_LARGE' ? { http: { status: 413 } } : {}),
    ...(code === 'RESPONSE_TOO_LARGE' ? { http: { spec: true, status: 400 } } : {}),
  };
}

/** The status of a refusal that passes: the same as in REST. */
export function transientStatus(code: ErrorCode): number {
  return code === 'RATE_LIMITED' ? 429 : 503;
}

/** What such a refusal tells, and its HTTP answer, too: when to try again. */
function passing(code: ErrorCode, retryAfter: number) {
  return { retryAfter, http: { status: transientStatus(code), headers: { 'retry-after': String(retryAfter) } } };
}

/**
 * The result of an operation that an outage has met, or whose caller is no longer known. It has one status, whatever was
 * read before: 503 or 401, as a whole and without data, which would call for 200. Only a mutation that has done something
 * tells what that is.
 */
export function withOneStatus(result: ExecutionResult, isMutation: boolean): ExecutionResult {
  const { data, errors = [] } = result;
  const has = (code: ErrorCode) => errors.find(({ extensions }) => extensions.code === code);
  const unauthenticated = has('AUTH_UNAUTHORIZED');
  if (!unauthenticated && !has('UNAVAILABLE')) return result;
  const hasDoneSomething = isMutation && hasFields(data);
  if (!hasDoneSomething) return { errors: unauthenticated ? [unauthenticatedError(unauthenticated.message)] : errors };
  for (const { extensions } of errors) {
    const { headers } = (extensions.http ?? {}) as { headers?: Record<string, string> };
    if (headers) extensions.http = { headers };
  }
  return result;
}

/** Whether any field of the operation itself is not null. */
function hasFields(data: ExecutionResult['data']): boolean {
  return data instanceof PrintedData ? data.hasFields : Object.values(data ?? {}).some((field) => field !== null);
}

function locationOf(error: unknown): GraphQLErrorOptions {
  if (!(error instanceof GraphQLError)) return {};
  return {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
  } as GraphQLErrorOptions;
}

/** Keeps only the argument's name: graphql-js prints the value after the name, and the value may be a secret. */
function argumentMessage(message: string): string {
  return `${/^Argument "\w+"/.exec(message)?.[0] ?? 'An argument'} has an invalid value.`;
}
