// In what form a value is expected, in words and with an example, by the type of its place.
import { type GraphQLInputType, getNamedType, isEnumType, isListType, isNonNullType, isScalarType } from 'graphql';
import { EXAMPLE_UUID } from '../../ids/uuid.js';
import { MAX_UINT64 } from '../../json/uint64.js';

const AN_ID = `\`${EXAMPLE_UUID}\``;

/** The form of each scalar that can be an argument. */
export const SCALAR_FORMS: ReadonlyMap<string, string> = new Map([
  ['AnalysedType', 'a type document such as `{"type": "Str"}`'],
  ['Boolean', '`true` or `false`'],
  ['DateTimeISO', 'a date and time with its offset such as `2026-11-28T06:01:25Z` or `2026-11-28T07:01:25+01:00`'],
  ['Float', 'a number such as `0.5`'],
  ['ID', `an id such as ${AN_ID}`],
  ['Int', 'a whole number from -2147483648 to 2147483647 such as `50`'],
  ['Revision', `a whole number from 0 to ${MAX_UINT64} in plain digits such as \`7\``],
  ['SecretValue', 'JSON such as `"text"` or `{"port": 5432}`'],
  ['String', 'a string such as `"production"`'],
  ['UUID', `a UUID such as ${AN_ID}`],
]);

/** Forms without names of the schema, for clients that may not learn it. */
const HIDDEN_FORMS: ReadonlyMap<string, string> = new Map([
  ['AnalysedType', 'a type document'],
  ['SecretValue', 'JSON'],
  ['UUID', `an id such as ${AN_ID}`],
]);

/** `hidesNames`: the client may not learn the schema, so names of types and of enum values are left out. */
export function expectedForm(type: GraphQLInputType, hidesNames: boolean): string {
  if (isNonNullType(type)) return expectedForm(type.ofType, hidesNames);
  if (isListType(type)) return `a list, each item ${expectedForm(type.ofType, hidesNames)}`;
  const named = getNamedType(type);
  const forms = [...(hidesNames ? [HIDDEN_FORMS] : []), SCALAR_FORMS];
  const form = isScalarType(named) ? forms.map((each) => each.get(named.name)).find(Boolean) : undefined;
  if (form !== undefined) return form;
  if (hidesNames) return 'another type';
  if (isEnumType(named))
    return `one of ${named
      .getValues()
      .map(({ name }) => name)
      .join(', ')}`;
  return `an object of the type ${named.name}`;
}
