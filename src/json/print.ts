// Printing JSON exactly: every number with its digits, as it came in.
import { JsonNumber, RawJson } from './exact.js';

/**
 * Prints what `JSON.stringify` would, and besides: a `bigint` as its digits, a `JsonNumber` and a `RawJson` as their text.
 * Recursive: depth is for whoever built the value to limit.
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

/** The longest list that is printed. */
let longest = Number.POSITIVE_INFINITY;
const TOO_LONG = new Error('the text is too long');

/** The same, or undefined as soon as a list in it turns out to take more characters. */
export function printShortJson(value: unknown, most: number): string | undefined {
  longest = most;
  try {
    return printJson(value);
  } catch (error) {
    if (error !== TOO_LONG) throw error;
    return undefined;
  } finally {
    longest = Number.POSITIVE_INFINITY;
  }
}

function printObject(object: object): string {
  if (object instanceof RawJson || object instanceof JsonNumber) return object.text;
  if (Array.isArray(object)) return printArray(object);
  if ('toJSON' in object && typeof object.toJSON === 'function') {
    const plain: unknown = object.toJSON();
    return plain === object ? printMembers(object) : printJson(plain);
  }
  return printMembers(object);
}

function printArray(array: unknown[]): string {
  let text = '[';
  for (let index = 0; index < array.length; index += 1) {
    text += index === 0 ? printJson(array[index]) : `,${printJson(array[index])}`;
    if (text.length > longest) throw TOO_LONG;
  }
  return `${text}]`;
}

function printMembers(object: object): string {
  let text = '';
  for (const key of Object.keys(object)) {
    const member = (object as Record<string, unknown>)[key];
    if (member !== undefined && typeof member !== 'function' && typeof member !== 'symbol') {
      text += `${text === '' ? '{' : ','}${printString(key)}:${printJson(member)}`;
    }
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Up to this length a look at every character is cheaper than a call into the engine. */
const SHORT_STRING = 48;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function printString(text: string): string {
  if (text.length > SHORT_STRING) return JSON.stringify(text);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Lone surrogates are printed as escapes; from here on it takes the engine to tell them from pairs.
    if (code < SPACE || code === QUOTE || code === BACKSLASH || code >= 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}
