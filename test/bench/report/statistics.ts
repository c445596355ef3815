// Computes medians and percentiles.

/** Returns null when there are no values. */
export function median(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Computes the median of each number separately. */
export function medianOf<Round extends object>(rounds: readonly Round[]): Round {
  const names = Object.keys(rounds[0] as Round) as (keyof Round)[];
  const numbers = (name: keyof Round) => rounds.flatMap((round) => (round[name] as number | null) ?? []);
  return Object.fromEntries(names.map((name) => [name, median(numbers(name))])) as unknown as Round;
}

export function percentile(ascending: Float64Array, share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}
