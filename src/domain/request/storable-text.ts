// Text that is looked for in the database.

/**
 * Postgres text cannot hold U+0000, and no name or path contains it. The replacement character is not in any of them
 * either, so that the query correctly finds nothing.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}');
}
