// Unsigned 64-bit integers: revisions, and the largest numbers of secret values.

export const MAX_UINT64 = 2n ** 64n - 1n;

/** A number in plain decimal digits; undefined for anything else, and beyond 64 bits. */
export function uint64From(text: string): bigint | undefined {
  const number = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return number !== undefined && number <= MAX_UINT64 ? number : undefined;
}
