// Reads request bodies for GraphQL and REST: JSON only, and no more bytes than the limit.
import { AppError } from '../errors/errors.js';
import { invalidRequest } from '../errors/refusals.js';

export const PLAIN_JSON = /^application\/json$/;
/** Also types whose syntax is JSON by their suffix (RFC 6839), such as `application/merge-patch+json`. */
export const ANY_JSON = /^application\/([\w!#$&^.+-]+\+)?json$/;

/** UNSUPPORTED_MEDIA_TYPE unless the body is JSON in UTF-8; above all, this refuses forms from other sites (CSRF). */
export function requireJson(headers: Headers, types: RegExp): void {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=(.*)$/.exec(parameter)?.[1]?.trim())
    .find((given) => given !== undefined && given !== '');
  const isUtf8 = charset === undefined || /^("?)utf-?8\1$/.test(charset);
  if (!types.test(type.trim()) || !isUtf8) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Expected content-type application/json; charset=utf-8');
  }
  if (!/^(identity)?$/i.test(headers.get('content-encoding') ?? '')) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Expected a body without content-encoding');
  }
}

/** Where the memory of large bodies is counted. */
export interface Reservation {
  /** Reserves bytes before they are read: undefined when there is room at once, else a promise. */
  take(bytes: number): undefined | Promise<void>;
  /** Gives back bytes that turned out not to be needed. */
  give(bytes: number): void;
}

/** Smaller bodies are read without a reservation: what counts of them is what they ask for. */
const SMALL = 64 * 1024;
/** What a body takes in memory, as bytes, as text and as parsed values. */
const HELD_PER_BYTE = 3;

/** The bytes of the body; PAYLOAD_TOO_LARGE, without reading further, if there are more than `maxBytes`. */
export async function readBody(request: Request, maxBytes: number, reservation?: Reservation): Promise<Uint8Array> {
  const contentLength = request.headers.get('content-length');
  // The HTTP parser enforces Content-Length, so the header can be trusted.
  if (contentLength !== null && /^\d+$/.test(contentLength)) {
    if (Number(contentLength) > maxBytes) throw tooLarge(maxBytes);
    await reserve(Number(contentLength), reservation);
    return new Uint8Array(await readCompletely(() => request.arrayBuffer()));
  }
  // It may be as long as it is allowed to be.
  await reserve(maxBytes, reservation);
  const bytes = await readCompletely(() => readChunks(request, maxBytes));
  reservation?.give(heldFor(maxBytes) - heldFor(bytes.length));
  return bytes;
}

function heldFor(bytes: number): number {
  return bytes > SMALL ? HELD_PER_BYTE * bytes : 0;
}

async function reserve(bytes: number, reservation: Reservation | undefined): Promise<void> {
  const held = heldFor(bytes);
  const wait = held > 0 ? reservation?.take(held) : undefined;
  if (wait) await wait;
}

async function readChunks(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** A client that disconnects before the end causes INVALID_REQUEST, not an internal error. */
async function readCompletely<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw invalidRequest('body: it ended before it was complete');
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `The body may have ${maxBytes} bytes at most`);
}
