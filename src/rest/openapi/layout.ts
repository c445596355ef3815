// Pretty-prints JSON for readers and diffs: values that fit are printed on one line, and all integers exactly.
import { printJson } from '../../json/print.js';

interface Layout {
  width: number;
  indent: string;
  /** Number of characters before the value on its line. */
  taken: number;
}

export function layOut(
  value: unknown,
  { width, indent, taken }: Layout = { width: 120, indent: '', taken: 0 },
): string {
  const line = onOneLine(value);
  if (typeof value !== 'object' || value === null || taken + line.length < width) return line;
  const inner = `${indent}  `;
  const part = (start: string, item: unknown) => start + layOut(item, { width, indent: inner, taken: start.length });
  if (Array.isArray(value)) return `[\n${value.map((item) => part(inner, item)).join(',\n')}\n${indent}]`;
  const members = Object.entries(value).map(([key, member]) => part(`${inner}${printJson(key)}: `, member));
  return `{\n${members.join(',\n')}\n${indent}}`;
}

function onOneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return printJson(value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${printJson(key)}: ${onOneLine(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
