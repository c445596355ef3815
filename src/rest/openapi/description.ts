// What is told about an operation beside its route.
import type { ErrorCode } from '../../errors/errors.js';
import type { Messages } from './errors.js';
import type { ParameterName } from './parameters.js';
import type { SchemaName } from './schemas.js';

export interface Description {
  /** CommonMark. */
  description: string;
  /** Name of the schema of the request body. */
  requestSchema?: SchemaName;
  /** Name of the schema of the response body. */
  responseSchema: SchemaName;
  /** Description of the response with status 200. */
  responseDescription: string;
  /** Names of query parameters. */
  query?: readonly ParameterName[];
  /** Optional request headers. */
  headers?: readonly ParameterName[];
  /** Whether the response has an `ETag`, so that a conditional request can be answered with 304. */
  isConditional?: boolean;
  /** Error codes in addition to those of all operations. */
  errorCodes: readonly ErrorCode[];
  /** Example messages that fit the operation better than the default ones. */
  messages?: Messages;
}
