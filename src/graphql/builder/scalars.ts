// The scalars of the schema: standard ones from graphql-scalars, and our own, which keep integers and values exact.
import { GraphQLFloat, GraphQLID, GraphQLInt, type GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTimeISO } from 'graphql-scalars';
import type { AnalysedType } from '../../domain/types/analysed-type.js';
import { parseAnalysedType } from '../../domain/types/analysed-type-parse.js';
import { wholeNumber } from '../../domain/types/scalar-value.js';
import { invalidRequest } from '../../errors/refusals.js';
import { uuidFrom } from '../../ids/uuid.js';
import { JsonNumber, type JsonObject, type JsonValue, RawJson } from '../../json/exact.js';
import { MAX_UINT64, uint64From } from '../../json/uint64.js';
import { builder } from './builder.js';

builder.scalarType('UUID', {
  description: 'A UUID: 32 hexadecimal digits in five groups with hyphens, in any case; answered in lower case.',
  serialize: (value) => value,
  parseValue: parseUuid,
  parseLiteral: (node) => parseUuid(node.kind === Kind.STRING ? node.value : undefined),
});

function parseUuid(value: unknown): string {
  const uuid = typeof value === 'string' ? uuidFrom(value) : undefined;
  if (uuid === undefined) throw new TypeError('expected a UUID');
  return uuid;
}

/**
 * In variables, all numbers arrive as JsonNumber, so the built-in scalars must accept them. They are patched, because
 * Pothos always uses these objects. For Int, graphql-js counts `1.0` and `1e2` as whole numbers.
 */
const parseInt32 = GraphQLInt.parseValue;
GraphQLInt.parseValue = (value) => parseInt32(value instanceof JsonNumber ? Number(wholeNumber(value.text)) : value);
for (const scalar of [GraphQLFloat, GraphQLID] as GraphQLScalarType<unknown>[]) {
  const parse = scalar.parseValue;
  scalar.parseValue = (value) => parse(value instanceof JsonNumber ? plainNumber(value) : value);
}

/** A JS number if that prints as the same text; otherwise the JsonNumber, which the built-in scalars refuse. */
function plainNumber(number: JsonNumber): number | JsonNumber {
  const plain = Number(number.text);
  return String(plain) === number.text ? plain : number;
}

builder.addScalarType('DateTimeISO', GraphQLDateTimeISO as unknown as GraphQLScalarType<Date, Date>, {});
builder.scalarType('Revision', {
  description: `A counter of writes: a whole number, 0 to ${MAX_UINT64}, in plain decimal digits. Counters start at 0 and grow by one.`,
  serialize: (value) => value,
  parseValue: (value) => revisionFrom(textOfNumber(value) ?? ''),
  parseLiteral: (node) => revisionFrom(node.kind === Kind.INT ? node.value : ''),
});

function revisionFrom(text: string): bigint {
  const revision = uint64From(text);
  if (revision === undefined) throw new TypeError('expected a revision');
  return revision;
}

/** JSON documents of parsed types: a variable inside a literal holds the parsed type, but its document is needed. */
const typeDocuments = new WeakMap<object, JsonValue>();

function typeFrom(document: JsonValue): AnalysedType {
  const type = parseAnalysedType(document);
  typeDocuments.set(type, document);
  return type;
}

const PLACEHOLDER_TYPE: AnalysedType = { type: 'Bool' };

function hasVariable(node: ValueNode): boolean {
  if (node.kind === Kind.LIST) return node.values.some(hasVariable);
  if (node.kind === Kind.OBJECT) return node.fields.some((field) => hasVariable(field.value));
  return node.kind === Kind.VARIABLE;
}

builder.scalarType('AnalysedType', {
  description:
    'The declared type of a secret: a JSON document with the key `type`, one of Str, Chr, F64, F32, U64, S64, U32, S32, U16, S16, U8, S8, Bool, List, Option, Tuple, Record, Variant, Enum, Flags, Result, Handle, and what that kind needs, e.g. `{"type":"Record","fields":[{"name":"port","typ":{"type":"U16"}}]}`. Comes back in canonical form.',
  serialize: asRawJson,
  parseValue: (value): AnalysedType => typeFrom(value as JsonValue),
  parseLiteral: (node, variables): AnalysedType => {
    // Validation parses literals without variables, so a document that contains one can only be checked at execution.
    if (!variables && hasVariable(node)) return PLACEHOLDER_TYPE;
    return typeFrom(jsonFromLiteral(node, variables));
  },
});

builder.scalarType('SecretValue', {
  description:
    'A secret’s value as JSON that fits its declared type. Integers are exact to 64 bits on the wire; a client whose JSON parser rounds them (every browser’s) reads the field `…Text` instead.',
  serialize: asRawJson,
  // A variable is JSON with exact numbers already (request-parser.ts), and may be large.
  parseValue: (value) => value as JsonValue,
  parseLiteral: jsonFromLiteral,
});

builder.scalarType('AgentSecretDocument', {
  description:
    'A secret as REST answers it: a JSON object with `id`, `environmentId`, `path`, `revision`, `secretType` and `secretValue`. Never an argument.',
  serialize: asRawJson,
  parseValue: refuseInput,
  parseLiteral: refuseInput,
});

builder.scalarType('AgentSecretDocuments', {
  description: 'A JSON list of secrets, each an `AgentSecretDocument`. Never an argument.',
  serialize: (value) => value as RawJson[],
  parseValue: refuseInput,
  parseLiteral: refuseInput,
});

function refuseInput(): never {
  throw invalidRequest('not an input type');
}

function asRawJson(value: unknown): RawJson {
  if (value instanceof RawJson) return value;
  throw new TypeError('expected RawJson from the resolver');
}

/** Converts a variable inside a literal to JSON with exact numbers only: its scalar may have made it a JS number. */
function jsonFrom(value: unknown): JsonValue {
  const number = textOfNumber(value);
  if (number !== undefined) return new JsonNumber(number);
  if (value === null || typeof value !== 'object') return value as JsonValue;
  const document = typeDocuments.get(value);
  if (document !== undefined) return document;
  if (Array.isArray(value)) return value.map(jsonFrom);
  return objectFrom(Object.entries(value).map(([key, member]) => [key, jsonFrom(member)]));
}

function textOfNumber(value: unknown): string | undefined {
  if (value instanceof JsonNumber) return value.text;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

function jsonFromLiteral(node: ValueNode, variables?: Record<string, unknown> | null): JsonValue {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.BOOLEAN:
    case Kind.STRING:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return new JsonNumber(node.value);
    case Kind.LIST:
      return node.values.map((item) => jsonFromLiteral(item, variables));
    case Kind.OBJECT:
      return objectFrom(node.fields.map((field) => [field.name.value, jsonFromLiteral(field.value, variables)]));
    case Kind.VARIABLE:
      return variables && Object.hasOwn(variables, node.name.value) ? jsonFrom(variables[node.name.value]) : null;
    case Kind.ENUM:
      throw invalidRequest('expected JSON; strings need quotes');
  }
}

/** Object.fromEntries treats `__proto__` as an ordinary key; an assignment would set the prototype. */
function objectFrom(entries: readonly (readonly [string, JsonValue])[]): JsonObject {
  return Object.fromEntries(entries);
}
