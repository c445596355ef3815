// The nearest 32-bit float, against exact arithmetic on whole numbers.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnalysedType } from '../../../src/domain/types/analysed-type-parse.js';
import { nearestFloat32 } from '../../../src/domain/types/float32.js';
import { checkSecretValue } from '../../../src/domain/types/secret-value.js';
import { parseJson } from '../../../src/json/parse.js';

/** A fraction of whole numbers, with a positive denominator. */
type Fraction = readonly [bigint, bigint];

const MAX_BITS = 0x7f7fffff;
/** The float of a bit pattern as a fraction; the one behind the largest stands for all that is too large. */
function fractionOf(bits: number): Fraction {
  const exponent = bits >> 23;
  const mantissa = BigInt(exponent === 0 ? bits & 0x7fffff : (bits & 0x7fffff) | 0x800000);
  const power = Math.max(exponent, 1) - 150;
  return power >= 0 ? [mantissa << BigInt(power), 1n] : [mantissa, 1n << BigInt(-power)];
}

function fractionIn(text: string): Fraction {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
    text,
  ) as string[];
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return power >= 0 ? [digits * 10n ** BigInt(power), 1n] : [digits, 10n ** BigInt(-power)];
}

const minus = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * d - c * b, b * d];
const isLess = (a: Fraction, b: Fraction) => minus(a, b)[0] < 0n;

function floatOf(bits: number): number {
  return new Float32Array(new Uint32Array([bits]).buffer)[0] as number;
}

/** Halves the range of bit patterns until two neighbours are left, and takes the nearer one. */
function reference(text: string): number {
  const exact = fractionIn(text);
  let below = 0;
  let above = MAX_BITS + 1;
  if (!isLess(exact, fractionOf(above))) return signed(text, Number.POSITIVE_INFINITY);
  while (above - below > 1) {
    const middle = (below + above) >>> 1;
    if (isLess(exact, fractionOf(middle))) above = middle;
    else below = middle;
  }
  const [up, down] = [minus(fractionOf(above), exact), minus(exact, fractionOf(below))];
  const isTie = minus(up, down)[0] === 0n;
  const isUp = isTie ? above % 2 === 0 : isLess(up, down);
  return signed(text, floatOf(isUp ? above : below));
}

const signed = (text: string, size: number) => (text.startsWith('-') ? -size : size);

/** All digits of the middle between a float and the next one. */
function middleAbove(bits: number): string {
  const [a, b] = fractionOf(bits);
  const [c, d] = fractionOf(bits + 1);
  let numerator = a * d + c * b;
  const denominator = 2n * b * d;
  let places = 0;
  for (; numerator % denominator !== 0n; places += 1) numerator *= 10n;
  const digits = String(numerator / denominator).padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** A little less than a positive decimal number. */
function justBelow(text: string, nines: number): string {
  const [, head = '', last = '', zeros = ''] = /^([\d.]*)([1-9])([0.]*)$/.exec(text) as string[];
  const point = text.includes('.') ? '' : '.';
  return `${head}${Number(last) - 1}${zeros.replaceAll('0', '9')}${point}${'9'.repeat(nines)}`;
}

const anyBits = fc.oneof(
  fc.integer({ min: 0, max: MAX_BITS }),
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: MAX_BITS - 3, max: MAX_BITS }),
  fc.integer({ min: 0x7ffff0, max: 0x800010 }),
);
const nearMiddle = fc
  .tuple(
    anyBits,
    fc.constantFrom(-1, 0, 1),
    fc.integer({ min: 1, max: 400 }),
    fc.boolean(),
    fc.integer({ min: -400, max: 400 }),
  )
  .map(([bits, side, places, isNegative, shift]) => {
    const middle = middleAbove(bits);
    const point = middle.includes('.') ? '' : '.';
    const near = side === 0 ? middle : side > 0 ? `${middle}${point}${'0'.repeat(places)}1` : justBelow(middle, places);
    return `${isNegative ? '-' : ''}${shifted(near, shift)}`;
  });

/** The same number with its point elsewhere and an exponent that says so. */
function shifted(text: string, by: number): string {
  const [whole = '', fraction = ''] = text.split('.');
  const digits = `${'0'.repeat(401)}${whole}${fraction}${'0'.repeat(401)}`;
  const at = 401 + whole.length + by;
  return `${digits.slice(0, at).replace(/^0+(?=\d)/, '')}.${digits.slice(at)}e${-by}`;
}

test('is the nearest for any number, above all for those around the middle between two', () => {
  const anyText = fc.oneof(
    nearMiddle,
    nearMiddle,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
    fc
      .tuple(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), fc.integer({ min: -60, max: 60 }))
      .map(([whole, fraction, exponent]) => `${whole}.${fraction}E${exponent}`),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      expect(nearestFloat32(text)).toBe(reference(text));
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  // By way of a double, each of these is rounded to the middle first and then to the wrong side of it.
  ['1.00000005960464477539062500000000000000000001', '1.0000001192092896'],
  ['1.00000017881393432617187499999999999999999999', '1.0000001192092896'],
  ['-1.00000005960464477539062500000000000000000001', '-1.0000001192092896'],
  ['340282356779733661637539395458142568447.9999999', '3.4028234663852886e+38'],
  ['0.70064923216240853546186479164495806564013097093825788587855e-45', '1.401298464324817e-45'],
])('a secret of type F32 takes %s as %s', (given, kept) => {
  expect(checkSecretValue(parseAnalysedType(parseJson('{"type":"F32"}')), parseJson(given))).toBe(kept);
  expect(Math.fround(Number(given))).not.toBe(Number(kept));
});

test('takes no longer for a number of a million digits', () => {
  const text = `1.000000059604644775390625${'0'.repeat(1_000_000)}1`;
  const start = performance.now();
  expect(nearestFloat32(text)).toBe(1.0000001192092896);
  expect(nearestFloat32(`0.${'0'.repeat(1_000_000)}1000000059604644775390625e1000001`)).toBe(1);
  expect(performance.now() - start).toBeLessThan(1_000);
});
