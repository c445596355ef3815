// Answers as JSON text, however large: what is long to print is printed in portions, into bytes that only need sending.

import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { JsonNumber, RawJson } from './exact.js';
import { printJson, printShortJson } from './print.js';

/** An answer without a list of more characters is printed at once, and handed on as it is. */
const LARGE = 256 * 1024;
/** What is printed at once of a larger one: at most so much, or one string or number. */
const PIECE = 32 * 1024;

/** The text, or its UTF-8 bytes where there is much of it. */
export function printBody(value: unknown): string | Promise<Uint8Array<ArrayBuffer>> {
  return printShortJson(value, LARGE) ?? printLarge(value);
}

async function printLarge(value: unknown): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let text = '';
  const take = () => {
    const part = Buffer.from(text);
    parts.push(part);
    size += part.length;
    text = '';
  };
  for (const piece of pieces(value)) {
    text += piece;
    if (text.length < PIECE) continue;
    while (!hasSliceTime()) await nextSlice();
    take();
  }
  take();
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
  let before = isList ? '[' : '{';
  for (const [key, member] of isList ? value.entries() : Object.entries(value)) {
    // As `printJson` has it: a list has null where a member would be left out.
    if (member === undefined && !isList) continue;
    yield isList ? before : `${before}${printJson(key)}:`;
    yield* pieces(member);
    before = ',';
  }
  const isEmpty = before !== ',';
  yield `${isEmpty ? before : ''}${isList ? ']' : '}'}`;
}

/** Lists and plain objects; what prints itself is printed in one. */
function isCompound(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !(value instanceof RawJson || value instanceof JsonNumber || 'toJSON' in value);
}

/** What is left of the room once the value is printed, roughly; below zero when it does not fit. */
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
