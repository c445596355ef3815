// SQL statements that are written with drizzle's tables, compiled once, and run by the driver as prepared statements.
//
// Running drizzle's own prepared queries would take a third of the time of a by-id read, so only the SQL text that
// drizzle builds is used. A statement keeps this text, knows the order of its named parameters, and decodes the few
// column types that the two drivers return differently.
import { Column, is, Param, Placeholder, type SQL, sql } from 'drizzle-orm';
import { PgArray, PgBigInt64, PgDialect, type PgTable } from 'drizzle-orm/pg-core';
import { parse as parseArray } from 'postgres-array';

/** A result column that is not a plain table column: an expression, or a column that an outer join may leave null. */
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
  /** The list of parameters for one execution by the driver. */
  parameters(input: Input): unknown[];
  /** Whether it may read much: it waits behind all others, and leaves a connection to them. */
  readonly isBulk?: boolean;
  /** Converts a raw row, keyed by column alias, into the typed row. It changes the row in place. */
  decode(raw: Record<string, unknown>): Row;
}

const dialect = new PgDialect();

/** The text of every statement there is, for tests that ask a database how it would run each of them. */
export const compiledTexts = new Set<string>();

/**
 * Compiles a query. Its result columns must be the keys of `shape`; `columns(shape)` makes the select or returning
 * list. Parameters are written `parameter('name')`; any other value in the template is bound as a constant.
 */
export function statement<Input extends object>() {
  return <S extends Shape>(shape: S, query: SQL): Statement<RowOf<S>, Input> => {
    const compiled = dialect.sqlToQuery(query);
    compiledTexts.add(compiled.sql);
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

/** A statement that may read much, such as the values of a list. */
export function bulk<Row, Input extends object>(query: Statement<Row, Input>): Statement<Row, Input> {
  return { ...query, isBulk: true };
}

/** The select or returning list of a shape: every column, with its key as the alias. */
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

/** A named parameter. With a column, the value is encoded as this column requires, which matters for arrays. */
export function parameter(name: string, column?: Column): SQL {
  const placeholder = sql.placeholder(name);
  return column ? sql`${new Param(placeholder, column as never)}` : sql`${placeholder}`;
}

/**
 * Whether the column equals any string (or id) of a named list. The whole list is one parameter, so that the SQL text
 * is the same for every length: with a placeholder per element, the server would keep a prepared statement for every
 * length, and 65,534 elements would be the limit. The list is inside a sub-select because the planner cannot see its
 * length there, and so does not make a new plan for every list.
 */
export function anyOf(column: Column, name: string): SQL {
  const type = /^\w+/.exec(column.getSQLType())?.[0] as ElementType;
  return sql`${column} = any(array(select unnest(${elements(name, type)})))`;
}

/** How an element of each type is written inside the text of a Postgres array. */
const ELEMENTS = {
  text: (value: unknown) => `"${escaped(String(value))}"`,
  uuid: String,
  bigint: String,
  integer: String,
  boolean: String,
  timestamptz: (value: unknown) => (value as Date).toISOString(),
  bytea: (value: unknown) => `\\\\x${Buffer.from(value as Uint8Array).toString('hex')}`,
} as const satisfies Record<string, (value: unknown) => string>;

/**
 * Tests before it replaces: most texts have none of these characters, and a replacement that finds nothing costs three
 * times as much as the test.
 */
function escaped(text: string): string {
  return /["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text;
}

export type ElementType = keyof typeof ELEMENTS;

/** A whole list in one parameter, as an array; `unnest` makes rows of it. */
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
 * `insert into … values …` of one row: each column takes the parameter with its key, or the expression that `values`
 * has for that key. With a `source` (`from … where …`), one row is inserted for every row of the source.
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

/** A parameter with a cast to the column's type, because the server cannot infer the type everywhere. */
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
  // postgres.js returns int8 and arrays as text; PGlite returns int8 as number or bigint, and arrays as arrays.
  if (is(field, PgBigInt64)) return (value) => BigInt(value as string | number | bigint);
  if (is(field, PgArray)) return (value) => (typeof value === 'string' ? parseArray(value) : value);
  return undefined;
}
