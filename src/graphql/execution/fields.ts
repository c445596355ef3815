// Executes the fields of an object and prints them, step by step as graphql-js executes them.
import { type FieldNode, getArgumentValues, locatedError } from 'graphql';
import { JsonText, PIECE } from '../../json/json-text.js';
import {
  type Execution,
  type FieldPlan,
  isPrinted,
  LateResolveInfo,
  type MaybePrinted,
  type ObjectPlan,
  type Path,
  type Printed,
  pathOf,
  resolveInfo,
} from './execution.js';

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** Resolves and prints all fields. Returns a promise only if a field does. */
export function executeFields(
  execution: Execution,
  { fields }: ObjectPlan,
  source: unknown,
  path: Path | undefined,
): string | JsonText | Promise<string | JsonText> {
  let text = '';
  let long: JsonText | undefined;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index] as FieldPlan;
    const value = executeField(execution, field, source, path);
    if (typeof value === 'string') {
      text += field.prefix + value;
      if (text.length < PIECE) continue;
    } else if (value === null) {
      text += `${field.prefix}null`;
      continue;
    } else if (value instanceof JsonText) {
      text += field.prefix;
    } else {
      const start: Start = { text, long, index, value };
      return executeLateFields(execution, fields, source, path, start);
    }
    long ??= new JsonText();
    long.add(text);
    if (value instanceof JsonText) long.add(value);
    text = '';
  }
  return ended(text, long, fields.length === 0 ? '{}' : '}');
}

export function ended(text: string, long: JsonText | undefined, end: string): string | JsonText {
  if (!long) return text + end;
  long.add(text + end);
  return long;
}

/** How far an object or a list was when the first of its fields or items answered a promise. */
export interface Start {
  text: string;
  long: JsonText | undefined;
  index: number;
  value: PromiseLike<Printed>;
}

function executeLateFields(
  execution: Execution,
  fields: readonly FieldPlan[],
  source: unknown,
  path: Path | undefined,
  { text, long, index, value }: Start,
): Promise<string | JsonText> {
  const values: MaybePrinted[] = [value];
  try {
    for (let next = index + 1; next < fields.length; next += 1) {
      values.push(executeField(execution, fields[next] as FieldPlan, source, path));
    }
  } catch (error) {
    // As in graphql-js: the promises of the other fields are waited for, because they may be rejected as well.
    return Promise.all(values)
      .then(() => '')
      .finally(() => {
        throw error;
      });
  }
  const start = { text, long };
  const prefixOf = (offset: number) => (fields[index + offset] as FieldPlan).prefix;
  return Promise.all(values).then((printed) => continued(start, printed, prefixOf, '}'));
}

/** What a field or an item has answered late; a list, which comes as its beginning and its late items, is printed now. */
export function printedLate(late: Printed): Printed {
  if (!Array.isArray(late)) return late;
  const [start, ...items] = late as unknown as [Start, ...Printed[]];
  return continued(start, items, (offset) => (offset > 0 ? ',' : ''), ']');
}

/** The text of an object or a list from where it was on, in pieces. */
function continued(
  { text, long }: Pick<Start, 'text' | 'long'>,
  values: readonly Printed[],
  prefixOf: (offset: number) => string,
  end: string,
): string | JsonText {
  let rest = text;
  let all = long;
  for (const [offset, each] of values.entries()) {
    rest += prefixOf(offset);
    if (!(each instanceof JsonText)) {
      rest += each ?? 'null';
      if (rest.length < PIECE) continue;
    }
    all ??= new JsonText();
    all.add(rest);
    if (each instanceof JsonText) all.add(each);
    rest = '';
  }
  return ended(rest, all, end);
}

/** Resolves one field and prints its value. Throws only where the field must not be null. */
export function executeField(
  execution: Execution,
  field: FieldPlan,
  source: unknown,
  parentPath: Path | undefined,
): MaybePrinted {
  const path = field.hasPath ? pathOf(field, parentPath) : undefined;
  let completed: MaybePrinted;
  try {
    const result = resolved(execution, field, source, parentPath, path);
    completed = isPromiseLike(result)
      ? result.then((value) => field.complete(execution, field, path, parentPath, value))
      : field.complete(execution, field, path, parentPath, result);
  } catch (error) {
    return failedField(execution, field, path ?? pathOf(field, parentPath), error);
  }
  if (isPrinted(completed)) return completed;
  return completed.then(printedLate, (error: unknown) =>
    failedField(execution, field, path ?? pathOf(field, parentPath), error),
  );
}

const NO_ARGUMENTS = Object.freeze({});

function resolved(
  execution: Execution,
  field: FieldPlan,
  source: unknown,
  parentPath: Path | undefined,
  path: Path | undefined,
): unknown {
  const { definition } = field;
  const { resolve } = definition;
  if (!resolve) return resolvedByName(execution, field, source, parentPath, path);
  const args = argumentsOf(execution, field);
  // A function without named arguments may take all of them.
  const info =
    resolve.length > 3 || resolve.length === 0
      ? resolveInfo(execution, field, path ?? pathOf(field, parentPath))
      : new LateResolveInfo(execution, field, parentPath, path);
  return resolve(source, args, execution.contextValue, info);
}

/** What graphql-js does without a resolver: the member of this name, which may be a method. */
function resolvedByName(
  execution: Execution,
  field: FieldPlan,
  source: unknown,
  parentPath: Path | undefined,
  path: Path | undefined,
): unknown {
  const { definition } = field;
  // The arguments are read even if nobody takes them: they may be refused.
  const args = argumentsOf(execution, field);
  if ((typeof source !== 'object' || source === null) && typeof source !== 'function') return undefined;
  const member = (source as Record<string, unknown>)[definition.name];
  if (typeof member !== 'function') return member;
  const info = resolveInfo(execution, field, path ?? pathOf(field, parentPath));
  return (source as Record<string, (...all: unknown[]) => unknown>)[definition.name]?.(
    args,
    execution.contextValue,
    info,
  );
}

function argumentsOf(execution: Execution, { hasArguments, definition, fieldNodes }: FieldPlan) {
  if (!hasArguments) return NO_ARGUMENTS;
  return getArgumentValues(definition, fieldNodes[0] as FieldNode, execution.variableValues);
}

function failedField(execution: Execution, field: FieldPlan, path: Path, raw: unknown): null {
  return failedAt(execution, field, path, field.isNullable, raw);
}

/** Notes the error of a place that may be null; throws it where it may not. */
export function failedAt(
  execution: Execution,
  { fieldNodes }: FieldPlan,
  path: Path,
  isNullable: boolean,
  raw: unknown,
): null {
  const error = locatedError(raw, fieldNodes, keysOf(path));
  if (!isNullable) throw error;
  execution.errors.add(error, path);
  return null;
}

function keysOf(path: Path): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let place: Path | undefined = path; place; place = place.prev) keys.push(place.key);
  return keys.reverse();
}
