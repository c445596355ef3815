// What a session is set to, whatever the server, the database or the role say: how values are printed, read and found.

interface Setting {
  value: string;
  /** Which values do as well, where they cannot be set: behind a pooler. */
  accepted?: RegExp;
}

/**
 * Not among them is default_transaction_read_only: it would lift what an operator, or a database without space, uses to
 * keep writes out.
 */
const SETTINGS: Readonly<Record<string, Setting>> = {
  DateStyle: { value: 'ISO, MDY', accepted: /^ISO\b/ },
  IntervalStyle: { value: 'postgres' },
  // Moments are printed with their distance from UTC.
  TimeZone: { value: 'UTC', accepted: /./ },
  timezone_abbreviations: { value: 'Default' },
  extra_float_digits: { value: '1', accepted: /^\d/ },
  bytea_output: { value: 'hex' },
  standard_conforming_strings: { value: 'on' },
  array_nulls: { value: 'on' },
  transform_null_equals: { value: 'off' },
  quote_all_identifiers: { value: 'off' },
  row_security: { value: 'on' },
  gin_fuzzy_search_limit: { value: '0' },
  exit_on_error: { value: 'off' },
  default_transaction_isolation: { value: 'read committed' },
  default_transaction_deferrable: { value: 'off' },
  // Nothing is formatted by these, only numbers and days that to_char would print.
  lc_monetary: { value: 'C', accepted: /./ },
  lc_numeric: { value: 'C', accepted: /./ },
  lc_time: { value: 'C', accepted: /./ },
};

/** Poolers take these from the start of a session, too, and give every transaction the client's own. */
const KNOWN_TO_POOLERS = ['DateStyle', 'TimeZone', 'standard_conforming_strings'];

/** The settings to send at the start of a session. */
export function sessionSettings(schema: string | undefined, isPooled: boolean): Record<string, string> {
  const names = isPooled ? KNOWN_TO_POOLERS : Object.keys(SETTINGS);
  return {
    ...Object.fromEntries(names.map((name) => [name, (SETTINGS[name] as Setting).value])),
    ...(schema !== undefined && !isPooled && { search_path: quotedName(schema) }),
  };
}

/** A name as SQL, always in quotes. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Those that nobody but a superuser can set, and that change what a write does. */
const OTHERS: Readonly<Record<string, Setting>> = {
  session_replication_role: { value: 'origin', accepted: /^(origin|local)$/ },
  client_encoding: { value: 'UTF8' },
};

const CHECKED: Readonly<Record<string, Setting>> = { ...SETTINGS, ...OTHERS };
export const CHECKED_SETTINGS = Object.keys(CHECKED);

/** The settings that are not what they have to be, each with what it has to be. */
export function wrongSettings(found: ReadonlyMap<string, string>): { name: string; is: string; needed: string }[] {
  return Object.entries(CHECKED).flatMap(([name, { value, accepted }]) => {
    const is = found.get(name);
    return is === undefined || is === value || accepted?.test(is) ? [] : [{ name, is, needed: value }];
  });
}
