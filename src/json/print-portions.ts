// Prints response bodies as JSON. Large ones are printed in time slices, into bytes that are ready to be sent.
import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { JsonNumber, RawJson } from './exact.js';
import { printJson, printShortJson } from './print.js';

/** A body is printed in one go, to a string, unless the text of a list in it has more characters than this. */
const LARGE = 256 * 1024;
/** A larger body is printed in pieces of about this many characters; a single string or number may be longer. */
const PIECE = 32 * 1024;

/** The JSON text, or the UTF-8 bytes of it when it is large. */
export function printBody(value: unknown): string | Promise<Uint8Array<ArrayBuffer>> {
  return printShortJson(value, LARGE) ?? printLarge(value);
}

async function printLarge(value: unknown): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let text = '';
  const flush = () => {
    const part = Buffer.from(text);
    parts.push(part);
    size += part.length;
    text = '';
  };
  for (const piece of pieces(value)) {
    text += piece;
    if (text.length < PIECE) continue;
    while (!hasSliceTime()) await nextSlice();
    flush();
  }
  flush();
  const body = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const part of parts) {
    while (!hasSliceTime()) await nextSlice();
    body.set(part, at);
    at += part.length;
  }
  return body;
}

function* pieces(value: unknown): Generator<string> {
  if (!isCompound(value) || roomLeft(value, PIECE) >= 0) {
    yield printJson(value);
    return;
  }
  const isList = Array.isArray(value);
  let prefix = isList ? '[' : '{';
  for (const [key, member] of isList ? value.entries() : Object.entries(value)) {
    // As in `printJson`, undefined is printed as null in a list and left out in an object.
    if (member === undefined && !isList) continue;
    yield isList ? prefix : `${prefix}${printJson(key)}:`;
    yield* pieces(member);
    prefix = ',';
  }
  const isEmpty = prefix !== ',';
  yield `${isEmpty ? prefix : ''}${isList ? ']' : '}'}`;
}

/** Whether the value is a list or a plain object. A value that has its own text or `toJSON` is printed as one piece. */
function isCompound(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !(value instanceof RawJson || value instanceof JsonNumber || 'toJSON' in value);
}

/** Estimates how many of `room` characters are left once the value is printed; negative when it does not fit. */
function roomLeft(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length - 2;
  if (typeof value !== 'object' || value === null) return room - 4;
  if (value instanceof RawJson || value instanceof JsonNumber) return room - value.text.length;
  let left = room - 2;
  for (const key in value) {
    left = roomLeft((value as Record<string, unknown>)[key], left - 4);
    if (left < 0) break;
  }
  return left;
}
