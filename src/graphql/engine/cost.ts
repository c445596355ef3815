// What an operation may cost, told before it runs: nested pages multiply, so the product of their sizes is limited.
import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Operation } from '../../domain/request/operation.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../domain/request/page.js';
import { invalidRequestError } from './errors.js';
import { syntaxError } from './request-errors.js';

type Variables = Record<string, unknown> | undefined;

export interface CostLimits {
  /** Items that all pages of an operation may have together if they are full, nested pages multiplied. */
  maxNodes: number;
}

/** How many items an operation reads if all of its pages are full. */
export function nodesOf(document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): number {
  const fragments = new Map(
    document.definitions.flatMap((each): [string, FragmentDefinitionNode][] =>
      each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [],
    ),
  );
  /** Each fragment is looked at once, however often it is spread. */
  const known = new Map<string, number>();
  const pageFragments = new Map<string, boolean>();

  function inFragment(name: string): number {
    const nodes = known.get(name);
    if (nodes !== undefined) return nodes;
    const fragment = fragments.get(name);
    // A fragment that leads to itself is no valid document; this only has to end.
    known.set(name, 0);
    const counted = fragment ? inSelections(fragment.selectionSet) : 0;
    known.set(name, counted);
    return counted;
  }

  function inSelections({ selections }: SelectionSetNode): number {
    let nodes = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) nodes += inFragment(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) nodes += inSelections(selection.selectionSet);
      else if (selection.selectionSet) {
        const size = sizeOf(selection);
        const below = inSelections(selection.selectionSet);
        nodes += size === undefined ? below : size * (1 + below);
      }
    }
    return nodes;
  }

  /** The items of a field that has several; undefined for any other. */
  function sizeOf(field: FieldNode): number | undefined {
    const argument = (name: string) => {
      const value = field.arguments?.find((each) => each.name.value === name)?.value;
      return value?.kind === Kind.VARIABLE ? variableNamed(value.name.value) : literal(value);
    };
    const ids = argument('ids');
    if (Array.isArray(ids)) return ids.length;
    if (!field.selectionSet || !isPage(field.selectionSet)) return undefined;
    const size = argument('first') ?? argument('last');
    const number = Number((size as { text?: string } | undefined)?.text ?? size ?? DEFAULT_PAGE_SIZE);
    return Number.isFinite(number) ? Math.min(Math.max(number, 0), MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
  }

  function variableNamed(name: string): unknown {
    if (variables && Object.hasOwn(variables, name)) return variables[name];
    return literal(operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue);
  }

  /** Whether something is selected that only pages have, directly or in fragments. */
  function isPage({ selections }: SelectionSetNode): boolean {
    return selections.some((selection) => {
      if (selection.kind === Kind.FIELD) return PAGE_FIELDS.has(selection.name.value);
      return selection.kind === Kind.INLINE_FRAGMENT
        ? isPage(selection.selectionSet)
        : isPageFragment(selection.name.value);
    });
  }

  function isPageFragment(name: string): boolean {
    const isKnown = pageFragments.get(name);
    if (isKnown !== undefined) return isKnown;
    const fragment = fragments.get(name);
    pageFragments.set(name, false);
    const isOne = fragment !== undefined && isPage(fragment.selectionSet);
    pageFragments.set(name, isOne);
    return isOne;
  }

  try {
    return inSelections(operation.selectionSet);
  } catch (error) {
    // Fragments can be nested so deeply that they exhaust the stack.
    throw syntaxError(error);
  }
}

const PAGE_FIELDS: ReadonlySet<string> = new Set(['edges', 'nodes', 'pageInfo']);

/** What a size or a list of ids is, written in the document. */
function literal(value: ValueNode | undefined): unknown {
  if (value?.kind === Kind.INT) return Number(value.value);
  return value?.kind === Kind.LIST ? value.values : undefined;
}

/** Throws INVALID_REQUEST for an operation whose nested pages could have too many items. */
export function checkNodes(nodes: number, { maxNodes }: CostLimits): void {
  if (nodes <= maxNodes) return;
  throw invalidRequestError(
    `The pages of the operation could have ${nodes} items together, and at most ${maxNodes} are allowed (GRAPHQL_MAX_NODES): ask for smaller pages.`,
  );
}

/** Limits what Yoga executes itself. The fast path has counted already, before it runs. */
export function useNodeLimit(limits: CostLimits): Plugin {
  const check = ({ args }: { args: Pick<ExecutionArgs, 'document' | 'operationName' | 'variableValues'> }) => {
    const operation = getOperationAST(args.document, args.operationName);
    if (operation) checkNodes(nodesOf(args.document, operation, args.variableValues as Variables), limits);
  };
  return { onExecute: check, onSubscribe: check };
}

/** What an operation has cost, for clients that send `extensions: {cost: true}`. */
export function costOf(nodes: number, limits: CostLimits, operation: Operation | undefined) {
  return {
    nodes,
    maxNodes: limits.maxNodes,
    answerBytes: operation?.answerBytes ?? 0,
    maxAnswerBytes: operation?.maxResponseBytes ?? null,
    values: operation?.opened.size ?? 0,
  };
}
