// The size of answers: one that would be too large is refused as a whole, not cut off.
import { type ExecutionResult, GraphQLError } from 'graphql';
import { type Operation, responseTooLarge } from '../../domain/request/operation.js';
import { jsonLength } from '../../json/print-portions.js';

/** What is printed in one go by whoever cannot print in portions. */
const MAX_UNPORTIONED_BYTES = 4 * 1024 * 1024;

/** The refusal in place of the result, when the operation was refused as a whole. */
export function refusedResult({ refusal }: Operation): ExecutionResult | undefined {
  return refusal && { errors: [new GraphQLError(refusal.message, { originalError: refusal })] };
}

/** The result, or the refusal in its place when it is too large. */
export function boundedResult(
  result: ExecutionResult,
  operation: Operation | undefined,
  canPrintPortions: boolean,
): ExecutionResult {
  if (!operation) return result;
  const { maxResponseBytes } = operation;
  const most = canPrintPortions ? maxResponseBytes : Math.min(maxResponseBytes, MAX_UNPORTIONED_BYTES);
  if (!operation.refusal && jsonLength(result.data, most) > most) operation.refusal = responseTooLarge(most);
  return refusedResult(operation) ?? result;
}
