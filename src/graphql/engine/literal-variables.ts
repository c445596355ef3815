// Variables inside the literal of a value or a type: only those that still hold exactly what was sent.
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

/** Reading a UUID, a date or an enum's value changes it: it would be stored as something else. */
const EXACT = new Set([
  'AnalysedType',
  'Boolean',
  'Float',
  'ID',
  'Int',
  'NonNegativeInt',
  'Revision',
  'SecretValue',
  'String',
]);

/** Elsewhere the standard rules compare a variable's type with its place; inside a scalar's literal places have no type. */
export function ExactLiteralVariablesRule(context: ValidationContext): ASTVisitor {
  const inside = new Set<VariableNode>();
  return {
    ObjectValue(node) {
      if (!isScalarType(getNamedType(context.getInputType()))) return;
      visit(node, { Variable: (variable) => void inside.add(variable) });
    },
    Document: {
      leave(document) {
        for (const definition of inside.size > 0 ? document.definitions : []) {
          if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
          const types = new Map(
            definition.variableDefinitions?.map(({ variable, type }) => [variable.name.value, nameOf(type)]),
          );
          for (const { node } of context.getRecursiveVariableUsages(definition)) {
            const type = types.get(node.name.value);
            if (!inside.has(node) || type === undefined || EXACT.has(type)) continue;
            const message = `A variable of type "${type}" cannot stand inside a value: declare it as String or SecretValue.`;
            context.reportError(invalidRequestError(message, new GraphQLError('', { nodes: node })));
          }
        }
      },
    },
  };
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}
