// A validation rule for variables inside the literals of custom scalars (secret values and their types): it allows only
// variable types whose coercion keeps exactly what the client sent.
import {
  type ASTVisitor,
  GraphQLError,
  getNamedType,
  isScalarType,
  Kind,
  type TypeNode,
  type ValidationContext,
  type VariableNode,
  visit,
} from 'graphql';
import { invalidRequestError } from './errors.js';

/** Coercion of other types (UUID, date, enum) changes the value, and the changed value would be stored. */
const EXACT_TYPES = new Set(['AnalysedType', 'Boolean', 'Float', 'ID', 'Int', 'Revision', 'SecretValue', 'String']);

/**
 * Everywhere else the standard rules compare a variable's type with the type of its position. Positions inside a
 * scalar's literal have no type, so the standard rules accept every variable there.
 */
export function ExactLiteralVariablesRule(context: ValidationContext): ASTVisitor {
  const literalVariables = new Set<VariableNode>();
  return {
    ObjectValue(node) {
      if (!isScalarType(getNamedType(context.getInputType()))) return;
      visit(node, { Variable: (variable) => void literalVariables.add(variable) });
    },
    Document: {
      leave(document) {
        for (const definition of literalVariables.size > 0 ? document.definitions : []) {
          if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
          const types = new Map(
            definition.variableDefinitions?.map(({ variable, type }) => [variable.name.value, typeNameOf(type)]),
          );
          for (const { node } of context.getRecursiveVariableUsages(definition)) {
            const type = types.get(node.name.value);
            if (!literalVariables.has(node) || type === undefined || EXACT_TYPES.has(type)) continue;
            const message = `A variable of type "${type}" cannot stand inside a value: declare it as String or SecretValue.`;
            context.reportError(invalidRequestError(message, new GraphQLError('', { nodes: node })));
          }
        }
      },
    },
  };
}

function typeNameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : typeNameOf(type.type);
}
