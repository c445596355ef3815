// Reading request bodies, for both doors: JSON only, no further than the limit.
import { AppError } from '../errors/errors.js';
import { invalidRequest } from '../errors/refusals.js';

/** Refuses whatever is not JSON in UTF-8: a form from another site, above all. */
export function requireJson(headers: Headers): void {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1])
    .find(Boolean);
  const isUtf8 = charset === undefined || charset === 'utf-8' || charset === 'utf8';
  if (type.trim() !== 'application/json' || !isUtf8) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Expected content-type application/json; charset=utf-8');
  }
  if (!/^(identity)?$/i.test(headers.get('content-encoding') ?? '')) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Expected a body without content-encoding');
  }
}

/** The body's bytes, read no further than the limit. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const announced = request.headers.get('content-length');
  // The HTTP parser holds a body to its announced length, so the announcement may be believed.
  if (announced !== null && /^\d+$/.test(announced)) {
    if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
    return new Uint8Array(await whole(() => request.arrayBuffer()));
  }
  return whole(() => readChunks(request, maxBytes));
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

/** A client that hangs up in the middle is nobody's bug. */
async function whole<T>(read: () => Promise<T>): Promise<T> {
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
