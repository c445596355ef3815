// Exact JSON values: numbers keep their digits, and the printer gives them back. Reading is json-parser.ts.

/** A number as it was written: `1.0`, `1e2` and `18446744073709551615` all survive. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Text that is known to be JSON; `printJson` copies it as it is. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** Read members through `Object.hasOwn`: a key such as `toString` or `__proto__` is ordinary content here. */
export type JsonObject = { [key: string]: JsonValue };

/** The text is not JSON. The message names the place and the expectation, never anything the text holds. */
export class JsonSyntaxError extends Error {
  override readonly name: string = 'JsonSyntaxError';
}

/** The text nests deeper than allowed; whether it is JSON was not looked into. */
export class JsonDepthError extends JsonSyntaxError {
  override readonly name = 'JsonDepthError';
}

/** True for an object, as opposed to an array, a scalar, or a number kept as text. */
export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

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
