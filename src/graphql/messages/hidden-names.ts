// Messages for clients that may not learn the schema (introspection is off): they repeat names that stand in the client's
// own document, and no other names of types, fields and arguments.
import { GraphQLError, type GraphQLErrorOptions } from 'graphql';

/** Messages of validation that name only what the document itself defines, or nothing at all. */
const HARMLESS = [
  /^Syntax Error/,
  /^(Query depth|Aliases|Token) limit /,
  /^GraphQL introspection has been disabled/,
  /^Maximum introspection depth/,
  /^Unknown (fragment|directive) /,
  /^There can be only one /,
  /^This anonymous operation /,
  /^The .* definition is not executable/,
  /^Fragment (".*" )?cannot condition on /,
  /^Fragment ".*" is never used/,
  /^Cannot spread fragment /,
  /^Variable "\$\w+" (is never used|is not defined|cannot be non-input type)/,
  /^A variable is used that /,
  /^(The directive|Directive) "@\w+" (may not|can only) be used /,
  /^(Anonymous )?Subscription /,
  /^A subscription/,
  /^expected (only fields|exactly one of the fields) that are defined$/,
];

/** Other messages, and what is left of them. `$1` and `$2` are names from the document. */
const SHORTENED: readonly (readonly [RegExp, string])[] = [
  [/^Cannot query field ("\w+") on type .*$/s, 'Cannot query field $1 here.'],
  [/^Unknown type ("\w+").*$/s, 'Unknown type $1.'],
  [/^Unknown argument ("\w+") on field "\w+\.(\w+)".*$/s, 'Unknown argument $1 on field "$2".'],
  [/^Unknown argument ("\w+") on directive ("@\w+").*$/s, 'Unknown argument $1 on directive $2.'],
  [/^(Field "\w+") must not have a selection.*$/s, '$1 must not have a selection.'],
  [/^(Field "\w+") of type ".*" must have .*$/s, '$1 must have a selection of subfields.'],
  [/^(Fragment(?: "\w+")?) cannot be spread here.*$/s, '$1 cannot be spread here.'],
  [/^(Field "\w+"|Directive "@\w+") argument "\w+" of type .*$/s, '$1 lacks an argument that is required.'],
  [/^(Variable "\$\w+").* (?:used in position|is of type) .*$/s, '$1 has a type that does not fit where it is used.'],
  [/^(Variable "\$\w+") is of type .*$/s, '$1 has a type that does not fit where it is used.'],
  [/^(A variable of type "\w+" cannot stand inside a value).*$/s, '$1.'],
  [/^(Fields "\w+" conflict) because .*$/s, '$1. Use different aliases on the fields to fetch both.'],
  [/^Field ".*" of required type .*$/s, 'A field that is required is missing.'],
  [/^Expected a value of type .*$/s, 'The value is not of the type that is expected here.'],
];

/** The error of a validation rule without names of the schema. Unfamiliar messages are replaced as a whole. */
export function withoutSchemaNames(error: GraphQLError): GraphQLError {
  // Problems within a value are our own words about the value.
  if (error.extensions.problems || HARMLESS.some((message) => message.test(error.message))) return error;
  const [pattern, replacement] = SHORTENED.find(([message]) => message.test(error.message)) ?? [];
  const message =
    pattern && replacement ? error.message.replace(pattern, replacement) : 'The document does not fit the schema.';
  return new GraphQLError(message, error as GraphQLErrorOptions);
}
