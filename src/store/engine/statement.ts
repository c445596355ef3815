// SQL written once with drizzle's tables, compiled once, run by the driver as a prepared statement.
//
// Drizzle's own prepared queries cost a third of a by-id read; the text they build does not. A statement keeps the text,
// knows the order of its named parameters, and decodes the few column types on which the two drivers disagree.
import { Column, is, Param, Placeholder, type SQL, sql } from 'drizzle-orm';
import { PgArray, PgBigInt64, PgDialect, type PgTable } from 'drizzle-orm/pg-core';
import { parse as parseArray } from 'postgres-array';

/** A result column that is no plain column: an expression, or a column that a join may leave null. */
export interface Computed<T> {
  readonly expression: SQL | Column;
  readonly decode: (value: unknown) => T;
}
type Field = Column | Computed<unknown>;
export type Shape = Readonly<Record<string, Field>>;

type ValueOf<F> =
  F extends Computed<infer T>
    ? T
    : F extends Column<infer C>
      ? C['data'] | (C['notNull'] extends true ? never : null)
      : never;
export type RowOf<S extends Shape> = { -readonly [K in keyof S]: ValueOf<S[K]> };

export interface Statement<Row, Input extends object> {
  readonly text: string;
  /** The driver's parameter list for one call. */
  parameters(input: Input): unknown[];
  /** Turns one raw row, keyed by column alias, into the typed row (in place). */
  decode(raw: Record<string, unknown>): Row;
}

const dialect = new PgDialect();

/**
 * Compiles a query whose result columns are the keys of `shape` (`columns(shape)` prints its select or returning list).
 * Parameters are `parameter('name')`; any other value in the template is bound as it is.
 */
export function statement<Input extends object>() {
  return <S extends Shape>(shape: S, query: SQL): Statement<RowOf<S>, Input> => {
    const compiled = dialect.sqlToQuery(query);
    const readers = compiled.params.map(reader);
    const decoders = Object.entries(shape).flatMap(([key, field]) => {
      const decode = decoderOf(field);
      return decode ? [[key, decode] as const] : [];
    });
    return {
      text: compiled.sql,
      parameters: (input) => readers.map((read) => read(input as Record<string, unknown>)),
      decode: (raw) => {
        for (const [key, decode] of decoders) {
          if (raw[key] !== null) raw[key] = decode(raw[key]);
        }
        return raw as RowOf<S>;
      },
    };
  };
}

/** The select or returning list of a shape: every column under its key. */
export function columns(shape: Shape): SQL {
  return sql.join(
    Object.entries(shape).map(
      ([key, field]) =>
        sql`${is(field, Column) ? field : (field as Computed<unknown>).expression} as ${sql.identifier(key)}`,
    ),
    sql`, `,
  );
}

export function computed<T>(expression: SQL | Column, decode: (value: unknown) => T): Computed<T> {
  return { expression, decode };
}

/** A column that an outer join may leave null. */
export function optional<C extends Column>(column: C): Computed<C['_']['data'] | null> {
  return { expression: column, decode: decoderOf(column) ?? ((value) => value) };
}

/** A named parameter; with a column it is encoded as that column demands (arrays). */
export function parameter(name: string, column?: Column): SQL {
  const placeholder = sql.placeholder(name);
  return column ? sql`${new Param(placeholder, column as never)}` : sql`${placeholder}`;
}

/**
 * Whether the column is any of the strings (or ids) of a named list. The list is one parameter, so the text is one for every
 * length: a placeholder for each would be a statement of its own for the server to keep, and 65,534 of them its end. Behind
 * a sub-select the server cannot see how long it is, and so does not plan the statement anew for every list.
 */
export function anyOf(column: Column, name: string): SQL {
  const type = /^\w+/.exec(column.getSQLType())?.[0] as ElementType;
  return sql`${column} = any(array(select unnest(${elements(name, type)})))`;
}

/** Each element as Postgres reads it inside an array. */
const ELEMENTS = {
  text: (value: unknown) => `"${escaped(String(value))}"`,
  uuid: String,
  bigint: String,
  integer: String,
  boolean: String,
  timestamptz: (value: unknown) => (value as Date).toISOString(),
  bytea: (value: unknown) => `\\\\x${Buffer.from(value as Uint8Array).toString('hex')}`,
} as const satisfies Record<string, (value: unknown) => string>;

/** Looked for before replaced: most texts have none of these, and a replacement that finds nothing costs three times as much. */
function escaped(text: string): string {
  return /["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text;
}

export type ElementType = keyof typeof ELEMENTS;

/** A whole list in one parameter, as rows through `unnest`. */
export function elements(name: string, type: ElementType): SQL {
  return sql`${new Param(sql.placeholder(name), arrayEncoder(type) as never)}::${sql.raw(type)}[]`;
}

function arrayEncoder(type: ElementType) {
  const print = ELEMENTS[type];
  return {
    mapToDriverValue(values: readonly unknown[]) {
      return `{${values.map((value) => (value === null ? 'NULL' : print(value))).join()}}`;
    },
  };
}

/** The bare name of a column, for insert lists and set clauses. */
export function name(column: Column): SQL {
  return sql`${sql.identifier(column.name)}`;
}

type Columns = Readonly<Record<string, Column>>;

/**
 * `insert into … values …` of one row: each column takes the parameter under its key, or what `values` has there. With a
 * source (`from … where …`) the row is inserted for every row of that.
 */
export function insertInto(
  table: PgTable,
  row: Columns,
  values: Readonly<Record<string, SQL>> = {},
  source?: SQL,
): SQL {
  const entries = Object.entries(row);
  const names = sql.join(
    entries.map(([, column]) => name(column)),
    sql`, `,
  );
  const list = sql.join(
    entries.map(([key, column]) => values[key] ?? typed(key, column)),
    sql`, `,
  );
  return sql`insert into ${table} (${names}) ${source ? sql`select ${list} ${source}` : sql`values (${list})`}`;
}

/** A parameter of the column's type, where nothing else tells the server. */
function typed(key: string, column: Column): SQL {
  return sql`${parameter(key, is(column, PgArray) ? column : undefined)}::${sql.raw(column.getSQLType())}`;
}

function reader(param: unknown): (input: Record<string, unknown>) => unknown {
  if (is(param, Placeholder)) return (input) => input[param.name] ?? null;
  if (is(param, Param) && is(param.value, Placeholder)) {
    const key = param.value.name;
    return (input) => (input[key] == null ? null : param.encoder.mapToDriverValue(input[key]));
  }
  return () => param;
}

function decoderOf(field: Field): ((value: unknown) => unknown) | undefined {
  if (!is(field, Column)) return (field as Computed<unknown>).decode;
  // int8 is text from postgres.js and number or bigint from PGlite; arrays are text from one, arrays from the other.
  if (is(field, PgBigInt64)) return (value) => BigInt(value as string | number | bigint);
  if (is(field, PgArray)) return (value) => (typeof value === 'string' ? parseArray(value) : value);
  return undefined;
}
