// What clients and their generators need of the schema besides its text: the members of interfaces and unions, which caches
// match fragments by, and the TypeScript types of its scalars.
import { type GraphQLSchema, isAbstractType, isIntrospectionType, isScalarType, isSpecifiedScalarType } from 'graphql';

/** For a client with the numbers of JSON.parse: what must stay exact it reads as text. */
const SCALAR_TYPES: Readonly<Record<string, string>> = {
  UUID: 'string',
  DateTimeISO: 'string',
  Revision: 'number',
  AnalysedType: 'unknown',
  SecretValue: 'unknown',
  AgentSecretDocument: 'unknown',
  AgentSecretDocuments: 'unknown[]',
};

/** The option `possibleTypes` of Apollo Client's cache. */
export function possibleTypesOf(schema: GraphQLSchema): Record<string, string[]> {
  const abstract = Object.values(schema.getTypeMap()).filter(isAbstractType);
  return Object.fromEntries(abstract.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]));
}

/** The option `scalars` of GraphQL Code Generator. */
export function scalarTypesOf(schema: GraphQLSchema): Record<string, string> {
  const own = Object.values(schema.getTypeMap()).filter(
    (type) => isScalarType(type) && !isSpecifiedScalarType(type) && !isIntrospectionType(type),
  );
  return Object.fromEntries(
    own.map(({ name }) => {
      const type = SCALAR_TYPES[name];
      if (type === undefined) throw new Error(`no TypeScript type for the scalar ${name}`);
      return [name, type];
    }),
  );
}
