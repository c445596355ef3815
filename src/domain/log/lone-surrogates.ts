// Finds texts with lone surrogates, which were taken in before both doors refused them: most clients cannot read a list
// that holds one.
import type { VerifiedEntryRow } from '../../store/log/log-verification.js';

/** A type or a value that strict clients cannot read. */
export interface LoneSurrogates {
  part: 'type' | 'value';
  agentSecretId: string;
  path: string;
  /** The row that has set it. */
  environmentRevision: bigint;
  /** Whether lists hold it now; otherwise only the history does. */
  isCurrent: boolean;
}

/** What the stored JSON text of a row's type or value has; undefined for proper text. */
export function loneSurrogatesIn(
  part: 'type' | 'value',
  jsonText: string | null,
  row: VerifiedEntryRow,
): LoneSurrogates | undefined {
  if (jsonText === null || !LONE_ESCAPE.test(jsonText)) return undefined;
  const { agentSecretId, environmentRevision, revision, currentValueRevision, currentDeletedAt } = row;
  const isCurrent = currentDeletedAt === null && (part === 'type' || currentValueRevision === revision);
  return { part, agentSecretId, path: row.path as string, environmentRevision, isCurrent };
}

/**
 * An escape of a surrogate that no backslash precedes. The service prints only lone ones as escapes: pairs are printed
 * as the characters they are.
 */
const LONE_ESCAPE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
