// The same document in OpenAPI 3.0, for generators that do not read 3.1.
import { layOut } from './layout.js';
import { openApi } from './openapi.js';

type Json = { readonly [key: string]: unknown };

/** The text of /openapi-3.0.json and schema/openapi-3.0.json. */
export function printOpenApi30(): string {
  const { summary: _, license, ...info } = openApi.info as Json & { license: Json };
  const { identifier: __, ...plainLicense } = license;
  const document = in30({ ...openApi, info: { ...info, license: plainLicense } }) as Json;
  return `${layOut({ ...document, openapi: '3.0.3' })}\n`;
}

function in30(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(in30);
  if (typeof value !== 'object' || value === null) return value;
  // Where there is nothing but null, 3.0 has no better words than something that may be null.
  if ((value as Json).type === 'null') return in30({ ...value, type: 'object', nullable: true });
  const { examples, const: only, anyOf, $ref, summary, ...rest } = value as Json;
  const converted = Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, in30(member)]));
  return {
    ...(summary === undefined ? {} : { summary }),
    ...converted,
    ...(only === undefined ? {} : { enum: [only] }),
    ...(anyOf === undefined ? {} : nullable(anyOf as Json[])),
    ...($ref === undefined ? {} : reference($ref, converted)),
    // Schemas have a list of examples in 3.1, and one in 3.0. Those of bodies have names in both.
    ...(Array.isArray(examples) ? { example: examples[0] } : examples === undefined ? {} : { examples }),
  };
}

/** A choice between a schema and `null`, which 3.0 has no type for. */
function nullable(choices: Json[]): Json {
  const [schema = {}, ...more] = choices.filter(({ type }) => type !== 'null');
  if (more.length > 0 || choices.length === 1) throw new Error('3.0 has no words for this choice');
  return { nullable: true, allOf: [in30(schema)] };
}

/** Beside a reference 3.0 ignores everything else. */
function reference($ref: unknown, beside: Json): Json {
  return Object.keys(beside).length === 0 ? { $ref } : { allOf: [{ $ref }] };
}
