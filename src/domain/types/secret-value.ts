// Checks a value against its declared type and prints it as canonical JSON text, so that what is read later equals
// exactly what was accepted.
import { AppError } from '../../errors/errors.js';
import { limitExceeded } from '../../errors/refusals.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json/exact.js';
import { printJson } from '../../json/print.js';
import { type AnalysedType, describeAnalysedType, type TypeOf } from './analysed-type.js';
import { handle, scalar } from './scalar-value.js';

const MAX_PROBLEMS = 100;
const MAX_NAME_IN_PLACE = 64;

/**
 * Upper limit of the work for one value, far beyond any plan. It is needed because a short list of `{}` may stand for
 * records with many optional fields, each of which is written out.
 */
const MAX_WORK = 4_000_000;

/**
 * Checks a value and returns it as canonical JSON text: integers in plain digits, records with every declared field in
 * order of declaration, flags also in order of declaration. Checking the returned text again gives the same text. The
 * time is linear in the size of the value and of the text, and the recursion is no deeper than the type, which
 * `parseAnalysedType` limits.
 * @throws {AppError} AGENT_SECRET_VALUE_TYPE_MISMATCH with one problem per place, such as `$.db.port: expected u16`.
 * Problems mention declared names only, never any part of the value.
 * @throws {AppError} LIMIT_EXCEEDED when the text would grow out of all proportion to the value.
 */
export function checkSecretValue(type: AnalysedType, value: JsonValue): string {
  const check = new Check();
  const text = check.value(type, value);
  check.finish();
  return text;
}

/** The size of a value's canonical text in bytes, as the plan limits it; 0 without a value. */
export function bytesOf(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
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

  /** The canonical text. Its content is arbitrary once there are problems, because `finish` then throws. */
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
    let declaredCount = 0;
    for (const { name, typ } of type.distinct) {
      this.spend(name.length + 8);
      const member = ownMember(value, name);
      if (member !== undefined) {
        declaredCount += 1;
        parts.push(`${printJson(name)}:${this.at(name, typ, member)}`);
      } else if (typ.type === 'Option') {
        parts.push(`${printJson(name)}:null`);
      } else {
        this.refuseAt(name, `${expectation(typ)}, but the field is missing`);
      }
    }
    if (Object.keys(value).length > declaredCount) this.refuse('exactly the declared fields');
    return `{${parts.join(',')}}`;
  }

  private choice(type: TypeOf<'Variant'> | TypeOf<'Result'>, value: JsonObject): string {
    const [name, ...others] = Object.keys(value);
    if (name === undefined || others.length > 0) return this.refuse(expectation(type));
    const chosen = type.type === 'Variant' ? type.byName.get(name) : resultCase(type, name);
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

  private fail(summary: readonly string[]): never {
    const problems = [...this.problems, ...summary];
    throw new AppError('AGENT_SECRET_VALUE_TYPE_MISMATCH', 'The secret value does not fit its type', { problems });
  }
}

function resultCase(type: TypeOf<'Result'>, name: string): { readonly typ: AnalysedType | undefined } | undefined {
  if (name === 'ok') return { typ: type.ok };
  return name === 'err' ? { typ: type.err } : undefined;
}

function ownMember(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
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

/**
 * The JSON path of a place. It contains declared names only. Long names are cut, because a hundred problems could
 * otherwise repeat a megabyte each.
 */
function placeText(place: readonly (string | number)[]): string {
  return place.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (step.length > MAX_NAME_IN_PLACE) return `${text}[${JSON.stringify(`${step.slice(0, MAX_NAME_IN_PLACE)}…`)}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `${text}.${step}` : `${text}[${JSON.stringify(step)}]`;
  }, '$');
}
