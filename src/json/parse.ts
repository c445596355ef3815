// Parses JSON strictly and exactly: every number keeps its text, any deviation from the standard is an error, and no
// error message quotes the input.
import { toUSVString } from 'node:util';
import { hasSliceTime, nextSlice } from '../scheduling/time-slice.js';
import { JsonDepthError, JsonNumber, type JsonObject, JsonSyntaxError, type JsonValue } from './exact.js';

/** Sets a member of any name; a plain assignment to `__proto__` would change the object's prototype instead. */
function setMember(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
  } else {
    object[key] = value;
  }
}

// `ignoreBOM` keeps a byte order mark in the text, so that the parser rejects it like any other unexpected character.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes the bytes of a request body.
 * @throws {JsonSyntaxError} when the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new JsonSyntaxError('expected valid UTF-8');
  }
}

export interface ParseOptions {
  /** How many levels of arrays and objects there may be. */
  maxDepth?: number;
  /**
   * Keeps the escapes of lone surrogates, for what was stored before they were refused. Most parsers of other languages
   * refuse a whole document for one of them.
   */
  keepsLoneSurrogates?: boolean;
}

/**
 * Parses one document, strictly by RFC 8259: no duplicate keys (not even with equal values), no byte order mark,
 * nothing after the document, and no escapes of lone surrogates, which are no text. Numbers become `JsonNumber`; an
 * escaped U+0000 is kept.
 * @throws {JsonDepthError} beyond `maxDepth` levels of arrays and objects, by default 256.
 * @throws {JsonSyntaxError} when the text is not JSON.
 */
export function parseJson(text: string, options: ParseOptions = {}): JsonValue {
  const parser = new Parser(text, options);
  parser.advance(MAX_VALUES);
  return parser.document;
}

/** More values than any text has, and a number of the kind with which loops count fast. */
const MAX_VALUES = 2 ** 30;

/** A longer text is parsed in time slices. */
const LONG_TEXT = 64 * 1024;
/** How many values are parsed between two looks at the clock. */
const PORTION = 32;

/** Parses as `parseJson` does. A long text does not block the event loop: other work is done in between. */
export async function parseJsonInSlices(text: string, options: ParseOptions = {}): Promise<JsonValue> {
  if (text.length <= LONG_TEXT) return parseJson(text, options);
  const parser = new Parser(text, options);
  do {
    while (!hasSliceTime()) await nextSlice();
  } while (!parser.advance(PORTION));
  return parser.document;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

// Up to this length a loop over the characters is faster than calling `JSON.parse`; print.ts has the same limit for
// printing.
const SHORT_STRING = 48;

/** An array or object around the innermost one. */
interface Outer {
  readonly container: JsonValue[] | JsonObject;
  readonly key: string;
  readonly outer: Outer | undefined;
}

/**
 * Reads one value after another. The arrays and objects around the next value are kept on a stack of its own instead of
 * the call stack, so that the parser can stop and go on anywhere.
 */
class Parser {
  private readonly text: string;
  private at = 0;
  private readonly maxDepth: number;
  private readonly keepsLoneSurrogates: boolean;
  /** The innermost array or object that has begun and not ended; undefined outside of all of them. */
  private container: JsonValue[] | JsonObject | undefined;
  /** The key of the next value, if the innermost container is an object. */
  private key = '';
  private outer: Outer | undefined;
  private depth = 0;
  /** The whole document, once `advance` has returned true. */
  document: JsonValue = null;

  constructor(text: string, { maxDepth = 256, keepsLoneSurrogates = false }: ParseOptions) {
    this.text = text;
    this.maxDepth = maxDepth;
    this.keepsLoneSurrogates = keepsLoneSurrogates;
  }

  /** Reads up to this many values. Returns true when the document is complete. */
  advance(maxValues: number): boolean {
    for (let left = maxValues; left > 0; left -= 1) {
      this.skipSpace();
      const code = this.peek();
      if (code === OPEN_BRACE) {
        this.descend({});
        if (!this.accept(CLOSE_BRACE)) this.readKey();
        else if (this.add(this.ascend())) return true;
      } else if (code === OPEN_BRACKET) {
        this.descend([]);
        if (this.accept(CLOSE_BRACKET) && this.add(this.ascend())) return true;
      } else if (this.add(this.scalar(code))) return true;
    }
    return false;
  }

  /** Adds a value to its container, and ends all containers that end with it. True when that was the whole document. */
  private add(complete: JsonValue): boolean {
    let value = complete;
    for (;;) {
      const { container } = this;
      if (container === undefined) {
        this.skipSpace();
        if (this.at !== this.text.length) this.fail('the end of the text');
        this.document = value;
        return true;
      }
      const isArray = Array.isArray(container);
      if (isArray) container.push(value);
      else setMember(container, this.key, value);
      this.skipSpace();
      const code = this.peek();
      if (code === COMMA) {
        this.at += 1;
        if (!isArray) this.readKey();
        return false;
      }
      if (code !== (isArray ? CLOSE_BRACKET : CLOSE_BRACE)) this.fail(isArray ? "',' or ']'" : "',' or '}'");
      this.at += 1;
      value = this.ascend();
    }
  }

  private readKey(): void {
    this.skipSpace();
    const start = this.at;
    this.key = this.peek() === QUOTE ? this.string() : this.fail('a key in quotes');
    if (Object.hasOwn(this.container as JsonObject, this.key)) this.fail('a key that is new to this object', start);
    if (!this.accept(COLON)) this.fail("':'");
  }

  private scalar(code: number): JsonValue {
    switch (code) {
      case QUOTE:
        return this.string();
      case 0x74:
        return this.literal('true', true);
      case 0x66:
        return this.literal('false', false);
      case 0x6e:
        return this.literal('null', null);
      default:
        return this.number();
    }
  }

  private descend(container: JsonValue[] | JsonObject): void {
    this.depth += 1;
    if (this.depth > this.maxDepth) {
      throw new JsonDepthError(`${this.place(this.at)}: expected at most ${this.maxDepth} levels of nesting`);
    }
    if (this.container) this.outer = { container: this.container, key: this.key, outer: this.outer };
    this.container = container;
    this.at += 1;
  }

  private ascend(): JsonValue {
    const complete = this.container as JsonValue;
    const { outer } = this;
    this.depth -= 1;
    this.container = outer?.container;
    if (outer) {
      this.key = outer.key;
      this.outer = outer.outer;
    }
    return complete;
  }

  private string(): string {
    const { text } = this;
    const start = this.at + 1;
    const limit = Math.min(text.length, start + SHORT_STRING);
    for (let at = start; at < limit; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.at = at + 1;
        return text.slice(start, at);
      }
      if (code === BACKSLASH || code < SPACE) break;
    }
    return this.longString();
  }

  /** `JSON.parse` scans and unescapes a long string several times faster than a loop here would, and is as strict. */
  private longString(): string {
    const start = this.at;
    const end = closingQuote(this.text, start + 1);
    if (end === -1) this.fail('a string that ends');
    this.at = end + 1;
    const escaped = this.text.slice(start, this.at);
    const string = this.unescaped(escaped, start);
    // UTF-8 has no lone surrogates: only escapes can make one.
    if (!this.keepsLoneSurrogates && escaped.includes('\\u') && toUSVString(string) !== string) {
      this.fail('a string without lone surrogates', start);
    }
    return string;
  }

  private unescaped(escaped: string, start: number): string {
    try {
      return JSON.parse(escaped);
    } catch {
      // The error of `JSON.parse` is not attached as the cause, because its message quotes the text.
      return this.fail('a string without control characters and with valid escapes', start);
    }
  }

  private number(): JsonNumber {
    const start = this.at;
    const first = this.peek();
    if (first > 0x30 && first <= 0x39) {
      let end = start + 1;
      let code = this.text.charCodeAt(end);
      while (code >= 0x30 && code <= 0x39) {
        end += 1;
        code = this.text.charCodeAt(end);
      }
      // Whole numbers need no regular expression, which would be slower; `| 0x20` makes E to e.
      if (code !== 0x2e && (code | 0x20) !== 0x65) {
        this.at = end;
        return new JsonNumber(this.text.slice(start, end));
      }
    }
    NUMBER.lastIndex = start;
    if (!NUMBER.test(this.text)) this.fail('a value');
    this.at = NUMBER.lastIndex;
    return new JsonNumber(this.text.slice(start, this.at));
  }

  private literal<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('a value');
    this.at += word.length;
    return value;
  }

  /** Returns 0 at the end of the text; no grammar rule accepts that character. */
  private peek(): number {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : 0;
  }

  private accept(code: number): boolean {
    this.skipSpace();
    if (this.peek() !== code) return false;
    this.at += 1;
    return true;
  }

  private skipSpace(): void {
    let code = this.peek();
    while (code === SPACE || code === 0x0a || code === 0x0d || code === 0x09) {
      this.at += 1;
      code = this.peek();
    }
  }

  private fail(expectation: string, at = this.at): never {
    throw new JsonSyntaxError(`${this.place(at)}: expected ${expectation}`);
  }

  private place(at: number): string {
    let line = 1;
    let lineStart = 0;
    for (let next = this.text.indexOf('\n'); next !== -1 && next < at; next = this.text.indexOf('\n', lineStart)) {
      line += 1;
      lineStart = next + 1;
    }
    return `line ${line}, column ${at - lineStart + 1}`;
  }
}

/** Index of the first unescaped quote from `from` on (an even number of backslashes precedes it), or -1. */
function closingQuote(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) {
      before -= 1;
    }
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}
