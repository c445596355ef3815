// Typed values like those that agents keep. Integers stay below 2^53: the floor reads them with JSON.parse.

export interface Sample {
  type: object & { type: string };
  value: unknown;
}

const CONNECTION = {
  type: 'Record',
  fields: [
    { name: 'host', typ: { type: 'Str' } },
    { name: 'port', typ: { type: 'U16' } },
    { name: 'user', typ: { type: 'Str' } },
    { name: 'password', typ: { type: 'Str' } },
    { name: 'tls', typ: { type: 'Option', inner: { type: 'Bool' } } },
  ],
};
const CREDENTIAL = {
  type: 'Variant',
  cases: [{ name: 'apiKey', typ: { type: 'Str' } }, { name: 'basic', typ: CONNECTION }, { name: 'none' }],
};

const KINDS: ((n: number) => Sample)[] = [
  (n) => ({ type: { type: 'Str' }, value: `sk-${'0123456789abcdef'.repeat(3)}${n}` }),
  (n) => ({ type: CONNECTION, value: connection(n) }),
  (n) => ({ type: { type: 'U64' }, value: 9_000_000_000_000_000 + n }),
  (n) => ({ type: { type: 'List', inner: CONNECTION }, value: [connection(n), connection(n + 1), connection(n + 2)] }),
  (n) => ({ type: CREDENTIAL, value: n % 2 === 0 ? { apiKey: `key-${n}` } : { basic: connection(n) } }),
  () => ({ type: { type: 'Flags', names: ['tracing', 'retries', 'cache'] }, value: ['tracing', 'cache'] }),
  (n) => ({
    type: { type: 'Tuple', items: [{ type: 'F64' }, { type: 'S32' }, { type: 'Bool' }] },
    value: [n + 0.5, -n, true],
  }),
];

/** Two samples have the same type when their numbers differ by a multiple of this. */
export const SAMPLE_PERIOD = KINDS.length;

/** Returns the nth value of an endless series of different values, which have a few different types. */
export function sample(n: number): Sample {
  return (KINDS[n % KINDS.length] as (n: number) => Sample)(n);
}

export const UPDATED_TYPE = CONNECTION;

/** Returns the value that updates and creations write. */
export function connection(n: number) {
  return {
    host: `db-${n}.internal`,
    port: 5432,
    user: `agent-${n}`,
    password: `correct horse battery ${n}`,
    tls: true,
  };
}
