// Unsigned 64-bit integers: the type of revisions, and the largest integer type of secret values.

export const MAX_UINT64 = 2n ** 64n - 1n;

/** Parses a number in plain decimal digits; returns undefined for any other text and for a number beyond 64 bits. */
export function uint64From(text: string): bigint | undefined {
  const number = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return number !== undefined && number <= MAX_UINT64 ? number : undefined;
}
