// The OpenAPI 3.1 document of the REST API, generated from the table of routes. The same text is served and committed.

import { VERSION } from '../../http/version.js';
import { GOLEM_ROUTES } from '../golem-routes.js';
import type { OperationId } from '../operation-id.js';
import { STATUS } from '../problem.js';
import type { Route } from '../route.js';
import { ROUTES } from '../routes.js';
import { STREAMS, type StreamRoute } from '../streams.js';
import {
  CODES_OF_ALL,
  CODES_OF_BODIES,
  CODES_WITHOUT_OPERATION,
  type ErrorResponse,
  errorResponses,
} from './errors.js';
import { layOut } from './layout.js';
import { describedAs, exampleFor } from './operations.js';
import { PARAMETERS, type ParameterName } from './parameters.js';
import { SCHEMAS } from './schemas.js';

interface Parameter {
  name: ParameterName;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description: string;
  schema: { readonly type: string };
}

interface Body {
  'application/json': { schema: { $ref: string }; example: object };
}

interface EventStream {
  'text/event-stream': { schema: { $ref: string }; example: string };
}

interface Answer {
  description: string;
  headers?: Headers;
  content: Body | EventStream;
}

type Headers = Record<string, { description: string; required: true; schema: object }>;

interface NotModified {
  description: string;
  headers: Headers;
}

export interface Operation {
  operationId: OperationId;
  summary: string;
  description: string;
  tags: string[];
  parameters: Parameter[];
  requestBody?: { required: true; content: Body };
  responses: { '200': Answer; '304'?: NotModified } & Record<string, Answer | ErrorResponse | NotModified>;
  security: Record<string, never[]>[];
}

/** CommonMark. */
const INTRODUCTION = `Typed secrets per environment. A secret has a path, a declared type that every one of its values fits, and a revision that every change names, so that nobody overwrites what they have not seen.

**Credentials.** Every operation needs a token: \`Authorization: Bearer <token>\`, or the cookie \`GOLEM_SESSION\`. If a request has both, a cookie of valid form counts. A token has at least 16 characters, which are ASCII letters, digits, \`-\` and \`_\`. One that is limited needs the scope \`reveal\` for secrets; outside its environment and paths nothing exists (404). Where the service trusts an OIDC issuer, the issuer's JWTs count in the header, too.

**JSON.** Bodies are \`application/json\` in UTF-8, without duplicate keys and without escapes of half a surrogate pair; in requests, \`application/*+json\` is taken, too. Integers are exact up to 64 bits: a client whose JSON rounds them beyond 2^53, as \`JSON.parse\` in JavaScript does, needs another parser for those. A value is stored exactly or refused; only F32 and F64 round, to the nearest.

**Errors.** Every one is JSON, on any path: \`{"code", "errors"}\` with status 400, \`{"code", "error"}\` with every other. Codes are permanent, messages are for people and never hold any part of a secret value. Checks come in this order: route and method, rate limit, credential, shape of the request, visibility (404), permission (403), revision (409), type (400), free path (409), limits of the plan (422).`;

const TAGGED: { headers: Headers } = {
  headers: {
    ETag: { description: 'The tag of this state of the list.', required: true, schema: { type: 'string' } },
  },
};

export const openApi = {
  openapi: '3.1.0',
  info: {
    title: 'Agent Secrets API',
    version: VERSION,
    summary: 'The REST door of the agent secrets gateway',
    description: INTRODUCTION,
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  tags: [
    { name: 'AgentSecrets', description: 'Secrets of an environment.' },
    {
      name: 'GolemTools',
      description:
        'For Golem’s tools: what its command line asks besides. No answer shows a value, so no token needs the scope `reveal` for these.',
    },
  ],
  paths: paths(),
  components: {
    schemas: SCHEMAS,
    // No operation refers to these: they are the responses to requests that do not reach any operation.
    responses: Object.fromEntries(
      CODES_WITHOUT_OPERATION.map((code) => [code, errorResponses([code])[STATUS[code]] as ErrorResponse]),
    ),
    securitySchemes: {
      Token: { type: 'http', scheme: 'bearer', description: 'A token in the header `Authorization`.' },
      Cookie: {
        type: 'apiKey',
        in: 'cookie',
        name: 'GOLEM_SESSION',
        description: 'A token in the cookie `GOLEM_SESSION`.',
      },
    },
  },
};

function paths(): Record<string, Record<string, Operation>> {
  const all: Record<string, Record<string, Operation>> = {};
  for (const route of [...ROUTES, ...STREAMS, ...GOLEM_ROUTES]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    all[path] = { ...all[path], [route.method.toLowerCase()]: operation(route) };
  }
  return all;
}

function operation({ operationId, summary, path }: Route | StreamRoute): Operation {
  const { description, requestSchema, responseSchema, responseDescription, isConditional, errorCodes, ...described } =
    describedAs(operationId);
  const { query = [], headers = [] } = described;
  const example = exampleFor(operationId);
  const codes = [...CODES_OF_ALL, ...(requestSchema ? CODES_OF_BODIES : []), ...errorCodes];
  const inPath = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] as ParameterName);
  const messages = { INVALID_REQUEST: `${inPath[0]}: expected a UUID`, ...described.messages };
  return {
    operationId,
    summary,
    description,
    tags: [isForGolem(operationId) ? 'GolemTools' : 'AgentSecrets'],
    parameters: [
      ...inPath.map((name) => parameter(name, 'path')),
      ...query.map((name) => parameter(name, 'query')),
      ...headers.map((name) => parameter(name, 'header')),
    ],
    ...(requestSchema && example.request
      ? { requestBody: { required: true, content: body(requestSchema, example.request) } }
      : {}),
    responses: {
      '200': {
        description: responseDescription,
        ...(isConditional ? TAGGED : {}),
        content: content(responseSchema, example.response),
      },
      ...(isConditional
        ? { '304': { description: 'Nothing was written since the tag was answered.', ...TAGGED } }
        : {}),
      ...errorResponses(codes, messages),
    },
    // A list of alternatives: one of the two is sufficient.
    security: [{ Token: [] }, { Cookie: [] }],
  };
}

function isForGolem(operationId: OperationId): boolean {
  return GOLEM_ROUTES.some((route) => route.operationId === operationId);
}

function parameter(name: ParameterName, place: Parameter['in']): Parameter {
  return { name, in: place, required: place !== 'header', ...PARAMETERS[name] };
}

function body(name: string, example: object): Body {
  return { 'application/json': { schema: reference(name), example } };
}

function content(name: string, example: object | string): Body | EventStream {
  if (typeof example === 'object') return body(name, example);
  return { 'text/event-stream': { schema: reference(name), example } };
}

function reference(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** The text of /openapi.json and schema/openapi.json. */
export function printOpenApi(): string {
  return `${layOut(openApi)}\n`;
}
