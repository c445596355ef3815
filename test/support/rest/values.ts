// What the contract lets a value or a type look like after a round trip, written down apart from the code under test.
import { JsonNumber, type JsonObject, type JsonValue } from '../../../src/json/exact.js';
import type { TypeDocument } from '../../conformance/generators/typed-values.js';

/** Numbers to be compared as numbers, integers exactly. */
export function comparable(value: JsonValue): unknown {
  if (value instanceof JsonNumber) {
    const number = Number(value.text);
    if (/^-?\d+$/.test(value.text)) return BigInt(value.text);
    return Number.isInteger(number) ? BigInt(number) : number;
  }
  if (Array.isArray(value)) return value.map(comparable);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, comparable(member)]));
}

/** Whether `read` is what the contract promises for a stored `sent`: nothing dropped, cut, or turned into something else. */
export function isFaithful(type: TypeDocument, sent: JsonValue | undefined, read: JsonValue | undefined): boolean {
  if (read === undefined) return false;
  if (sent === undefined) return type.type === 'Option' && read === null;
  switch (type.type) {
    case 'Option':
      return sent === null ? read === null : isFaithful(type.inner as TypeDocument, sent, read);
    case 'List':
    case 'Tuple': {
      const typeAt = (index: number) => (type.type === 'List' ? type.inner : (type.items as unknown[])[index]);
      if (!Array.isArray(sent) || !Array.isArray(read) || sent.length !== read.length) return false;
      if (type.type === 'Tuple' && sent.length !== (type.items as unknown[]).length) return false;
      return sent.every((item, index) => isFaithful(typeAt(index) as TypeDocument, item, read[index]));
    }
    case 'Record': {
      const fields = firstOfEachName(type.fields as Member[]);
      if (!isObject(sent) || !isObject(read)) return false;
      if (!sameSet(Object.keys(read), [...fields.keys()])) return false;
      if (!Object.keys(sent).every((key) => fields.has(key))) return false;
      return [...fields].every(([key, typ]) => isFaithful(typ as TypeDocument, member(sent, key), member(read, key)));
    }
    case 'Variant':
      return isSameChoice(firstOfEachName(type.cases as Member[]), sent, read);
    case 'Result':
      return isSameChoice(
        new Map([
          ['ok', type.ok as Member['typ']],
          ['err', type.err as Member['typ']],
        ]),
        sent,
        read,
      );
    case 'Flags': {
      const set = new Set(sent as string[]);
      const inOrder = [...new Set(type.names as string[])].filter((name) => set.has(name));
      return Array.isArray(sent) && inOrder.length === set.size && isSameList(read, inOrder);
    }
    case 'Handle': {
      const [before, after] = [handleOf(sent), handleOf(read)];
      return before !== undefined && before.prefix === after?.prefix && before.id === after.id;
    }
    case 'Enum':
      return sent === read && (type.cases as JsonValue[]).includes(sent);
    case 'Str':
      return typeof sent === 'string' && sent === read;
    case 'Bool':
      return typeof sent === 'boolean' && sent === read;
    default:
      return sent instanceof JsonNumber && read instanceof JsonNumber && isSameNumber(type.type, sent.text, read.text);
  }
}

type Member = { name: string; typ?: TypeDocument | null };

function firstOfEachName(members: readonly Member[]): Map<string, Member['typ']> {
  return new Map(members.map(({ name, typ }) => [name, typ] as const).reverse());
}

function isSameChoice(cases: ReadonlyMap<string, Member['typ']>, sent: JsonValue, read: JsonValue): boolean {
  if (!isObject(sent) || !isObject(read)) return false;
  const [key, ...others] = Object.keys(sent);
  if (key === undefined || others.length > 0 || !cases.has(key) || !sameSet(Object.keys(read), [key])) return false;
  const typ = cases.get(key);
  if (typ == null) return member(sent, key) === null && member(read, key) === null;
  return isFaithful(typ, member(sent, key), member(read, key));
}

function isSameNumber(kind: string, sent: string, read: string): boolean {
  if (kind === 'F32') return Math.fround(Number(sent)) === Number(read);
  if (kind === 'F64') return Number(sent) === Number(read);
  return /^-?\d+$/.test(read) && decimal(sent) === decimal(read);
}

/** One spelling for each number: its digits without zeros at either end, and the power of ten of the last. */
function decimal(text: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === ''
    ? '0'
    : `${sign}${kept}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - kept.length)}`;
}

function handleOf(value: JsonValue): { prefix: string; id: bigint } | undefined {
  const parts = typeof value === 'string' ? /^([\s\S]*)\/\+?(\d+)$/.exec(value) : null;
  return parts ? { prefix: parts[1] as string, id: BigInt(parts[2] as string) } : undefined;
}

function isSameList(list: JsonValue, expected: readonly string[]): boolean {
  return Array.isArray(list) && list.length === expected.length && expected.every((item, at) => item === list[at]);
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item) => other.includes(item));
}

export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

function member(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
