// A document in the form in which it is executed: each field with its resolver, its nodes and what completes its value,
// looked up once. A plan consists of objects and functions of this folder. Nothing of a document ever becomes code.
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import { completerOf } from './complete.js';
import type { Complete, FieldPlan, ObjectPlan } from './execution.js';

/** How a document selects: what does not change from one execution of a plan to the next. */
export interface Selecting {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  /** Those that `@skip` and `@include` look at have these values in every execution of the plan. */
  readonly variableValues: { [name: string]: unknown };
  /** Fields that are planned so far: fragments that are repeated often enough would fill the memory. */
  fields: number;
  /** How many of them have been counted against what the document may have. */
  counted: number;
}

export function planOfRoot(selecting: Selecting, type: GraphQLObjectType, selectionSet: SelectionSetNode): ObjectPlan {
  const { schema, fragments, variableValues } = selecting;
  return objectPlan(selecting, type, collectFields(schema, fragments, variableValues, type, selectionSet));
}

function objectPlan(
  selecting: Selecting,
  parentType: GraphQLObjectType,
  fields: ReadonlyMap<string, readonly FieldNode[]>,
): ObjectPlan {
  const plans: FieldPlan[] = [];
  for (const [responseName, fieldNodes] of fields) {
    selecting.fields += 1;
    const definition = definitionOf(parentType, (fieldNodes[0] as FieldNode).name.value);
    if (definition) {
      plans.push(new PlannedField(selecting, parentType, definition, responseName, fieldNodes, plans.length));
    }
  }
  return { fields: plans };
}

function definitionOf(parentType: GraphQLObjectType, name: string): GraphQLField<unknown, unknown> | undefined {
  return name === TypeNameMetaFieldDef.name ? TypeNameMetaFieldDef : parentType.getFields()[name];
}

class PlannedField implements FieldPlan {
  readonly responseName: string;
  readonly prefix: string;
  readonly fieldNodes: readonly FieldNode[];
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly hasArguments: boolean;
  readonly isNullable: boolean;
  readonly hasPath: boolean;
  readonly complete: Complete;
  readonly #selecting: Selecting;
  #below: Map<GraphQLObjectType, ObjectPlan> | undefined;

  constructor(
    selecting: Selecting,
    parentType: GraphQLObjectType,
    definition: GraphQLField<unknown, unknown>,
    responseName: string,
    fieldNodes: readonly FieldNode[],
    index: number,
  ) {
    const { complete, isNullable, hasPath } = completerOf(definition.type);
    this.responseName = responseName;
    this.prefix = `${index === 0 ? '{' : ','}${JSON.stringify(responseName)}:`;
    this.fieldNodes = fieldNodes;
    this.parentType = parentType;
    this.definition = definition;
    this.hasArguments = definition.args.length > 0;
    this.isNullable = isNullable;
    this.hasPath = hasPath;
    this.complete = complete;
    this.#selecting = selecting;
  }

  below(type: GraphQLObjectType): ObjectPlan {
    const known = this.#below?.get(type);
    if (known) return known;
    const { schema, fragments, variableValues } = this.#selecting;
    const fields = collectSubfields(schema, fragments, variableValues, type, this.fieldNodes);
    const plan = objectPlan(this.#selecting, type, fields);
    this.#below ??= new Map();
    this.#below.set(type, plan);
    return plan;
  }
}
