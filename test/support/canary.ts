// Canaries: values that must never show up where values do not belong. Every test app watches its answers for them.

/** What marks a canary, in strings and (as digits) in numbers. */
export const CANARY = /c4n4ry|424242424242/;

let count = 0;

/** A recognisable string value. */
export function canary(): string {
  count += 1;
  return `c4n4ry-${process.pid}-${count}`;
}

/** A recognisable u64 value. */
export const CANARY_NUMBER = '4242424242424242';

/** The places of a response that speak about errors and contain a canary. */
export async function leaksIn(response: Response): Promise<string[]> {
  if (!response.headers.get('content-type')?.includes('json')) return [];
  const text = await response.clone().text();
  if (!CANARY.test(text)) return [];
  if (response.status >= 400) return [text];
  return refusalsIn(JSON.parse(text)).filter((refusal) => CANARY.test(refusal));
}

/** Errors of a GraphQL result and refusals anywhere in its data. */
function refusalsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refusalsIn);
  if (typeof value !== 'object' || value === null) return [];
  const members = Object.entries(value);
  const isRefusal = 'message' in value && ('code' in value || 'extensions' in value);
  return isRefusal ? [JSON.stringify(value)] : members.flatMap(([, member]) => refusalsIn(member));
}
