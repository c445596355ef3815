// Values damaged in one place: what a client's mistake looks like, for properties about refusing or keeping.
import { toUSVString } from 'node:util';
import fc from 'fast-check';
import { JsonNumber, type JsonValue } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { printJson } from '../../../src/json/print.js';
import { anyString } from '../../conformance/generators/typed-values.js';
import { isObject } from './values.js';

/** JSON text that differs from the given one in one place: something replaced, added, dropped, renamed or nudged. */
export function mutated(jsonText: string): fc.Arbitrary<string> {
  const value = parseJson(jsonText);
  return fc
    .tuple(fc.nat({ max: countOf(value) - 1 }), replacement(), anyString(), fc.nat(5))
    .map(([at, other, name, kind]) => printJson(changedAt(value, { left: at }, { other, name, kind })));
}

interface Change {
  other: JsonValue;
  name: string;
  kind: number;
}

function replacement(): fc.Arbitrary<JsonValue> {
  const numbers = ['0', '-1', '0.5', '1e2', '256', '65536', '4294967296', '55296', '1114112', '1e400', '-0.0'];
  const edges = ['18446744073709551615', '18446744073709551616', '9007199254740993', '-9223372036854775809'];
  return fc.oneof(
    fc.constantFrom<JsonValue>(null, true, false, '', 'x', '0', 'x/1', [], {}),
    fc.constantFrom(...numbers, ...edges).map((text) => new JsonNumber(text)),
    anyString(),
    anyString().map((key) => Object.fromEntries([[key, null]])),
  );
}

function countOf(value: JsonValue): number {
  return partsOf(value).reduce<number>((count, part) => count + countOf(part), 1);
}

function partsOf(value: JsonValue): JsonValue[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

/** Counts places down in reading order and changes the one where the count ends. */
function changedAt(value: JsonValue, place: { left: number }, change: Change): JsonValue {
  if (place.left === 0) {
    place.left = -1;
    return changed(value, change);
  }
  place.left -= 1;
  if (Array.isArray(value)) return value.map((item) => (place.left < 0 ? item : changedAt(item, place, change)));
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(
    ([key, item]) => [key, place.left < 0 ? item : changedAt(item, place, change)] as const,
  );
  return Object.fromEntries(members);
}

function changed(value: JsonValue, { other, name, kind }: Change): JsonValue {
  if (kind === 0) return other;
  if (kind === 1) return [value];
  if (Array.isArray(value)) return kind === 2 ? value.slice(1) : [...value, kind === 3 ? (value[0] ?? other) : other];
  if (isObject(value)) {
    const [[key, item] = [name, other], ...rest] = Object.entries(value);
    if (kind === 2) return Object.fromEntries(rest);
    if (kind === 3) return Object.fromEntries([...rest, [name, item]]);
    return Object.fromEntries([[key, item], ...rest, [name, other]]);
  }
  if (value instanceof JsonNumber) {
    // Half more, a digit more, or another spelling.
    if (kind === 3) return new JsonNumber(value.text.replace(/^-?/, '$&1'));
    if (/^-?\d+$/.test(value.text)) return new JsonNumber(value.text + (['.5', '', '.0', 'e1'][kind - 2] ?? ''));
    return new JsonNumber(`-${value.text}`.replace('--', ''));
  }
  if (typeof value === 'string') return kind === 2 ? `${value} ` : kind === 3 ? toUSVString(value.slice(1)) : name;
  return other;
}
