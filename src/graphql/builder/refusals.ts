// Expected refusals of mutations as data: one GraphQL type per reason, all of which implement `Refusal`.
import type { ObjectRef } from '@pothos/core';
import { actorOf } from '../../domain/request/actor.js';
import type { Context } from '../../domain/request/context.js';
import { AppError, type ErrorCode, type ErrorDetails } from '../../errors/errors.js';
import { noteCode } from '../../logging/exchange.js';
import { builder } from './builder.js';
import { ErrorCodeRef } from './error-code.js';

type Types = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** An AppError as a plain value: graphql-js throws an Error even when a resolver returns it. */
export class Refused {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;

  constructor({ code, message, details }: AppError) {
    this.code = code;
    this.message = message;
    this.details = details;
  }
}

export const Refusal = builder.interfaceRef<Refused>('Refusal').implement({
  description: 'An expected refusal: nothing was changed.',
  fields: (t) => ({
    code: t.field({ type: ErrorCodeRef, description: 'The reason, permanent.', resolve: (error) => error.code }),
    message: t.exposeString('message', { description: 'The reason in words; never any part of a secret value.' }),
  }),
});

function refusal(name: string, description: string) {
  return builder.objectRef<Refused>(name).implement({ description, interfaces: [Refusal] });
}

const withProblems = (name: string, description: string, problems: string) =>
  builder.objectRef<Refused>(name).implement({
    description,
    interfaces: [Refusal],
    fields: (t) => ({
      problems: t.stringList({ description: problems, resolve: (error) => [...(error.details.problems ?? [])] }),
    }),
  });

/** The object types of the refusals that mutations can return as data, by code. */
const REFUSALS = {
  INVALID_REQUEST: withProblems(
    'InvalidRequest',
    'The input has the right shape but is not acceptable.',
    'One entry per problem, each naming its place.',
  ),
  AGENT_SECRET_VALUE_TYPE_MISMATCH: withProblems(
    'AgentSecretValueTypeMismatch',
    'The value does not fit the secret’s type.',
    'One entry per problem: a JSON path and what is expected there, e.g. `$.db.port: expected u16`.',
  ),
  AGENT_SECRET_ALREADY_EXISTS: refusal(
    'AgentSecretAlreadyExists',
    'The environment already has a secret at this canonical path.',
  ),
  AGENT_SECRET_NOT_FOUND: refusal('AgentSecretNotFound', 'No such secret in this environment.'),
  AGENT_SECRET_REVISION_NOT_FOUND: refusal('AgentSecretRevisionNotFound', 'The secret has no such revision.'),
  AGENT_SECRET_VALUE_DESTROYED: refusal('AgentSecretValueDestroyed', 'The value of that revision was erased for good.'),
  IDEMPOTENCY_KEY_REUSED: refusal(
    'IdempotencyKeyReused',
    'The idempotency key belongs to another request of the last 24 hours.',
  ),
  ALREADY_EXISTS: refusal('AlreadyExists', 'The name is taken.'),
  LIMIT_EXCEEDED: refusal('LimitExceeded', 'A limit is reached: of the account’s plan, or a fixed one.'),
  CONCURRENT_UPDATE: builder.objectRef<Refused>('ConcurrentUpdate').implement({
    description: 'It is not at the revision the caller named: somebody else wrote first.',
    interfaces: [Refusal],
    fields: (t) => ({
      currentRevision: t.field({
        type: 'Revision',
        nullable: true,
        description: 'The revision it has now; null when it has just been deleted.',
        resolve: (error) => error.details.currentRevision ?? null,
      }),
    }),
  }),
} satisfies Partial<Record<ErrorCode, ObjectRef<Types, Refused>>>;
export type RefusalCode = keyof typeof REFUSALS;

const NAMES: Record<RefusalCode, string> = {
  INVALID_REQUEST: 'InvalidRequest',
  AGENT_SECRET_VALUE_TYPE_MISMATCH: 'AgentSecretValueTypeMismatch',
  AGENT_SECRET_ALREADY_EXISTS: 'AgentSecretAlreadyExists',
  AGENT_SECRET_NOT_FOUND: 'AgentSecretNotFound',
  AGENT_SECRET_REVISION_NOT_FOUND: 'AgentSecretRevisionNotFound',
  AGENT_SECRET_VALUE_DESTROYED: 'AgentSecretValueDestroyed',
  IDEMPOTENCY_KEY_REUSED: 'IdempotencyKeyReused',
  ALREADY_EXISTS: 'AlreadyExists',
  LIMIT_EXCEEDED: 'LimitExceeded',
  CONCURRENT_UPDATE: 'ConcurrentUpdate',
};

export function refusalType(code: RefusalCode) {
  return REFUSALS[code];
}

/** The result union of a mutation: its success type and the refusals that it can return as data. */
export function resultOf<T>(
  name: string,
  success: ObjectRef<Types, T>,
  codes: readonly RefusalCode[],
  description = `\`${success.name}\` when it was done, otherwise why not.`,
) {
  return builder.unionType(name, {
    description,
    types: [success, ...codes.map(refusalType)],
    resolveType: (value) => (value instanceof Refused ? NAMES[value.code as RefusalCode] : success.name),
  });
}

/** Runs a mutation: refusals with one of `codes` are returned as values, all other errors are rethrown. */
export async function refusable<T>(
  ctx: Context,
  codes: readonly RefusalCode[],
  run: () => T | Promise<T>,
): Promise<T | Refused> {
  // The credential is checked first, so that unauthenticated callers learn nothing, not even that the input is invalid.
  actorOf(ctx);
  try {
    return await run();
  } catch (error) {
    if (error instanceof AppError && (codes as readonly ErrorCode[]).includes(error.code)) {
      noteCode(ctx.exchange, error.code);
      return new Refused(error);
    }
    throw error;
  }
}
