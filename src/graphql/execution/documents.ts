// The plans of documents that run again and again. They live as long as the parsed document, which a bounded cache holds.
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import type { ObjectPlan } from './execution.js';
import { planOfRoot, type Selecting } from './plan.js';

/** Combinations of variables in `@skip` and `@include` that a document has plans for. */
const MAX_PLANS = 16;
/** Fields that the plans of the shortest document may have together, and those of one without a known length. */
const LEAST_FIELDS = 32;
const FIELDS_WITHOUT_LENGTH = 1_000;

interface Planned {
  readonly fragments: Record<string, FragmentDefinitionNode>;
  /** Variables that `@skip` and `@include` look at. */
  readonly conditions: readonly string[];
  readonly plans: Map<string, { selecting: Selecting; plan: ObjectPlan }>;
  fieldsLeft: number;
}

const documents = new WeakMap<DocumentNode, Planned | 'not planned'>();

/** What a document's operation is executed with; undefined where it has to be left to graphql-js. */
export function planOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variableValues: { [name: string]: unknown },
): { fragments: Record<string, FragmentDefinitionNode>; plan: ObjectPlan; done: () => void } | undefined {
  const planned = documents.get(document) ?? analysed(document);
  documents.set(document, planned);
  if (planned === 'not planned') return undefined;
  const { fragments, conditions, plans } = planned;
  let key = operation.name?.value ?? '';
  for (const name of conditions) {
    const value = variableValues[name];
    // A variable of another operation has no value here, and null is an error that graphql-js tells.
    if (value !== undefined && typeof value !== 'boolean') return undefined;
    key += `:${value}`;
  }
  let found = plans.get(key);
  if (!found) {
    if (plans.size >= MAX_PLANS) return undefined;
    const type = schema.getRootType(operation.operation);
    if (!type) return undefined;
    const selecting = {
      schema,
      fragments,
      variableValues: onlyConditions(conditions, variableValues),
      fields: 0,
      counted: 0,
    };
    found = { selecting, plan: planOfRoot(selecting, type, operation.selectionSet) };
    plans.set(key, found);
  }
  const { plan, selecting } = found;
  // Fields below are planned when they are met for the first time. Each counts once, however many executions are under way.
  const done = () => {
    planned.fieldsLeft -= selecting.fields - selecting.counted;
    selecting.counted = selecting.fields;
    if (planned.fieldsLeft < 0) documents.set(document, 'not planned');
  };
  return { fragments, plan, done };
}

/** Plans outlive their first execution, whose variables may hold secret values. */
function onlyConditions(names: readonly string[], values: { [name: string]: unknown }) {
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(values, name) ? [[name, values[name]]] : [])));
}

function analysed(document: DocumentNode): Planned | 'not planned' {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  const conditions = new Set<string>();
  let isPlannable = true;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  visit(document, {
    Field({ name }) {
      // Introspection is left to graphql-js: it is rare, and its answers are large.
      if (name.value === '__schema' || name.value === '__type') isPlannable = false;
    },
    Directive(node) {
      for (const { value } of node.arguments ?? []) if (value.kind === Kind.VARIABLE) conditions.add(value.name.value);
    },
  });
  if (!isPlannable) return 'not planned';
  const { loc } = document;
  const fieldsLeft = loc ? LEAST_FIELDS + (loc.end - loc.start) / 2 : FIELDS_WITHOUT_LENGTH;
  return { fragments, conditions: [...conditions], plans: new Map(), fieldsLeft };
}

/** The operation that a request means; undefined where graphql-js has to say what is wrong. */
export function operationOf(
  document: DocumentNode,
  name: string | null | undefined,
): OperationDefinitionNode | undefined {
  const operation = getOperationAST(document, name);
  return operation?.operation === 'subscription' ? undefined : (operation ?? undefined);
}
