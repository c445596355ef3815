// What every refusal means to a REST client: the responses of the OpenAPI document are made of these.
import { STATUS_CODES } from 'node:http';
import { ERROR_CODES, type ErrorCode } from '../../errors/errors.js';
import { STATUS } from '../problem.js';

interface Refusal {
  /** When the code is answered, for people; CommonMark. */
  when: string;
  /** What the message may look like. */
  says: string;
}

/** A code that only GraphQL answers is `null`; a new code does not compile before it is told which. */
const REFUSALS: Record<ErrorCode, Refusal | null> = {
  INVALID_REQUEST: {
    when: 'Malformed JSON, a wrong shape, an id that is no UUID, a bad or missing revision, a bad path or a bad type document. One message per problem.',
    says: 'path: expected an array of strings',
  },
  AGENT_SECRET_VALUE_TYPE_MISMATCH: {
    when: 'The value does not fit the type. One message per problem; each names its place, none quotes the value.',
    says: '$.port: expected u16',
  },
  AUTH_UNAUTHORIZED: {
    when: 'No credential, or one that is badly formed, unknown, expired or revoked; which of these is not told.',
    says: 'Could not authenticate user using token',
  },
  AUTH_FORBIDDEN: {
    when: 'The caller knows the environment, but its role or the scope of its token does not allow the action.',
    says: 'The environment action CreateAgentSecret is not allowed',
  },
  NOT_FOUND: { when: 'There is nothing at this path.', says: 'Not found' },
  ACCOUNT_NOT_FOUND: null,
  PLAN_NOT_FOUND: null,
  APPLICATION_NOT_FOUND: null,
  ENVIRONMENT_NOT_FOUND: {
    when: 'The environment does not exist, is deleted, or is none of the caller’s business.',
    says: 'Environment 019a1f6e-3c5b-7d21-8f10-5b2a9c4e7d01 not found',
  },
  ENVIRONMENT_SHARE_NOT_FOUND: null,
  TOKEN_NOT_FOUND: null,
  AGENT_SECRET_NOT_FOUND: {
    when: 'The secret does not exist, is deleted, or is none of the caller’s business.',
    says: 'Agent secret 019a1f6e-52aa-7c3f-9d04-1e8b6f2a4c02 not found',
  },
  METHOD_NOT_ALLOWED: {
    when: 'The path takes other methods; the header `Allow` lists them.',
    says: 'Method not allowed',
  },
  ALREADY_EXISTS: null,
  AGENT_SECRET_ALREADY_EXISTS: {
    when: 'Another secret of the environment has this path, in its canonical form.',
    says: 'Agent secret for path payments.mainDb already exists in environment',
  },
  AGENT_SECRET_REVISION_NOT_FOUND: null,
  AGENT_SECRET_VALUE_DESTROYED: {
    when: 'A repeated write is answered with the value it kept then, and that value has been erased since.',
    says: 'The value of this revision was destroyed',
  },
  IDEMPOTENCY_KEY_REUSED: {
    when: 'The `Idempotency-Key` was used for another request within the last 24 hours.',
    says: 'The idempotency key belongs to another request',
  },
  CONCURRENT_UPDATE: {
    when: 'Somebody else has written in the meantime: the revision is not the current one. Read again, then decide.',
    says: 'Concurrent update attempt',
  },
  PAYLOAD_TOO_LARGE: {
    when: 'The body is larger than this service takes.',
    says: 'The body may have 1048576 bytes at most',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body is not declared as `application/json` in UTF-8.',
    says: 'Expected content-type application/json; charset=utf-8',
  },
  RATE_LIMITED: {
    when: 'Too many requests, or open streams of the account; `Retry-After` says when to try again.',
    says: 'Too many requests: 600 a minute are allowed',
  },
  LIMIT_EXCEEDED: {
    when: 'A limit of the account’s plan is reached: secrets per environment or bytes per value.',
    says: 'The plan allows 1000 secrets per environment',
  },
  INTERNAL_UNKNOWN: {
    when: 'A fault of this service; it is logged with the id of the request.',
    says: 'Internal error',
  },
  UNAVAILABLE: {
    when: 'The database cannot be reached, or too many writes wait for it, or too many streams are open; `Retry-After` says when to try again.',
    says: 'The database is not reachable, try again later',
  },
};

/** What REST can answer, in the order of its statuses. */
export const REST_CODES: readonly ErrorCode[] = ERROR_CODES.filter((code) => REFUSALS[code] !== null).sort(
  (a, b) => STATUS[a] - STATUS[b],
);

/** When REST answers a code; CommonMark. */
export function meaningOf(code: ErrorCode): string {
  return REFUSALS[code]?.when ?? '';
}

/** Answered by requests that reach no operation. */
export const CODES_WITHOUT_OPERATION = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'] as const satisfies ErrorCode[];

/** What any operation can answer. */
export const CODES_OF_ALL: readonly ErrorCode[] = [
  'INVALID_REQUEST',
  'AUTH_UNAUTHORIZED',
  'AUTH_FORBIDDEN',
  'RATE_LIMITED',
  'INTERNAL_UNKNOWN',
  'UNAVAILABLE',
];

/** What any operation with a body can answer besides. */
export const CODES_OF_BODIES: readonly ErrorCode[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

export interface ErrorResponse {
  description: string;
  headers?: Record<string, { description: string; required: boolean; schema: object }>;
  content: {
    'application/json': {
      schema: { $ref: string };
      /** By code. */
      examples: Record<string, { summary: string; value: object }>;
    };
  };
}

/** Messages that fit an operation better than the usual example. */
export type Messages = { readonly [code in ErrorCode]?: string };

/** The responses for these codes, by status. */
export function errorResponses(codes: readonly ErrorCode[], messages: Messages = {}): Record<string, ErrorResponse> {
  const statuses = new Set(codes.map((code) => STATUS[code]).sort((a, b) => a - b));
  const withStatus = (status: number) => codes.filter((code) => STATUS[code] === status);
  return Object.fromEntries(
    [...statuses].map((status) => [String(status), errorResponse(withStatus(status), messages)]),
  );
}

/** One response for codes that share a status. */
function errorResponse(codes: readonly ErrorCode[], messages: Messages): ErrorResponse {
  const status = STATUS[codes[0] as ErrorCode];
  const headers = HEADERS[status];
  return {
    description: `${STATUS_CODES[status]}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
    ...(headers ? { headers } : {}),
    content: {
      'application/json': {
        schema: { $ref: `#/components/schemas/${status === 400 ? 'ErrorsBody' : 'ErrorBody'}` },
        examples: Object.fromEntries(codes.map((code) => [code, exampleOf(code, messages[code])])),
      },
    },
  };
}

/** What the code means, and a body that has it. */
export function exampleOf(code: ErrorCode, message?: string): { summary: string; value: object } {
  const { when, says } = REFUSALS[code] as Refusal;
  const text = message ?? says;
  return { summary: when, value: STATUS[code] === 400 ? { code, errors: [text] } : { code, error: text } };
}

const RETRY_AFTER = { 'Retry-After': header('Seconds until a retry makes sense.', { type: 'integer', minimum: 1 }) };

const HEADERS: { [status: number]: ErrorResponse['headers'] } = {
  401: { 'WWW-Authenticate': header('The scheme of the credential.', { type: 'string', const: 'Bearer' }) },
  405: { Allow: header('The methods that the path takes.', { type: 'string' }) },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

function header(description: string, schema: object) {
  return { description, required: true, schema };
}
