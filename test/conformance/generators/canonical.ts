// The canonical form of a type document, apart from any service.
import type { TypeDocument } from './typed-values.js';

/** The known keys of each kind; scalars have none. */
const KEYS: Record<string, readonly string[]> = {
  List: ['inner'],
  Option: ['inner'],
  Tuple: ['items'],
  Record: ['fields'],
  Variant: ['cases'],
  Enum: ['cases'],
  Flags: ['names'],
  Result: ['ok', 'err'],
  Handle: ['resource_id', 'mode'],
};

/** The document, or a part of it, as every answer shows it. */
export function canonical(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(canonical);
  if (typeof part !== 'object' || part === null) return part;
  const document = part as TypeDocument;
  const keys = 'type' in document ? ['type', ...(KEYS[document.type] ?? [])] : ['name', 'typ'];
  const optional = 'type' in document && document.type in KEYS ? ['name', 'owner'] : [];
  const shown = [...keys, ...optional].filter((key) => document[key] !== undefined && document[key] !== null);
  return Object.fromEntries(shown.map((key) => [key, canonical(document[key])]));
}
