// Completes what resolvers answer, as their fields' types say: checks, serializes and prints it. What each function does, and
// in which order, is what graphql-js does in `completeValue`.
import {
  defaultTypeResolver,
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { inspect } from 'graphql/jsutils/inspect.js';
import { JsonText, LongString, PIECE } from '../../json/json-text.js';
import { printJson } from '../../json/print.js';
import { printPieces } from '../../json/print-portions.js';
import {
  type Complete,
  type Execution,
  type FieldPlan,
  isPrinted,
  type MaybePrinted,
  type Path,
  type Printed,
  pathOf,
  resolveInfo,
} from './execution.js';
import { ended, executeFields, failedAt, isPromiseLike, printedLate, type Start } from './fields.js';

interface Completer {
  complete: Complete;
  isNullable: boolean;
  /** Whether something can be below the value. */
  hasPath: boolean;
}

const completers = new WeakMap<GraphQLOutputType, Completer>();

/** The completer of a type, of which there is one. */
export function completerOf(type: GraphQLOutputType): Completer {
  let completer = completers.get(type);
  if (!completer) {
    completer = newCompleter(type);
    completers.set(type, completer);
  }
  return completer;
}

function newCompleter(type: GraphQLOutputType): Completer {
  if (isNonNullType(type)) {
    const inner = completerOf(type.ofType);
    return { complete: required(inner.complete), isNullable: false, hasPath: inner.hasPath };
  }
  if (isListType(type)) return { complete: nullable(list(completerOf(type.ofType))), isNullable: true, hasPath: true };
  if (isLeafType(type)) return { complete: nullable(leaf(type)), isNullable: true, hasPath: false };
  if (isAbstractType(type)) return { complete: nullable(abstract(type)), isNullable: true, hasPath: true };
  return { complete: nullable(object(type)), isNullable: true, hasPath: true };
}

function nullable(complete: Complete): Complete {
  return (execution, field, path, parentPath, result) => {
    if (result instanceof Error) throw result;
    return result === null || result === undefined ? null : complete(execution, field, path, parentPath, result);
  };
}

function required(complete: Complete): Complete {
  return (execution, field, path, parentPath, result) => {
    const completed = complete(execution, field, path, parentPath, result);
    if (completed !== null) return completed;
    throw new Error(`Cannot return null for non-nullable field ${nameOf(field)}.`);
  };
}

function nameOf({ parentType, definition }: FieldPlan): string {
  return `${parentType.name}.${definition.name}`;
}

/** From this length on a string is printed when it is sent. */
const LONG = 4 * 1024;

function printedLater(long: string): JsonText {
  const text = new JsonText();
  text.add(new LongString(long));
  return text;
}

function leaf(type: GraphQLLeafType): Complete {
  return (_execution, _field, _path, _parentPath, result) => {
    const serialized: unknown = type.serialize(result);
    if (typeof serialized === 'string')
      return serialized.length < LONG ? printJson(serialized) : printedLater(serialized);
    if (serialized !== null && serialized !== undefined) return printedLeaf(serialized);
    throw new Error(
      `Expected \`${inspect(type)}.serialize(${inspect(result)})\` to return non-nullable value, returned: ${inspect(serialized)}`,
    );
  };
}

function printedLeaf(serialized: unknown): string | JsonText {
  return typeof serialized === 'object' ? printPieces(serialized as object) : printJson(serialized);
}

function list(item: Completer): Complete {
  return (execution, field, path, _parentPath, result) => {
    if (typeof result !== 'object' || typeof (result as Iterable<unknown>)[Symbol.iterator] !== 'function') {
      throw new GraphQLError(`Expected Iterable, but did not find one for field "${nameOf(field)}".`);
    }
    const items = [...(result as Iterable<unknown>)];
    let text = '';
    let long: JsonText | undefined;
    for (let index = 0; index < items.length; index += 1) {
      const printed = completeItem(execution, field, item, path as Path, index, items[index]);
      text += index === 0 ? '[' : ',';
      if (typeof printed === 'string') {
        text += printed;
        if (text.length < PIECE) continue;
      } else if (printed === null) {
        text += 'null';
        continue;
      } else if (!isPrinted(printed)) {
        return completeLateItems(execution, field, item, path as Path, items, { text, long, index, value: printed });
      }
      long ??= new JsonText();
      long.add(text);
      if (printed instanceof JsonText) long.add(printed);
      text = '';
    }
    return ended(text, long, items.length === 0 ? '[]' : ']');
  };
}

/** The rest of a list, from the first item on that has answered a promise. */
function completeLateItems(
  execution: Execution,
  field: FieldPlan,
  item: Completer,
  list: Path,
  items: readonly unknown[],
  start: Start,
): Promise<Printed> {
  const late: MaybePrinted[] = [start.value];
  try {
    for (let next = start.index + 1; next < items.length; next += 1) {
      late.push(completeItem(execution, field, item, list, next, items[next]));
    }
  } catch (error) {
    // Nobody waits for the others any more, and a rejection that nobody takes would end the process.
    Promise.allSettled(late);
    throw error;
  }
  // Printed by whoever waits for it: a step more than graphql-js takes would change the order of errors.
  return Promise.all([start, ...late]) as Promise<unknown> as Promise<Printed>;
}

function completeItem(
  execution: Execution,
  field: FieldPlan,
  { complete, isNullable, hasPath }: Completer,
  list: Path,
  index: number,
  item: unknown,
): MaybePrinted {
  const placeOf = (): Path => ({ prev: list, key: index, typename: undefined });
  const path = hasPath ? placeOf() : undefined;
  let completed: MaybePrinted;
  try {
    completed = isPromiseLike(item)
      ? item.then((value) => complete(execution, field, path, list, value))
      : complete(execution, field, path, list, item);
  } catch (error) {
    return failedAt(execution, field, path ?? placeOf(), isNullable, error);
  }
  if (isPrinted(completed)) return completed;
  return completed.then(printedLate, (error: unknown) =>
    failedAt(execution, field, path ?? placeOf(), isNullable, error),
  );
}

function object(type: GraphQLObjectType): Complete {
  return (execution, field, path, _parentPath, result) => completeObject(execution, field, type, path, result);
}

function completeObject(
  execution: Execution,
  field: FieldPlan,
  type: GraphQLObjectType,
  path: Path | undefined,
  result: unknown,
): MaybePrinted {
  const plan = field.below(type);
  if (!type.isTypeOf) return executeFields(execution, plan, result, path);
  const isOfType = type.isTypeOf(result, execution.contextValue, resolveInfo(execution, field, fieldPath(field, path)));
  const checked = (isOne: boolean) => {
    if (isOne) return executeFields(execution, plan, result, path);
    const nodes = field.fieldNodes;
    throw new GraphQLError(`Expected value of type "${type.name}" but got: ${inspect(result)}.`, { nodes });
  };
  return isPromiseLike(isOfType) ? (isOfType as Promise<boolean>).then(checked) : checked(isOfType);
}

/** The place of the field, which is what `info` tells also about an item of its list. */
function fieldPath(field: FieldPlan, path: Path | undefined): Path {
  let place = path;
  while (place && typeof place.key === 'number') place = place.prev;
  return place ?? pathOf(field, undefined);
}

function abstract(type: GraphQLAbstractType): Complete {
  const resolveType = type.resolveType ?? defaultTypeResolver;
  return (execution, field, path, _parentPath, result) => {
    const info = resolveInfo(execution, field, fieldPath(field, path));
    const name: unknown = resolveType(result, execution.contextValue, info, type);
    const completed = (found: unknown) =>
      completeObject(execution, field, runtimeType(execution, field, type, found, result), path, result);
    return isPromiseLike(name) ? (name.then(completed) as Promise<Printed>) : completed(name);
  };
}

function runtimeType(
  { schema }: Execution,
  field: FieldPlan,
  type: GraphQLAbstractType,
  name: unknown,
  result: unknown,
): GraphQLObjectType {
  const nodes = field.fieldNodes;
  const mustResolve = `Abstract type "${type.name}" must resolve to an Object type at runtime for field "${nameOf(field)}"`;
  if (name === null || name === undefined) {
    throw new GraphQLError(
      `${mustResolve}. Either the "${type.name}" type should provide a "resolveType" function or each possible type should provide an "isTypeOf" function.`,
      { nodes },
    );
  }
  if (isObjectType(name)) {
    throw new GraphQLError(
      'Support for returning GraphQLObjectType from resolveType was removed in graphql-js@16.0.0 please return type name instead.',
    );
  }
  if (typeof name !== 'string') {
    throw new GraphQLError(`${mustResolve} with value ${inspect(result)}, received "${inspect(name)}".`);
  }
  const found = schema.getType(name);
  if (!found) {
    throw new GraphQLError(
      `Abstract type "${type.name}" was resolved to a type "${name}" that does not exist inside the schema.`,
      { nodes },
    );
  }
  if (!isObjectType(found)) {
    throw new GraphQLError(`Abstract type "${type.name}" was resolved to a non-object type "${name}".`, { nodes });
  }
  if (!schema.isSubType(type, found)) {
    throw new GraphQLError(`Runtime Object type "${found.name}" is not a possible type for "${type.name}".`, { nodes });
  }
  return found;
}
