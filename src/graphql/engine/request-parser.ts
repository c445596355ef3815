// GraphQL parameters out of an HTTP request, with every number exact: Yoga's own parsers use JSON.parse.
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { readBody } from '../../http/body.js';
import { isJsonObject, JsonNumber, type JsonObject, JsonSyntaxError, type JsonValue } from '../../json/exact.js';
import { decodeUtf8, parseJson } from '../../json/parse.js';
import { malformedRequestError } from './errors.js';
import { documentOf, type PersistedDocuments } from './persisted-documents.js';

export interface ParserOptions {
  maxBodyBytes: number;
  /** Operations that a request may name instead of sending them. */
  documents: PersistedDocuments | undefined;
}

export function useExactRequests(options: ParserOptions): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method === 'GET') setRequestParser((get) => parseGet(get, options));
      if (request.method === 'POST') setRequestParser((post) => parsed.get(post) ?? parsePost(post, options));
    },
  };
}

/** A body can be read only once: what was read of it, for whoever answers the request in the end. */
const parsed = new WeakMap<Request, GraphQLParams>();

export async function parsePost(request: Request, options: ParserOptions): Promise<GraphQLParams> {
  const bytes = await readBody(request, options.maxBodyBytes);
  const body = exactly('The body', () => parseJson(decodeUtf8(bytes)));
  if (!isJsonObject(body)) throw malformedRequestError('The body is not a JSON object with the key "query".');
  const params = paramsFrom(body, options);
  parsed.set(request, params);
  return params;
}

function parseGet(request: Request, options: ParserOptions): GraphQLParams {
  const { searchParams } = new URL(request.url, 'http://localhost');
  const params: JsonObject = {};
  for (const name of [...PARAMETERS, 'documentId']) {
    const text = searchParams.get(name);
    if (text === null || (text === '' && name !== 'query')) continue;
    const isJson = name === 'variables' || name === 'extensions';
    params[name] = isJson ? exactly(`The parameter ${name}`, () => parseJson(text)) : text;
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
  // Their names are the caller's own words: not repeated.
  const known = documents ? [...PARAMETERS, 'documentId'] : PARAMETERS;
  if (Object.keys(params).some((name) => !known.includes(name))) {
    throw malformedRequestError(`The request has a parameter other than ${known.join(', ')}.`);
  }
  return {
    query,
    // Some clients name an operation without a name so; an address cannot tell the two apart.
    operationName: operationName || undefined,
    variables: withPlainNumbers(variables) ?? undefined,
    extensions: extensions ?? undefined,
  } as GraphQLParams;
}

function exactly(what: string, parse: () => JsonValue): JsonValue {
  try {
    return parse();
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw malformedRequestError(`${what} is not valid JSON: ${error.message}`);
    throw error;
  }
}

/**
 * Numbers as JS numbers where that is the same number in the same spelling, which is what `Int` and its like understand;
 * all others stay text, for the scalars that know them.
 */
function withPlainNumbers(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return String(Number(value.text)) === value.text ? Number(value.text) : value;
  if (Array.isArray(value)) return value.map(withPlainNumbers);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withPlainNumbers(member)]));
}
