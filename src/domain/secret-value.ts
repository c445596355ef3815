// Does a value fit its declared type? If so it is written the one way it will be read back, exactly; if not, refused.
import { AppError, limitExceeded } from '../errors.js';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, printJson } from '../json.js';
import { MAX_UINT64 } from '../uint64.js';
import { type AnalysedType, describeAnalysedType, type ScalarKind, type TypeOf } from './analysed-type.js';
import { nearestFloat32 } from './float32.js';

const MAX_PROBLEMS = 100;
const MAX_NAME_IN_PLACE = 64;
const MAX_U64_DIGITS = 20;

/** Far beyond any plan. A short list of `{}` may stand for records of many optional fields, each to be written out. */
const MAX_WORK = 4_000_000;

const RANGES: Partial<Record<ScalarKind, readonly [min: bigint, max: bigint]>> = {
  U64: [0n, MAX_UINT64],
  S64: [-(2n ** 63n), 2n ** 63n - 1n],
  U32: [0n, 2n ** 32n - 1n],
  S32: [-(2n ** 31n), 2n ** 31n - 1n],
  U16: [0n, 0xffffn],
  S16: [-0x8000n, 0x7fffn],
  U8: [0n, 0xffn],
  S8: [-0x80n, 0x7fn],
  Chr: [0n, 0x10ffffn],
};

/**
 * Checks a value and gives it as canonical JSON text: integers in plain digits, records with every declared field in order
 * of declaration, flags in that order too. Checking the text again gives the same text. Takes time linear in the value
 * and the text, and descends no deeper than the type, which `parseAnalysedType` limits.
 * @throws {AppError} AGENT_SECRET_VALUE_TYPE_MISMATCH with a problem per place, such as `$.db.port: expected u16`. Problems
 * tell declared names only, never any part of the value.
 * @throws {AppError} LIMIT_EXCEEDED when the text would grow out of all proportion.
 */
export function checkSecretValue(type: AnalysedType, value: JsonValue): string {
  const check = new Check();
  const text = check.value(type, value);
  check.finish();
  return text;
}

class Check {
  private readonly problems: string[] = [];
  private readonly place: (string | number)[] = [];
  private unlisted = 0;
  private work = 0;

  finish(): void {
    if (this.problems.length === 0) return;
    this.fail(this.unlisted === 0 ? [] : [`and ${this.unlisted} more problems`]);
  }

  /** The canonical text, or any text once there are problems. */
  value(type: AnalysedType, value: JsonValue): string {
    switch (type.type) {
      case 'Option':
        return value === null ? 'null' : this.value(type.inner, value);
      case 'List':
        return Array.isArray(value) ? this.list(type, value) : this.refuse(expectation(type));
      case 'Tuple':
        return Array.isArray(value) ? this.tuple(type, value) : this.refuse(expectation(type));
      case 'Flags':
        return Array.isArray(value) ? this.flags(type, value) : this.refuse(expectation(type));
      case 'Record':
        return isJsonObject(value) ? this.record(type, value) : this.refuse(expectation(type));
      case 'Variant':
      case 'Result':
        return isJsonObject(value) ? this.choice(type, value) : this.refuse(expectation(type));
      case 'Enum':
        return typeof value === 'string' && type.known.has(value) ? printJson(value) : this.refuse(expectation(type));
      case 'Handle':
        return (typeof value === 'string' ? handle(value) : undefined) ?? this.refuse(expectation(type));
      default:
        return scalar(type.type, value) ?? this.refuse(expectation(type));
    }
  }

  private list(type: TypeOf<'List'>, value: readonly JsonValue[]): string {
    const parts = value.map((element, index) => this.at(index, type.inner, element));
    return `[${parts.join(',')}]`;
  }

  private tuple(type: TypeOf<'Tuple'>, value: readonly JsonValue[]): string {
    if (value.length !== type.items.length) return this.refuse(expectation(type));
    const parts = type.items.map((item, index) => this.at(index, item, value[index] as JsonValue));
    return `[${parts.join(',')}]`;
  }

  private flags(type: TypeOf<'Flags'>, value: readonly JsonValue[]): string {
    const set = new Set<number>();
    value.forEach((flag, index) => {
      const position = typeof flag === 'string' ? type.positions.get(flag) : undefined;
      if (position === undefined) this.refuseAt(index, 'a declared flag');
      else set.add(position);
    });
    const inOrder = [...set].sort((a, b) => a - b);
    return printJson(inOrder.map((position) => type.names[position]));
  }

  private record(type: TypeOf<'Record'>, value: JsonObject): string {
    const parts: string[] = [];
    let given = 0;
    for (const { name, typ } of type.distinct) {
      this.spend(name.length + 8);
      const member = own(value, name);
      if (member !== undefined) {
        given += 1;
        parts.push(`${printJson(name)}:${this.at(name, typ, member)}`);
      } else if (typ.type === 'Option') {
        parts.push(`${printJson(name)}:null`);
      } else {
        this.refuseAt(name, `${expectation(typ)}, but the field is missing`);
      }
    }
    if (Object.keys(value).length > given) this.refuse('exactly the declared fields');
    return `{${parts.join(',')}}`;
  }

  private choice(type: TypeOf<'Variant'> | TypeOf<'Result'>, value: JsonObject): string {
    const [name, ...others] = Object.keys(value);
    if (name === undefined || others.length > 0) return this.refuse(expectation(type));
    const chosen = type.type === 'Variant' ? type.byName.get(name) : side(type, name);
    if (chosen === undefined) return this.refuse(expectation(type));
    const payload = value[name] as JsonValue;
    if (chosen.typ !== undefined) return `{${printJson(name)}:${this.at(name, chosen.typ, payload)}}`;
    return payload === null ? `{${printJson(name)}:null}` : this.refuseAt(name, 'null');
  }

  private at(step: string | number, type: AnalysedType, value: JsonValue): string {
    this.spend(1);
    this.place.push(step);
    const text = this.value(type, value);
    this.place.pop();
    return text;
  }

  private spend(work: number): void {
    this.work += work;
    if (this.work <= MAX_WORK) return;
    if (this.problems.length > 0) this.fail(['and more problems']);
    throw limitExceeded('The secret value grows too large once its missing optional fields are written out');
  }

  private refuse(expected: string): string {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(`${placeText(this.place)}: expected ${expected}`);
    else this.unlisted += 1;
    return '';
  }

  private refuseAt(step: string | number, expected: string): string {
    this.place.push(step);
    this.refuse(expected);
    this.place.pop();
    return '';
  }

  private fail(rest: readonly string[]): never {
    const problems = [...this.problems, ...rest];
    throw new AppError('AGENT_SECRET_VALUE_TYPE_MISMATCH', 'The secret value does not fit its type', { problems });
  }
}

function side(type: TypeOf<'Result'>, name: string): { readonly typ: AnalysedType | undefined } | undefined {
  if (name === 'ok') return { typ: type.ok };
  return name === 'err' ? { typ: type.err } : undefined;
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function scalar(kind: ScalarKind, value: JsonValue): string | undefined {
  if (kind === 'Str') return typeof value === 'string' ? printJson(value) : undefined;
  if (kind === 'Bool') return typeof value === 'boolean' ? String(value) : undefined;
  if (!(value instanceof JsonNumber)) return undefined;
  if (kind === 'F64') return finite(Number(value.text));
  if (kind === 'F32') return finite(nearestFloat32(value.text));
  return integer(kind, value.text);
}

/** Prints -0 as 0. */
function finite(number: number): string | undefined {
  return Number.isFinite(number) ? String(number) : undefined;
}

function integer(kind: ScalarKind, text: string): string | undefined {
  const [min, max] = RANGES[kind] ?? [0n, 0n];
  const number = wholeNumber(text);
  if (number === undefined || number < min || number > max) return undefined;
  if (kind === 'Chr' && number >= 0xd800n && number <= 0xdfffn) return undefined;
  return String(number);
}

/**
 * A number's exact value, if it is whole and not far beyond 64 bits. Whatever the spelling, no more digits are written
 * than it may have in the end: `1e999999999` must not become a number of that size first.
 */
export function wholeNumber(text: string): bigint | number | undefined {
  if (text.length < 16 && /^-?\d+$/.test(text)) return Number(text);
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = whole + fraction;
  let start = 0;
  while (digits[start] === '0') start += 1;
  if (start === digits.length) return 0n;
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  const zeros = Number(exponent) - fraction.length + (digits.length - end);
  if (zeros < 0 || end - start + zeros > MAX_U64_DIGITS) return undefined;
  return BigInt(`${sign}${digits.slice(start, end)}${'0'.repeat(zeros)}`);
}

/** `<prefix>/<id>`, split at the last slash; the id is decimal, of 64 bits, and loses its plus and leading zeros. */
function handle(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  const [, digits] = /^\+?(\d+)$/.exec(text.slice(slash + 1)) ?? [];
  if (slash === -1 || digits === undefined) return undefined;
  const id = wholeNumber(digits);
  return id === undefined || id > MAX_UINT64 ? undefined : printJson(`${text.slice(0, slash + 1)}${id}`);
}

function expectation(type: AnalysedType): string {
  switch (type.type) {
    case 'Option':
      return `${expectation(type.inner)} or null`;
    case 'List':
      return 'an array';
    case 'Tuple':
      return `an array of length ${type.items.length}`;
    case 'Flags':
      return 'an array of declared flags';
    case 'Record':
      return 'an object with exactly the declared fields';
    case 'Variant':
      return 'an object with exactly one key, a declared case';
    case 'Result':
      return 'an object with exactly one key, ok or err';
    case 'Enum':
      return 'a declared case';
    case 'Handle':
      return 'a handle, <prefix>/<unsigned 64-bit id>';
    case 'Chr':
      return 'char, as the number of a Unicode scalar value';
    default:
      return describeAnalysedType(type);
  }
}

/** A JSON path. Names are declared ones; long ones are cut, or a hundred problems could repeat a megabyte each. */
function placeText(place: readonly (string | number)[]): string {
  return place.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (step.length > MAX_NAME_IN_PLACE) return `${text}[${JSON.stringify(`${step.slice(0, MAX_NAME_IN_PLACE)}…`)}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `${text}.${step}` : `${text}[${JSON.stringify(step)}]`;
  }, '$');
}
