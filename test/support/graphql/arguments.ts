// Every place of the schema where a client can put a value: each argument of each field, and each field of each input.
import {
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  isInputObjectType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { schema } from '../../../src/graphql/schema.js';

export interface Place {
  /** Such as `Mutation.createAgentSecret(input.path)`. */
  name: string;
  type: GraphQLInputType;
  /** The whole document with this text at the place. */
  documentWith(literal: string): string;
}

/** How a client gets to the objects whose fields take arguments; `@` is where a field of theirs goes. */
const WAYS: Record<string, (environmentId: string) => string> = {
  Query: () => '{ @ }',
  Mutation: () => 'mutation { @ }',
  Subscription: () => 'subscription { @ }',
  AgentSecret: (id) => `{ environment(id: "${id}") { allAgentSecrets { @ } } }`,
  AgentSecretRevision: (id) =>
    `{ environment(id: "${id}") { allAgentSecrets { revisions(first: 1) { edges { node { @ } } } } } }`,
  EnvironmentSnapshot: (id) => `{ environment(id: "${id}") { snapshot(revision: 0) { @ } } }`,
  Environment: (id) => `{ environment(id: "${id}") { @ } }`,
  Account: () => '{ viewer { @ } }',
  Application: (id) => `{ environment(id: "${id}") { application { @ } } }`,
};

export function placesOf(environmentId: string): Place[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => !type.name.startsWith('__'))
    .flatMap((type) => placesIn(type, WAYS[type.name]?.(environmentId)));
}

function placesIn(type: GraphQLObjectType, way: string | undefined): Place[] {
  return Object.values(type.getFields()).flatMap((field) =>
    field.args.flatMap((arg) => {
      if (way === undefined) throw new Error(`no way to ${type.name}.${field.name}: add it to WAYS`);
      const others = field.args.filter((other) => other !== arg && isRequiredArgument(other));
      const rest = others.map((other) => `, ${other.name}: ${example(other.type)}`).join('');
      return within(arg.name, arg.type, (literal) => literal).map(({ path, type: at, fill }) => ({
        name: `${type.name}.${field.name}(${path})`,
        type: at,
        documentWith: (literal: string) =>
          way.replace('@', () => `${field.name}(${arg.name}: ${fill(literal)}${rest}) { __typename }`),
      }));
    }),
  );
}

interface Position {
  path: string;
  type: GraphQLInputType;
  fill(literal: string): string;
}

/** The position itself and all positions inside it. */
function within(path: string, type: GraphQLInputType, fill: (literal: string) => string): Position[] {
  const named = getNamedType(type);
  const here = { path, type, fill };
  if (!isInputObjectType(named)) return [here];
  const fields = Object.values(named.getFields());
  const inside = fields.flatMap((field) => {
    // Valid companions, so that it is this field that is looked at.
    const others = fields.filter((other) => other !== field && isRequiredInputField(other));
    const rest = others.map((other) => `, ${other.name}: ${example(other.type)}`).join('');
    return within(`${path}.${field.name}`, field.type, (literal) => fill(`{ ${field.name}: ${literal}${rest} }`));
  });
  return [here, ...inside];
}

const EXAMPLES: Record<string, string> = {
  UUID: '"01a20640-d042-77d8-a4fc-5bc52814913e"',
  ID: '"01a20640-d042-77d8-a4fc-5bc52814913e"',
  String: '"text"',
  Int: '1',
  Revision: '0',
  Boolean: 'true',
  DateTimeISO: '"2040-01-01T00:00:00Z"',
  AnalysedType: '{ type: "Str" }',
  SecretValue: '"text"',
  ShareRole: 'VIEWER',
  AccountRole: 'ADMIN',
  SecretValueOp: 'SET',
  SortDirection: 'ASC',
  AgentSecretSortField: 'PATH',
  AnalysedTypeKind: 'Str',
};

/** Some valid literal of the type. */
export function example(type: GraphQLInputType): string {
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return EXAMPLES[named.name] ?? 'null';
  const fields = Object.values(named.getFields());
  const required = named.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
  return `{ ${required.map((field) => `${field.name}: ${example(field.type)}`).join(', ')} }`;
}
