// What an execution works with: the plan of a document, and what one execution of it carries along.
import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLError,
  GraphQLField,
  GraphQLObjectType,
  GraphQLResolveInfo,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { JsonText } from '../../json/json-text.js';

/** A place in the answer, from the innermost key outwards, as graphql-js has it. */
export type Path = GraphQLResolveInfo['path'];

export interface Execution {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  readonly operation: OperationDefinitionNode;
  readonly rootValue: unknown;
  readonly contextValue: unknown;
  readonly variableValues: { [name: string]: unknown };
  readonly errors: CollectedErrors;
}

/** A printed value; null where there is none. */
export type Printed = string | JsonText | null;
export type MaybePrinted = Printed | PromiseLike<Printed>;

/** Whether what a field has answered is there already. */
export function isPrinted(value: MaybePrinted): value is Printed {
  return typeof value === 'string' || value === null || value instanceof JsonText;
}

/**
 * Prints a value of one type. `path` is the place of the value, or undefined where nothing can be below it; then its
 * place is made from `parentPath` if it fails.
 */
export type Complete = (
  execution: Execution,
  field: FieldPlan,
  path: Path | undefined,
  parentPath: Path | undefined,
  result: unknown,
) => MaybePrinted;

export interface ObjectPlan {
  readonly fields: readonly FieldPlan[];
}

/** A selected field of one type: what all of its executions have in common. */
export interface FieldPlan {
  readonly responseName: string;
  /** What stands before the value in the answer. */
  readonly prefix: string;
  readonly fieldNodes: readonly FieldNode[];
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly hasArguments: boolean;
  readonly isNullable: boolean;
  /** Whether it can have fields below it, so that errors there need its place. */
  readonly hasPath: boolean;
  readonly complete: Complete;
  /** The plan of what is selected of the field's value, when that is of this type. */
  below(type: GraphQLObjectType): ObjectPlan;
}

/** As in graphql-js: below a place that has become null no error is told any more. */
export class CollectedErrors {
  readonly list: GraphQLError[] = [];
  readonly #places = new Set<Path | undefined>();

  add(error: GraphQLError, path: Path | undefined): void {
    for (let place = path; place !== undefined; place = place.prev) {
      if (this.#places.has(place)) return;
    }
    if (this.#places.has(undefined)) return;
    this.#places.add(path);
    this.list.push(error);
  }
}

/** The fourth argument of a resolver that takes one. */
export function resolveInfo(execution: Execution, field: FieldPlan, path: Path): GraphQLResolveInfo {
  const { schema, fragments, rootValue, operation, variableValues } = execution;
  const { definition, fieldNodes, parentType } = field;
  return {
    fieldName: definition.name,
    fieldNodes,
    returnType: definition.type,
    parentType,
    path,
    schema,
    fragments,
    rootValue,
    operation,
    variableValues,
  };
}

/**
 * The same for a resolver that names no fourth argument: next to free, and yet all there, because a function can have
 * arguments that it does not name.
 */
export class LateResolveInfo implements GraphQLResolveInfo {
  readonly #execution: Execution;
  readonly #field: FieldPlan;
  readonly #path: Path | undefined;
  readonly #parentPath: Path | undefined;

  constructor(execution: Execution, field: FieldPlan, parentPath: Path | undefined, path: Path | undefined) {
    this.#execution = execution;
    this.#field = field;
    this.#parentPath = parentPath;
    this.#path = path;
  }

  get fieldName() {
    return this.#field.definition.name;
  }
  get fieldNodes() {
    return this.#field.fieldNodes;
  }
  get returnType() {
    return this.#field.definition.type;
  }
  get parentType() {
    return this.#field.parentType;
  }
  get path() {
    return this.#path ?? pathOf(this.#field, this.#parentPath);
  }
  get schema() {
    return this.#execution.schema;
  }
  get fragments() {
    return this.#execution.fragments;
  }
  get rootValue() {
    return this.#execution.rootValue;
  }
  get operation() {
    return this.#execution.operation;
  }
  get variableValues() {
    return this.#execution.variableValues;
  }
}

export function pathOf({ responseName, parentType }: FieldPlan, prev: Path | undefined): Path {
  return { prev, key: responseName, typename: parentType.name };
}
