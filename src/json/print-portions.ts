// Prints JSON that may be large: in portions, so that a long text neither stands in memory as a whole nor keeps others
// waiting while it is printed.
import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { JsonNumber, RawJson } from './exact.js';
import { JsonList } from './json-list.js';
import { JsonText, LongString, PIECE } from './json-text.js';
import { printJson, printShortJson } from './print.js';

/** A body is printed in one go, to a string, unless the text of a list or an object in it has more characters than this. */
const LARGE = 256 * 1024;

/** The JSON text; of a large value its portions. */
export function printShortOrPortions(value: unknown): string | AsyncGenerator<string> {
  return printShortJson(value, LARGE) ?? printPortions(value);
}

/** The same between two texts. */
export function printWithin(head: string, value: unknown, tail: string): string | AsyncGenerator<string> {
  const text = printShortOrPortions(value);
  return typeof text === 'string' ? `${head}${text}${tail}` : portionsWithin(head, text, tail);
}

async function* portionsWithin(head: string, text: AsyncGenerator<string>, tail: string): AsyncGenerator<string> {
  yield head;
  yield* text;
  yield tail;
}

/** The JSON text; of a value that is longer than a piece, its pieces. */
export function printPieces(value: object): string | JsonText {
  const short = printShortJson(value, PIECE);
  if (short !== undefined) return short;
  const text = new JsonText();
  let part = '';
  for (const piece of pieces(value)) {
    if (piece instanceof JsonList) {
      text.add(part);
      text.add(piece);
      part = '';
    } else {
      part += piece;
      if (part.length < PIECE) continue;
      text.add(part);
      part = '';
    }
  }
  text.add(part);
  return text;
}

/** The JSON text as a body; a large one is printed no faster than it is read. */
export function printBody(value: unknown): string | ReadableStream<Uint8Array> {
  const text = printShortOrPortions(value);
  return typeof text === 'string' ? text : streamOf(text);
}

/** Prints in portions of about 32 KB. Fails when a list whose items are made meanwhile does. */
async function* printPortions(value: unknown): AsyncGenerator<string> {
  let text = '';
  for (const piece of pieces(value)) {
    if (piece instanceof JsonList) {
      let separator = '[';
      for await (const items of piece.portions) {
        for (const item of items) {
          text += separator + item.text;
          separator = ',';
          if (text.length < PIECE) continue;
          yield text;
          text = '';
        }
      }
      text += separator === '[' ? '[]' : ']';
    } else {
      text += piece;
    }
    if (text.length < PIECE) continue;
    while (!hasSliceTime()) await nextSlice();
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function streamOf(portions: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await portions.next();
        if (done) controller.close();
        else controller.enqueue(Buffer.from(value));
      },
      async cancel() {
        await portions.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** About how many characters the JSON text has; more than `most` as soon as that is certain. */
export function jsonLength(value: unknown, most: number): number {
  return most - roomLeft(value, most);
}

function* pieces(value: unknown): Generator<string | JsonList> {
  if (value instanceof JsonList) {
    yield value;
    return;
  }
  if (value instanceof JsonText) {
    for (const [index, piece] of value.pieces.entries()) {
      // What is sent is let go.
      value.pieces[index] = '';
      yield piece instanceof LongString ? printJson(piece.value) : piece;
    }
    return;
  }
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
  if (value instanceof JsonList) return room - value.bytes;
  if (value instanceof JsonText) return room - value.length;
  let left = room - 2;
  for (const key in value) {
    left = roomLeft((value as Record<string, unknown>)[key], left - 4 - key.length);
    if (left < 0) break;
  }
  return left;
}
