// What both kinds of streams show of a result.
import type { ExecutionResult, GraphQLError } from 'graphql';
import { isTransient } from '../../errors/refusals.js';
import type { TransientRefusal } from '../engine/refused-request.js';

/** The first error of a result that passes, as it was made public. */
export function transientRefusalIn({ errors }: ExecutionResult): TransientRefusal | undefined {
  const error = errors?.find(({ extensions }) => isTransient(extensions.code));
  if (!error) return undefined;
  const { code, retryAfter } = error.extensions as unknown as Omit<TransientRefusal, 'message'>;
  return { code, message: error.message, retryAfter };
}

/** Without what is meant for the headers of an answer. */
export function shown(error: GraphQLError): object {
  const { extensions: { http: _, ...extensions } = {}, ...rest } = error.toJSON();
  return { ...rest, extensions };
}
