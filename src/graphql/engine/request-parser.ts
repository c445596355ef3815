// Parses GraphQL requests with exact numbers. Yoga's own parsers use JSON.parse, which rounds large ones.
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import type { Context } from '../../domain/request/context.js';
import { type Reservation, readBody } from '../../http/body.js';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue } from '../../json/exact.js';
import { decodeUtf8, parseJson, parseJsonInSlices } from '../../json/parse.js';
import { malformedRequestError } from './errors.js';
import { documentOf, type PersistedDocuments } from './persisted-documents.js';

export interface ParserOptions {
  maxBodyBytes: number;
  /** Persisted documents that a request may refer to by id. */
  documents: PersistedDocuments | undefined;
}

export function useExactRequests(options: ParserOptions): Plugin<object, Context> {
  return {
    onRequestParse({ request, serverContext, setRequestParser }) {
      const { operation } = serverContext;
      if (request.method === 'GET') setRequestParser((get) => parseGet(get, options));
      if (request.method === 'POST') {
        setRequestParser((post) => parsedRequests.get(post) ?? parsePost(post, options, operation));
      }
    },
  };
}

/** Parameters by request. The body can be read only once, and Yoga may take over after the fast path has read it. */
const parsedRequests = new WeakMap<Request, GraphQLParams>();

async function parsePost(
  request: Request,
  options: ParserOptions,
  reservation: Reservation | undefined,
): Promise<GraphQLParams> {
  const bytes = await readBody(request, options.maxBodyBytes, reservation);
  const body = await parseBody(bytes);
  if (!isJsonObject(body)) throw malformedRequestError('The body is not a JSON object with the key "query".');
  const params = paramsFrom(body, options);
  parsedRequests.set(request, params);
  return params;
}

/** The parameters of a request, whichever of the two methods it has. The memory of a large body is reserved. */
export async function readParams(
  request: Request,
  options: ParserOptions,
  reservation: Reservation | undefined,
): Promise<GraphQLParams> {
  return request.method === 'GET' ? parseGet(request, options) : parsePost(request, options, reservation);
}

function parseGet(request: Request, options: ParserOptions): GraphQLParams {
  const { searchParams } = new URL(request.url, 'http://localhost');
  const params: JsonObject = {};
  for (const name of [...PARAMETERS, 'documentId']) {
    const text = searchParams.get(name);
    if (text === null || (text === '' && name !== 'query')) continue;
    const isJson = name === 'variables' || name === 'extensions';
    params[name] = isJson ? parseParameter(name, text) : text;
  }
  return paramsFrom(params, options);
}

const PARAMETERS = ['query', 'operationName', 'variables', 'extensions'];

function paramsFrom(params: JsonObject, { documents }: ParserOptions): GraphQLParams {
  const { operationName = null, variables = null, extensions = null } = params;
  const query = documentOf(params, documents);
  if (typeof query !== 'string') throw malformedRequestError('"query" is not a string with a GraphQL document.');
  if (operationName !== null && typeof operationName !== 'string') {
    throw malformedRequestError('"operationName" is not a string.');
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (value !== null && !isJsonObject(value)) throw malformedRequestError(`"${name}" is not a JSON object.`);
  }
  // The message does not quote unknown names, because they are the client's own text.
  const allowed = documents ? [...PARAMETERS, 'documentId'] : PARAMETERS;
  if (Object.keys(params).some((name) => !allowed.includes(name))) {
    throw malformedRequestError(`The request has a parameter other than ${allowed.join(', ')}.`);
  }
  return {
    query,
    // Some clients send "" for an operation without a name, and a URL cannot express null.
    operationName: operationName || undefined,
    variables: variables ?? undefined,
    extensions: extensions ?? undefined,
  } as GraphQLParams;
}

async function parseBody(bytes: Uint8Array): Promise<JsonValue> {
  try {
    return await parseJsonInSlices(decodeUtf8(bytes));
  } catch (error) {
    throw invalidJson('The body', error);
  }
}

function parseParameter(name: string, text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw invalidJson(`The parameter ${name}`, error);
  }
}

function invalidJson(what: string, error: unknown): unknown {
  return error instanceof JsonSyntaxError
    ? malformedRequestError(`${what} is not valid JSON: ${error.message}`)
    : error;
}
