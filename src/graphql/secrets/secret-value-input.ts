// Reads secret values from GraphQL input, where a value is given either as JSON or as exact JSON text.
import type { SecretValueChange } from '../../domain/secrets/agent-secret-update.js';
import { invalidRequest } from '../../errors/refusals.js';
import { JsonSyntaxError, type JsonValue } from '../../json/exact.js';
import { parseJson } from '../../json/parse.js';

interface Input {
  value?: JsonValue | undefined;
  text?: string | null | undefined;
  /** The names of the two input fields, for error messages. */
  names: readonly [string, string];
}

/** The given value, or undefined without one. INVALID_REQUEST if both fields are given, or if the text is not JSON. */
export function valueFrom({ value, text, names }: Input): JsonValue | undefined {
  if (text == null) return value;
  if (value != null) throw invalidRequest(`expected only one of ${names[0]} and ${names[1]}`);
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalidRequest(`${names[1]}: ${error.message}`);
    throw error;
  }
}

/** INVALID_REQUEST for SET without a value: null is a value and must be given explicitly, as the text `null`. */
export function valueChangeFrom(
  input:
    | { op: 'SET' | 'UNSET'; value?: JsonValue | undefined; valueText?: string | null | undefined }
    | null
    | undefined,
): SecretValueChange {
  if (input == null) return { op: 'keep' };
  if (input.op === 'UNSET') return { op: 'unset' };
  const value = valueFrom({ value: input.value, text: input.valueText, names: ['value', 'valueText'] });
  if (value === undefined) throw invalidRequest('secretValue: SET needs value or valueText; null is a value');
  return { op: 'set', value };
}
