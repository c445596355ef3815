// Prints JSON exactly: every number keeps the digits with which it was read.
import { JsonNumber, RawJson } from './exact.js';
import { JsonList } from './json-list.js';
import { JsonText, LongString } from './json-text.js';

/**
 * Prints what `JSON.stringify` would print, and in addition a `bigint` as its digits and a `JsonNumber` or `RawJson` as
 * its text. It is recursive and does not limit the depth: the code that builds the value has to.
 */
export function printJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return printString(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? 'null' : printObject(value);
    default:
      return 'null';
  }
}

/** How many characters the text of a list or an object may have. Module state is safe here, because printing is synchronous. */
let maxListLength = Number.POSITIVE_INFINITY;
const TOO_LONG = new Error('the text is too long');

/**
 * Prints as `printJson` does, but returns undefined as soon as the text of a list or an object is longer than `maxLength`
 * characters.
 */
export function printShortJson(value: unknown, maxLength: number): string | undefined {
  maxListLength = maxLength;
  try {
    return printJson(value);
  } catch (error) {
    if (error !== TOO_LONG) throw error;
    return undefined;
  } finally {
    maxListLength = Number.POSITIVE_INFINITY;
  }
}

function printObject(object: object): string {
  // A list whose items are not made yet.
  if (object instanceof JsonList) throw TOO_LONG;
  if (object instanceof JsonText) return printPieces(object);
  if (object instanceof RawJson || object instanceof JsonNumber) return object.text;
  if (Array.isArray(object)) return printArray(object);
  if ('toJSON' in object && typeof object.toJSON === 'function') {
    const plain: unknown = object.toJSON();
    return plain === object ? printMembers(object) : printJson(plain);
  }
  return printMembers(object);
}

function printPieces({ pieces, length }: JsonText): string {
  if (length > maxListLength) throw TOO_LONG;
  let text = '';
  for (const piece of pieces) {
    if (piece instanceof JsonList) throw TOO_LONG;
    text += piece instanceof LongString ? printString(piece.value) : piece;
  }
  return text;
}

function printArray(array: unknown[]): string {
  let text = '[';
  for (let index = 0; index < array.length; index += 1) {
    text += index === 0 ? printJson(array[index]) : `,${printJson(array[index])}`;
    if (text.length > maxListLength) throw TOO_LONG;
  }
  return `${text}]`;
}

function printMembers(object: object): string {
  let text = '';
  for (const key of Object.keys(object)) {
    const member = (object as Record<string, unknown>)[key];
    if (member !== undefined && typeof member !== 'function' && typeof member !== 'symbol') {
      text += `${text === '' ? '{' : ','}${printString(key)}:${printJson(member)}`;
      if (text.length > maxListLength) throw TOO_LONG;
    }
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Up to this length, checking every character here is cheaper than calling `JSON.stringify`. */
const SHORT_STRING = 48;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function printString(text: string): string {
  if (text.length > SHORT_STRING) return JSON.stringify(text);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Lone surrogates are printed as escapes. `JSON.stringify` distinguishes them from surrogate pairs, so every text
    // with a code unit of 0xD800 or above is left to it.
    if (code < SPACE || code === QUOTE || code === BACKSLASH || code >= 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}
