// Checks values of scalar types and handles exactly, and prints each in one canonical form, however the input was
// spelled.
import { JsonNumber, type JsonValue } from '../../json/exact.js';
import { printJson } from '../../json/print.js';
import { MAX_UINT64 } from '../../json/uint64.js';
import type { ScalarKind } from './analysed-type.js';
import { nearestFloat32 } from './float32.js';

const MAX_U64_DIGITS = 20;

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

/** The canonical text of a value, or undefined when the value does not fit the scalar type. */
export function scalar(kind: ScalarKind, value: JsonValue): string | undefined {
  if (kind === 'Str') return typeof value === 'string' ? printJson(value) : undefined;
  if (kind === 'Bool') return typeof value === 'boolean' ? String(value) : undefined;
  if (!(value instanceof JsonNumber)) return undefined;
  if (kind === 'F64') return printFinite(Number(value.text));
  if (kind === 'F32') return printFinite(nearestFloat32(value.text));
  return printInteger(kind, value.text);
}

/** The canonical text of a finite number; -0 becomes 0. */
function printFinite(number: number): string | undefined {
  return Number.isFinite(number) ? String(number) : undefined;
}

function printInteger(kind: ScalarKind, text: string): string | undefined {
  const [min, max] = RANGES[kind] ?? [0n, 0n];
  const number = wholeNumber(text);
  if (number === undefined || number < min || number > max) return undefined;
  if (kind === 'Chr' && number >= 0xd800n && number <= 0xdfffn) return undefined;
  return String(number);
}

/**
 * The exact value of a number's text, if it is whole and not far beyond 64 bits; undefined otherwise. The number of
 * digits is checked before any are written out, so that `1e999999999` never becomes a number of that size in memory.
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

/**
 * The canonical text of a handle `<prefix>/<id>`, which is split at the last slash. The id is an unsigned 64-bit
 * decimal number and loses a plus sign and leading zeros. Undefined when the text is no handle.
 */
export function handle(text: string): string | undefined {
  const slash = text.lastIndexOf('/');
  const [, digits] = /^\+?(\d+)$/.exec(text.slice(slash + 1)) ?? [];
  if (slash === -1 || digits === undefined) return undefined;
  const id = wholeNumber(digits);
  return id === undefined || id > MAX_UINT64 ? undefined : printJson(`${text.slice(0, slash + 1)}${id}`);
}
