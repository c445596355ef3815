// Canaries: values that must never show up where values do not belong. Every test app, every service in a process of its
// own, and the server log and data of the run's Postgres are watched for them.

/**
 * What marks a canary: its text, its digits (also as a float's), a key of a record that stands before a value, and a list
 * of booleans in a rhythm of its own. Types and paths are no secret: where a name could come from one, only its place in
 * front of a value marks it.
 */
export const CANARY =
  /c4n4ry|424242424242|4\.24242424242|kn4ry\w*\\*"\s*:|true,\s*false,\s*false,\s*true,\s*false,\s*true,\s*true,\s*true/;

let count = 0;

/** A recognisable string value. */
export function canary(): string {
  count += 1;
  return `c4n4ry-${process.pid}-${count}`;
}

/** A recognisable u64 value. */
export const CANARY_NUMBER = '4242424242424242';

const name = (kind: string) => `kn4ry${kind}`;
const record = (fields: [string, object][]) => ({
  type: 'Record',
  fields: fields.map(([field, typ]) => ({ name: name(field), typ })),
});
const CASES = ['low', 'middle', 'high'];

/** A type with a recognisable value, as JSON text of exact numbers: of every kind in turn, by the number of the turn. */
export function canaryValue(turn: number): { secretType: object; valueText: string } {
  const digits = `${4_242_424_242_424_000n + BigInt(turn % 999)}`;
  const kinds: (() => [object, string])[] = [
    () => [{ type: 'Str' }, JSON.stringify(canary())],
    () => [{ type: 'U64' }, `${digits}242`],
    () => [{ type: 'S64' }, `-${digits}242`],
    () => [{ type: 'F64' }, `4.24242424242${turn % 999}`],
    () => [{ type: 'List', inner: { type: 'Bool' } }, `[true,false,false,true,false,true,true,true,${turn % 2 === 0}]`],
    () => [record([['Choice', { type: 'Enum', cases: CASES }]]), `{"${name('Choice')}":"${CASES[turn % 3]}"}`],
    () => [record([['Flag', { type: 'Bool' }]]), `{"${name('Flag')}":${turn % 2 === 0}}`],
    () => [record([['Set', { type: 'Flags', names: CASES }]]), `{"${name('Set')}":["low","high"]}`],
    () => [
      { type: 'Variant', cases: [{ name: name('Case'), typ: { type: 'U32' } }, { name: 'other' }] },
      `{"${name('Case')}":${turn % 999}}`,
    ],
    () => [
      record([
        ['Text', { type: 'Option', inner: { type: 'Str' } }],
        ['Numbers', { type: 'Tuple', items: [{ type: 'U64' }, { type: 'Bool' }] }],
      ]),
      `{"${name('Text')}":${JSON.stringify(canary())},"${name('Numbers')}":[${digits},true]}`,
    ],
  ];
  const [secretType, valueText] = (kinds[turn % kinds.length] as (typeof kinds)[0])();
  return { secretType, valueText };
}

/**
 * The places of a response that speak about errors, or that hold no values at all (headers, pages, documents), and contain
 * a canary.
 */
export async function leaksIn(response: Response): Promise<string[]> {
  const headers = [...response.headers].filter(([key, value]) => CANARY.test(`${key}: ${value}`)).map(String);
  const type = response.headers.get('content-type') ?? '';
  // A stream may never end; its lines are its reader's to look at.
  if (/event-stream|multipart/.test(type)) return headers;
  const text = await response.clone().text();
  return [...headers, ...leaksInBody(response.status, type, text)];
}

export function leaksInBody(status: number, type: string, text: string): string[] {
  if (!CANARY.test(text)) return [];
  if (status >= 400 || !type.includes('json')) return [text];
  const body: unknown = JSON.parse(text);
  const isDocument = typeof body === 'object' && body !== null && 'openapi' in body;
  return isDocument ? [text] : refusalsIn(body).filter((refusal) => CANARY.test(refusal));
}

/** Errors of a GraphQL result and refusals anywhere in its data. */
function refusalsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refusalsIn);
  if (typeof value !== 'object' || value === null) return [];
  const members = Object.entries(value);
  const isRefusal = 'message' in value && ('code' in value || 'extensions' in value);
  return isRefusal ? [JSON.stringify(value)] : members.flatMap(([, member]) => refusalsIn(member));
}
