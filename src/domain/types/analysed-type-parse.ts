// Parses type documents. The parser is written by hand and switches on the `type` discriminator, because validators
// that try every branch of a union double their work with each level of nesting.
import { LRUCache } from 'lru-cache';
import { invalidRequest } from '../../errors/refusals.js';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../../json/exact.js';
import { parseJson } from '../../json/parse.js';
import { MAX_UINT64 } from '../../json/uint64.js';
import {
  type AnalysedType,
  type Case,
  COMPOUNDS,
  type Compound,
  type Member,
  printAnalysedType,
  SCALARS,
  type ScalarKind,
  TYPE_KINDS,
} from './analysed-type.js';

const MAX_DEPTH = 64;
/**
 * Levels of arrays and objects that a document may have. Strict clients read 127 levels (serde's default), and answers
 * of GraphQL within the default limit of depth have up to 19 levels around a type: beyond that, one secret would make a
 * whole list unreadable.
 */
const MAX_JSON_DEPTH = 108;
const MAX_PROBLEMS = 50;

/**
 * Parses a type document. Unknown keys are ignored, and a missing optional key equals `null`.
 * @throws {AppError} INVALID_REQUEST with one problem per place, such as `$.fields[2].typ: expected a type document`.
 * Names from the document are never quoted, because a caller may have put a secret where a name belongs.
 */
export function parseAnalysedType(document: JsonValue): AnalysedType {
  return readWith(new Reader(MAX_JSON_DEPTH), document);
}

function readWith(reader: Reader, document: JsonValue): AnalysedType {
  const type = reader.type(document, '$');
  reader.finish();
  return type;
}

/**
 * Maximum size of a type document in canonical form, in bytes. It is limited because lists repeat the document with
 * every secret.
 */
export const MAX_TYPE_BYTES = 65_536;

/** The canonical text of a type that is about to be stored. Throws INVALID_REQUEST when the text is too long. */
export function typeTextToStore(type: AnalysedType): string {
  const text = printAnalysedType(type);
  if (Buffer.byteLength(text) > MAX_TYPE_BYTES) {
    throw invalidRequest(`secretType: expected at most ${MAX_TYPE_BYTES} bytes in canonical form`);
  }
  return text;
}

// Keyed by the canonical text, because a handful of types serves many secrets, and every write of a secret needs its
// type.
const parsedTypes = new LRUCache<string, AnalysedType>({
  max: 1000,
  maxSize: 2_000_000,
  sizeCalculation: (_, text) => text.length + 1,
});

/** The type for a stored text that `printAnalysedType` produced, parsed or taken from the cache. */
export function analysedTypeFromText(text: string): AnalysedType {
  const cachedType = parsedTypes.get(text);
  if (cachedType !== undefined) return cachedType;
  try {
    // It may be older than the limits.
    const type = readWith(new Reader(Number.POSITIVE_INFINITY), parseJson(text, { keepsLoneSurrogates: true }));
    parsedTypes.set(text, type);
    return type;
  } catch (error) {
    // The caller did nothing wrong: an AppError would blame the request for a document that was stored earlier.
    throw new Error('A stored type document cannot be read', { cause: error });
  }
}

// Stands in for a part that could not be parsed, so that the remaining parts are still checked and reported.
const UNREADABLE: AnalysedType = { type: 'Bool' };

class Reader {
  private readonly problems: string[] = [];
  private unlisted = 0;
  private depth = 0;
  private jsonDepth = 0;
  private readonly maxJsonDepth: number;

  constructor(maxJsonDepth: number) {
    this.maxJsonDepth = maxJsonDepth;
  }

  finish(): void {
    if (this.unlisted > 0) this.problems.push(`and ${this.unlisted} more problems`);
    if (this.problems.length > 0) throw invalidRequest(...this.problems);
  }

  type(document: JsonValue, place: string): AnalysedType {
    if (!isJsonObject(document)) return this.refuse(place, 'a type document', UNREADABLE);
    if (this.depth === MAX_DEPTH) return this.refuse(place, `at most ${MAX_DEPTH} levels of types`, UNREADABLE);
    this.depth += 1;
    const type = this.within(place, UNREADABLE, () => this.kind(document, place));
    this.depth -= 1;
    return type;
  }

  /** Reads what stands in one more array or object. */
  private within<T>(place: string, instead: T, read: () => T): T {
    if (this.jsonDepth === this.maxJsonDepth) {
      return this.refuse(place, `at most ${this.maxJsonDepth} levels of arrays and objects`, instead);
    }
    this.jsonDepth += 1;
    const content = read();
    this.jsonDepth -= 1;
    return content;
  }

  private kind(document: JsonObject, place: string): AnalysedType {
    const kind = read(document, 'type');
    if (isScalar(kind)) return { type: kind };
    if (!isCompound(kind)) return this.refuse(`${place}.type`, `one of ${TYPE_KINDS.join(', ')}`, UNREADABLE);
    const name = this.optionalString(document, 'name', place);
    const owner = this.optionalString(document, 'owner', place);
    switch (kind) {
      case 'List':
      case 'Option':
        return { type: kind, name, owner, inner: this.type(read(document, 'inner'), `${place}.inner`) };
      case 'Tuple':
        return { type: kind, name, owner, items: this.array(document, 'items', place, this.type) };
      case 'Record': {
        const fields = this.array(document, 'fields', place, this.field);
        return { type: kind, name, owner, fields, distinct: [...firstByName(fields).values()] };
      }
      case 'Variant': {
        const cases = this.array(document, 'cases', place, this.case);
        return { type: kind, name, owner, cases, byName: firstByName(cases) };
      }
      case 'Enum': {
        const cases = this.array(document, 'cases', place, this.string);
        return { type: kind, name, owner, cases, known: new Set(cases) };
      }
      case 'Flags': {
        const names = this.array(document, 'names', place, this.string);
        const positions = new Map(names.map((flag, position) => [flag, position] as const).reverse());
        return { type: kind, name, owner, names, positions };
      }
      case 'Result': {
        const ok = this.optionalType(document, 'ok', place);
        return { type: kind, name, owner, ok, err: this.optionalType(document, 'err', place) };
      }
      case 'Handle':
        return {
          type: kind,
          name,
          owner,
          resourceId: this.resourceId(document, place),
          mode: this.mode(document, place),
        };
    }
  }

  private array<T>(document: JsonObject, key: string, place: string, item: (item: JsonValue, place: string) => T): T[] {
    const items = read(document, key);
    if (!Array.isArray(items)) return this.refuse(`${place}.${key}`, 'an array', []);
    return this.within<T[]>(`${place}.${key}`, [], () =>
      items.map((value, index) => item.call(this, value, `${place}.${key}[${index}]`)),
    );
  }

  private field(document: JsonValue, place: string): Member {
    if (!isJsonObject(document))
      return this.refuse(place, 'an object with name and typ', { name: '', typ: UNREADABLE });
    return this.within<Member>(place, { name: '', typ: UNREADABLE }, () => {
      const name = this.string(read(document, 'name'), `${place}.name`);
      return { name, typ: this.type(read(document, 'typ'), `${place}.typ`) };
    });
  }

  private case(document: JsonValue, place: string): Case {
    if (!isJsonObject(document)) return this.refuse(place, 'an object with name and typ', { name: '', typ: undefined });
    return this.within<Case>(place, { name: '', typ: undefined }, () => {
      const name = this.string(read(document, 'name'), `${place}.name`);
      return { name, typ: this.optionalType(document, 'typ', place) };
    });
  }

  private optionalType(document: JsonObject, key: string, place: string): AnalysedType | undefined {
    const value = read(document, key);
    return value === null ? undefined : this.type(value, `${place}.${key}`);
  }

  private string(value: JsonValue, place: string): string {
    return typeof value === 'string' ? value : this.refuse(place, 'a string', '');
  }

  private optionalString(document: JsonObject, key: string, place: string): string | undefined {
    const value = read(document, key);
    return value === null ? undefined : this.string(value, `${place}.${key}`);
  }

  private resourceId(document: JsonObject, place: string): bigint {
    const value = read(document, 'resource_id');
    const id = value instanceof JsonNumber && /^\d{1,20}$/.test(value.text) ? BigInt(value.text) : -1n;
    const fits = id >= 0n && id <= MAX_UINT64;
    return fits
      ? id
      : this.refuse(`${place}.resource_id`, `a whole number from 0 to ${MAX_UINT64}, in plain digits`, 0n);
  }

  private mode(document: JsonObject, place: string): 'Owned' | 'Borrowed' {
    const mode = read(document, 'mode');
    return mode === 'Owned' || mode === 'Borrowed' ? mode : this.refuse(`${place}.mode`, 'Owned or Borrowed', 'Owned');
  }

  private refuse<T>(place: string, expectation: string, instead: T): T {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(`${place}: expected ${expectation}`);
    else this.unlisted += 1;
    return instead;
  }
}

/** The value of a key; null when the key is missing. */
function read(document: JsonObject, key: string): JsonValue {
  return Object.hasOwn(document, key) ? (document[key] ?? null) : null;
}

function isScalar(kind: JsonValue): kind is ScalarKind {
  return (SCALARS as readonly JsonValue[]).includes(kind);
}

function isCompound(kind: JsonValue): kind is Compound['type'] {
  return (COMPOUNDS as readonly JsonValue[]).includes(kind);
}

function firstByName<T extends { readonly name: string }>(members: readonly T[]): Map<string, T> {
  const byName = new Map<string, T>();
  for (const member of members) {
    if (!byName.has(member.name)) byName.set(member.name, member);
  }
  return byName;
}
