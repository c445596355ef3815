// Reads JSON as the strictest clients do (serde above all), with a parser of its own: what this accepts, everybody can read.

/** A number with its digits. */
export class Num {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = null | boolean | string | Num | Json[] | Map<string, Json>;

/** Levels of arrays and objects that serde_json reads by default. */
const MAX_DEPTH = 127;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// A string that has no escapes and no control characters up to its quote, or up to what ends that.
const PLAIN = /[ !#-[\]-\uffff]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads one document: no byte order mark, no duplicate keys, no lone surrogates, no number that a double cannot hold, no
 * more than 127 levels, nothing behind it. Throws with the position, and never with what stands there.
 */
export function parseStrict(text: string): Json {
  let at = 0;

  const fail = (what: string): never => {
    throw new Error(`character ${at}: ${what}`);
  };
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ''] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  const take = (character: string): boolean => {
    match(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const word = <T>(letters: string, value: T): T => {
    if (!text.startsWith(letters, at)) fail('no JSON value');
    at += letters.length;
    return value;
  };

  function value(depth: number): Json {
    match(SPACE);
    switch (text[at]) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word('true', true);
      case 'f':
        return word('false', false);
      case 'n':
        return word('null', null);
      default:
        return number();
    }
  }

  function object(depth: number): Json {
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} levels`);
    const members = new Map<string, Json>();
    at += 1;
    if (take('}')) return members;
    do {
      match(SPACE);
      if (text[at] !== '"') fail('no key');
      const key = string();
      if (members.has(key)) fail('a key twice');
      if (!take(':')) fail('no colon');
      members.set(key, value(depth));
    } while (take(','));
    if (!take('}')) fail('an object that does not end');
    return members;
  }

  function array(depth: number): Json {
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} levels`);
    const items: Json[] = [];
    at += 1;
    if (take(']')) return items;
    do {
      items.push(value(depth));
    } while (take(','));
    if (!take(']')) fail('an array that does not end');
    return items;
  }

  function string(): string {
    let read = '';
    at += 1;
    for (;;) {
      read += match(PLAIN);
      const end = text[at];
      at += 1;
      if (end === '"') break;
      if (end !== '\\') fail('a string that does not end');
      read += escaped();
    }
    // With the flag u, a surrogate that belongs to a pair is no surrogate.
    if (/\p{Surrogate}/u.test(read)) fail('a lone surrogate');
    return read;
  }

  function escaped(): string {
    const letter = text[at] ?? '';
    at += 1;
    if (letter !== 'u') return ESCAPES[letter] ?? fail('an unknown escape');
    const digits = /^[0-9a-fA-F]{4}$/.exec(text.slice(at, at + 4))?.[0] ?? fail('an escape without four digits');
    at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  function number(): Num {
    const digits = match(NUMBER);
    if (digits === '') fail('no JSON value');
    if (!Number.isFinite(Number(digits))) fail('a number that no double holds');
    return new Num(digits);
  }

  const document = value(0);
  match(SPACE);
  if (at !== text.length) fail('something behind the document');
  return document;
}

/** Whether both are the same: numbers by what they are worth, integers to the last digit, keys in any order. */
export function isSame(one: Json, other: Json): boolean {
  if (one instanceof Num) return other instanceof Num && worthOf(one) === worthOf(other);
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => isSame(item, other[index] as Json));
  }
  if (one instanceof Map) {
    if (!(other instanceof Map) || one.size !== other.size) return false;
    return [...one].every(([key, item]) => other.has(key) && isSame(item, other.get(key) as Json));
  }
  return one === other;
}

function worthOf({ text }: Num): bigint | number {
  if (/^-?[0-9]+$/.test(text)) return BigInt(text);
  const double = Number(text);
  return Number.isInteger(double) ? BigInt(double) : double;
}

/** The text of a value, with keys in the order in which they came. */
export function print(value: Json): string {
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(print).join(',')}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${print(item)}`).join(',')}}`;
}

/** The value of a key; undefined for what is no object or has none. */
export function member(value: Json | undefined, key: string): Json | undefined {
  return value instanceof Map ? value.get(key) : undefined;
}
