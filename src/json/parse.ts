// Parses JSON strictly and exactly: every number keeps its text, any deviation from the standard is an error, and no
// error message quotes the input.
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

/**
 * Parses one document, strictly by RFC 8259: no duplicate keys (not even with equal values), no byte order mark,
 * nothing after the document. Numbers become `JsonNumber`; U+0000 and lone surrogates, legal when escaped, are kept.
 * @throws {JsonDepthError} beyond `maxDepth` levels of arrays and objects, by default 256.
 * @throws {JsonSyntaxError} when the text is not JSON.
 */
export function parseJson(text: string, options: { maxDepth?: number } = {}): JsonValue {
  return new Parser(text, options.maxDepth ?? 256).document();
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

class Parser {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private readonly maxDepth: number;

  constructor(text: string, maxDepth: number) {
    this.text = text;
    this.maxDepth = maxDepth;
  }

  document(): JsonValue {
    const value = this.value();
    this.skipSpace();
    return this.at === this.text.length ? value : this.fail('the end of the text');
  }

  private value(): JsonValue {
    this.skipSpace();
    switch (this.peek()) {
      case QUOTE:
        return this.string();
      case OPEN_BRACE:
        return this.object();
      case OPEN_BRACKET:
        return this.array();
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

  private object(): JsonObject {
    const object: JsonObject = {};
    this.descend();
    if (!this.accept(CLOSE_BRACE)) {
      do {
        this.skipSpace();
        const start = this.at;
        const key = this.peek() === QUOTE ? this.string() : this.fail('a key in quotes');
        if (Object.hasOwn(object, key)) this.fail('a key that is new to this object', start);
        this.expect(COLON, "':'");
        setMember(object, key, this.value());
      } while (this.accept(COMMA));
      this.expect(CLOSE_BRACE, "',' or '}'");
    }
    this.depth -= 1;
    return object;
  }

  private array(): JsonValue[] {
    const array: JsonValue[] = [];
    this.descend();
    if (!this.accept(CLOSE_BRACKET)) {
      do {
        array.push(this.value());
      } while (this.accept(COMMA));
      this.expect(CLOSE_BRACKET, "',' or ']'");
    }
    this.depth -= 1;
    return array;
  }

  private descend(): void {
    this.depth += 1;
    if (this.depth > this.maxDepth) {
      throw new JsonDepthError(`${this.place(this.at)}: expected at most ${this.maxDepth} levels of nesting`);
    }
    this.at += 1;
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
    try {
      return JSON.parse(this.text.slice(start, this.at));
    } catch {
      // The error of `JSON.parse` is not attached as the cause, because its message quotes the text.
      return this.fail('a string without control characters and with valid escapes', start);
    }
  }

  private number(): JsonNumber {
    const start = this.at;
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

  private expect(code: number, expectation: string): void {
    if (!this.accept(code)) this.fail(expectation);
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
    const before = this.text.slice(0, at);
    return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`;
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
