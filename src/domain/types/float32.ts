// The 32-bit float nearest to a decimal number, rounded once: by way of a double it may be rounded twice, and go wrong.

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** For a JSON number's text; ties go to the even one, as IEEE 754 has it. Infinite beyond the range. */
export function nearestFloat32(text: string): number {
  const double = Number(text);
  const nearest = Math.fround(double);
  if (nearest === double || Number.isNaN(nearest)) return nearest;
  // A double is never on the wrong side of the middle between two floats, but the first rounding may end right there.
  const size = Math.abs(double);
  const below = nextBelow(size);
  const above = nextAbove(below);
  if (size - below !== (above === Number.POSITIVE_INFINITY ? 2 ** 128 : above) - size) return nearest;
  const order = compare(decimal(text), decimalOf(size));
  if (order === 0) return nearest;
  return Math.sign(double) * (order < 0 ? below : above);
}

/** The largest float that is smaller than a positive double between two floats. */
function nextBelow(size: number): number {
  FLOAT[0] = size;
  if ((FLOAT[0] as number) > size) BITS[0] = (BITS[0] as number) - 1;
  return FLOAT[0] as number;
}

function nextAbove(float: number): number {
  FLOAT[0] = float;
  BITS[0] = (BITS[0] as number) + 1;
  return FLOAT[0] as number;
}

/** `0.DIGITS` times ten to the power of `exponent`; the digits neither begin nor end with a zero. */
interface Decimal {
  digits: string;
  exponent: number;
}

function decimal(text: string): Decimal {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  let start = 0;
  while (digits[start] === '0') start += 1;
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return { digits: digits.slice(start, end), exponent: whole.length - start + Number(exponent) };
}

/** All digits of a positive double: a middle between two floats has little more than a hundred. */
function decimalOf(size: number): Decimal {
  let halvings = 0;
  let whole = size;
  for (; !Number.isInteger(whole); whole *= 2) halvings += 1;
  const digits = String(BigInt(whole) * 5n ** BigInt(halvings));
  const { digits: kept, exponent } = decimal(digits);
  return { digits: kept, exponent: exponent - halvings };
}

function compare(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -1 : 1;
}
