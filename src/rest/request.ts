// Strict parsing of REST requests: ids in the path, revisions, headers, bodies. Error messages name the place of a
// problem and never quote the content.

import { invalidRequest } from '../errors/refusals.js';
import { ANY_JSON, type Reservation, readBody, requireJson } from '../http/body.js';
import { eventIdFrom } from '../ids/event-id.js';
import { uuidFromAnyForm } from '../ids/uuid.js';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue } from '../json/exact.js';
import { decodeUtf8, parseJsonInSlices } from '../json/parse.js';
import { uint64From } from '../json/uint64.js';

/** Parses a path parameter that must be a UUID in any form, and returns the canonical one; INVALID_REQUEST otherwise. */
export function uuidIn(name: string, text: string): string {
  const uuid = uuidFromAnyForm(text);
  if (uuid === undefined) throw invalidRequest(`${name}: expected a UUID`);
  return uuid;
}

/** Parses an unsigned 64-bit integer in plain decimal digits; INVALID_REQUEST otherwise. */
export function counterIn(name: string, text: string | undefined): bigint {
  const counter = text === undefined ? undefined : uint64From(text);
  if (counter === undefined) throw invalidRequest(`${name}: expected an unsigned 64-bit integer in decimal digits`);
  return counter;
}

/** Returns the text of an event id, or of a revision in plain decimal digits; INVALID_REQUEST otherwise. */
export function eventIdIn(name: string, text: string): string {
  if (!eventIdFrom(text)) throw invalidRequest(`${name}: expected the id of an event, or a revision in decimal digits`);
  return text;
}

/** The value of a query parameter, or undefined without one; INVALID_REQUEST if the parameter is repeated. */
export function queryIn(request: Request, name: string): string | undefined {
  const values = new URL(request.url, 'http://localhost').searchParams.getAll(name);
  if (values.length > 1) throw invalidRequest(`${name}: expected once`);
  return values[0];
}

/** Whether the query has a parameter. It costs next to nothing where there is no query at all. */
export function hasParameter(request: Request, name: string): boolean {
  return request.url.includes('?') && new URL(request.url, 'http://localhost').searchParams.has(name);
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** The header `Idempotency-Key`, or null without one; INVALID_REQUEST if it is malformed. */
export function idempotencyKeyIn(request: Request): string | null {
  const key = request.headers.get('idempotency-key');
  if (key !== null && !IDEMPOTENCY_KEY.test(key)) {
    throw invalidRequest('Idempotency-Key: expected 1 to 255 visible ASCII characters');
  }
  return key;
}

/** The body as a JSON object. Checks, in this order: UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, INVALID_REQUEST. */
export async function jsonBody(request: Request, maxBytes: number, reservation?: Reservation): Promise<JsonObject> {
  requireJson(request.headers, ANY_JSON);
  const bytes = await readBody(request, maxBytes, reservation);
  let body: JsonValue;
  try {
    body = await parseJsonInSlices(decodeUtf8(bytes));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw invalidRequest(`body: ${error.message}`);
    throw error;
  }
  if (!isJsonObject(body)) throw invalidRequest('body: expected a JSON object');
  return body;
}

/** A required array of strings; INVALID_REQUEST otherwise, with 20 problems at most. */
export function stringsIn(name: string, value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) throw invalidRequest(`${name}: expected an array of strings`);
  const problems: string[] = [];
  for (let index = 0; index < value.length && problems.length < 20; index += 1) {
    if (typeof value[index] !== 'string') problems.push(`${name}[${index}]: expected a string`);
  }
  if (problems.length > 0) throw invalidRequest(...problems);
  return value as string[];
}
