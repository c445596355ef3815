// The meaning of every error code for REST clients, and the error responses of the OpenAPI document.
import { STATUS_CODES } from 'node:http';
import { ERROR_CODES, type ErrorCode } from '../../errors/errors.js';
import { problemBody, STATUS } from '../problem.js';

interface Refusal {
  /** The conditions under which the code occurs, for readers; CommonMark. */
  when: string;
  /** An example of the message. */
  exampleMessage: string;
}

/** Codes that only GraphQL returns are `null`. The type forces a decision about every new code. */
const REFUSALS: Record<ErrorCode, Refusal | null> = {
  INVALID_REQUEST: {
    when: 'Malformed JSON, a wrong shape, an id that is no UUID, a bad or missing revision, a bad path or a bad type document. One message per problem.',
    exampleMessage: 'path: expected an array of strings',
  },
  AGENT_SECRET_VALUE_TYPE_MISMATCH: {
    when: 'The value does not fit the type. One message per problem; each names its place, none quotes the value.',
    exampleMessage: '$.port: expected u16',
  },
  AUTH_UNAUTHORIZED: {
    when: 'No credential, or one that is badly formed, unknown, expired or revoked; which of these is not told.',
    exampleMessage: 'Could not authenticate user using token',
  },
  AUTH_FORBIDDEN: {
    when: 'The caller knows what it names, but its role or its token does not allow the action.',
    exampleMessage: 'The environment action CreateAgentSecret is not allowed',
  },
  NOT_FOUND: { when: 'There is nothing at this path.', exampleMessage: 'Not found' },
  ACCOUNT_NOT_FOUND: {
    when: 'The account is not the caller’s own.',
    exampleMessage: 'Account 019a1f6e-1b7d-7e55-8c1a-9d3f5a6b7c03 not found',
  },
  RESPONSE_TOO_LARGE: null,
  PERSISTED_QUERY_NOT_FOUND: null,
  PERSISTED_QUERY_NOT_SUPPORTED: null,
  PLAN_NOT_FOUND: null,
  APPLICATION_NOT_FOUND: {
    when: 'The application does not exist, is deleted, or is none of the caller’s business.',
    exampleMessage: 'Application 019a1f6e-2f04-7a90-b6d3-4c8e1a7f9d05 not found',
  },
  ENVIRONMENT_NOT_FOUND: {
    when: 'The environment does not exist, is deleted, or is none of the caller’s business.',
    exampleMessage: 'Environment 019a1f6e-3c5b-7d21-8f10-5b2a9c4e7d01 not found',
  },
  ENVIRONMENT_SHARE_NOT_FOUND: null,
  TOKEN_NOT_FOUND: {
    when: 'The caller has come with a login, which has no token.',
    exampleMessage: 'A login has no token: make one with createToken',
  },
  AGENT_SECRET_NOT_FOUND: {
    when: 'The secret does not exist, is deleted, or is none of the caller’s business.',
    exampleMessage: 'Agent secret 019a1f6e-52aa-7c3f-9d04-1e8b6f2a4c02 not found',
  },
  METHOD_NOT_ALLOWED: {
    when: 'The path takes other methods; the header `Allow` lists them.',
    exampleMessage: 'Method not allowed',
  },
  ALREADY_EXISTS: {
    when: 'The account has another application of this name, or the application another environment.',
    exampleMessage: 'Application shop already exists',
  },
  AGENT_SECRET_ALREADY_EXISTS: {
    when: 'Another secret of the environment has this path, in its canonical form.',
    exampleMessage: 'Agent secret for path payments.mainDb already exists in environment',
  },
  AGENT_SECRET_REVISION_NOT_FOUND: null,
  AGENT_SECRET_VALUE_DESTROYED: {
    when: 'A repeated write is answered with the value it kept then, and that value has been erased since.',
    exampleMessage: 'The value of this revision was destroyed',
  },
  CHANGE_HISTORY_LOST: {
    when: 'The log is not the one that the stream has told, because the database went back. Read the list anew, then watch from now on.',
    exampleMessage:
      'The log of the environment is not the one that was told: read the secrets anew, then watch from now on',
  },
  IDEMPOTENCY_KEY_REUSED: {
    when: 'The `Idempotency-Key` was used for another request within the last 24 hours.',
    exampleMessage: 'The idempotency key belongs to another request',
  },
  CONCURRENT_UPDATE: {
    when: 'Somebody else has written in the meantime: the revision is not the current one. Read again, then decide.',
    exampleMessage: 'Concurrent update attempt',
  },
  PAYLOAD_TOO_LARGE: {
    when: 'The body is larger than this service takes.',
    exampleMessage: 'The body may have 1048576 bytes at most',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body is not declared as `application/json` or `application/*+json` in UTF-8.',
    exampleMessage: 'Expected content-type application/json; charset=utf-8',
  },
  RATE_LIMITED: {
    when: 'Too many requests, or open streams of the account; `Retry-After` says when to try again.',
    exampleMessage: 'Too many requests: 600 a minute are allowed',
  },
  LIMIT_EXCEEDED: {
    when: 'A limit is reached: of the account’s plan (secrets per environment, bytes per value, environments), or of applications per account.',
    exampleMessage: 'The plan allows 1000 secrets per environment',
  },
  AGENT_SECRET_VALUE_UNREADABLE: {
    when: 'What is stored as the value of a secret cannot be opened; the message names the secret, or all of them in a list. Others can still be read by id.',
    exampleMessage: 'The value of agent secret 019a1f6e-52aa-7c3f-9d04-1e8b6f2a4c02 cannot be opened',
  },
  ENVIRONMENT_KEY_UNREADABLE: {
    when: 'The key of the environment cannot be opened, so that no value can be sealed. Whoever runs the service has to look after its master keys.',
    exampleMessage: 'The key of environment 019a1f6d-0b3e-7a51-8c2f-6d4e9b1a7f30 cannot be opened',
  },
  INTERNAL_UNKNOWN: {
    when: 'A fault of this service; it is logged with the id of the request.',
    exampleMessage: 'Internal error',
  },
  UNAVAILABLE: {
    when: 'The database cannot be reached, or too many writes wait for it, or too many streams are open; `Retry-After` says when to try again.',
    exampleMessage: 'The database is not reachable, try again later',
  },
};

/** The codes that REST can return, ordered by HTTP status. */
export const REST_CODES: readonly ErrorCode[] = ERROR_CODES.filter((code) => REFUSALS[code] !== null).sort(
  (a, b) => STATUS[a] - STATUS[b],
);

/** The conditions under which REST returns a code; CommonMark. */
export function meaningOf(code: ErrorCode): string {
  return REFUSALS[code]?.when ?? '';
}

/** Codes for requests that do not reach any operation. */
export const CODES_WITHOUT_OPERATION = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'] as const satisfies ErrorCode[];

/** Codes that every operation can return. */
export const CODES_OF_ALL: readonly ErrorCode[] = [
  'AUTH_UNAUTHORIZED',
  'RATE_LIMITED',
  'INTERNAL_UNKNOWN',
  'UNAVAILABLE',
];

/** Additional codes of operations with a request body. */
export const CODES_OF_BODIES: readonly ErrorCode[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

export interface ErrorResponse {
  description: string;
  headers?: Record<string, { description: string; required: boolean; schema: object }>;
  content: {
    'application/json': {
      schema: { $ref: string };
      /** Keyed by error code. */
      examples: Record<string, { summary: string; value: object }>;
    };
  };
}

/** Example messages that fit an operation better than the default ones. */
export type Messages = { readonly [code in ErrorCode]?: string };

/** The responses for the given codes, keyed by HTTP status. */
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

/** The meaning of a code, with an example of the body. */
export function exampleOf(code: ErrorCode, message?: string): { summary: string; value: object } {
  const { when, exampleMessage } = REFUSALS[code] as Refusal;
  return { summary: when, value: problemBody(code, STATUS[code], message ?? exampleMessage) };
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
