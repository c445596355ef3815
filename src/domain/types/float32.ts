// Finds the 32-bit float nearest to a decimal number with a single rounding. Rounding to a double first and then to a
// float rounds twice and can give the wrong float.

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/**
 * The float nearest to the text of a JSON number. Ties go to the even float, as IEEE 754 specifies. Infinite when out
 * of range.
 */
export function nearestFloat32(text: string): number {
  const double = Number(text);
  const nearest = Math.fround(double);
  if (nearest === double || Number.isNaN(nearest)) return nearest;
  // Rounding to a double never crosses the midpoint between two adjacent floats, but it can land exactly on that
  // midpoint. Only then does the exact decimal number decide.
  const magnitude = Math.abs(double);
  const below = nextBelow(magnitude);
  const above = nextAbove(below);
  if (magnitude - below !== (above === Number.POSITIVE_INFINITY ? 2 ** 128 : above) - magnitude) return nearest;
  const order = compareDecimals(parseDecimal(text), decimalOfDouble(magnitude));
  if (order === 0) return nearest;
  return Math.sign(double) * (order < 0 ? below : above);
}

/** The largest float that is smaller than the given positive double, which lies between two floats. */
function nextBelow(magnitude: number): number {
  FLOAT[0] = magnitude;
  if ((FLOAT[0] as number) > magnitude) BITS[0] = (BITS[0] as number) - 1;
  return FLOAT[0] as number;
}

function nextAbove(float: number): number {
  FLOAT[0] = float;
  BITS[0] = (BITS[0] as number) + 1;
  return FLOAT[0] as number;
}

/** The number `0.DIGITS` times ten to the power of `exponent`. The digits neither begin nor end with a zero. */
interface Decimal {
  digits: string;
  exponent: number;
}

function parseDecimal(text: string): Decimal {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  let start = 0;
  while (digits[start] === '0') start += 1;
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return { digits: digits.slice(start, end), exponent: whole.length - start + Number(exponent) };
}

/** All digits of a positive double. A midpoint between two floats has little more than a hundred digits. */
function decimalOfDouble(magnitude: number): Decimal {
  let doublings = 0;
  let whole = magnitude;
  for (; !Number.isInteger(whole); whole *= 2) doublings += 1;
  const digits = String(BigInt(whole) * 5n ** BigInt(doublings));
  const { digits: kept, exponent } = parseDecimal(digits);
  return { digits: kept, exponent: exponent - doublings };
}

function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -1 : 1;
}
