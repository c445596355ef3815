// Decrypts the values in a log one after the other and compares each with the digest that the log's hashes cover.
import { isSameDigest } from '../../crypto/digest.js';
import { type EnvironmentKeys, openEnvironmentKeys } from '../../crypto/environment-keys.js';
import type { KeyProvider } from '../../crypto/key-provider.js';
import { SealError } from '../../crypto/sealing.js';
import type { Session } from '../../store/engine/client.js';
import { findEnvironmentKeys } from '../../store/keys/environment-key.js';
import { findLoggedValues, type VerifiedEntryRow } from '../../store/log/log-verification.js';
import { openWith } from '../keys/opened-value.js';
import { digestOf } from '../keys/sealed-value.js';
import { badValue, LogFinding } from './log-finding.js';

/**
 * All of the environment's keys, or a finding when one cannot be unwrapped. An unreachable key service is not a finding
 * but an error.
 */
export async function openKeysOf(
  session: Session,
  environmentId: string,
  provider: KeyProvider,
): Promise<EnvironmentKeys | LogFinding> {
  try {
    return await openEnvironmentKeys(provider, environmentId, await findEnvironmentKeys(session, environmentId));
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return new LogFinding('keys', null, `its keys do not open, so no value does: ${error.message}`);
  }
}

/** Maximum number of bytes of values in memory at once. */
const MAX_BYTES_IN_MEMORY = 4 * 1024 * 1024;

export interface Values {
  /**
   * Decrypts and compares the value of one row of the page. Values of the rows after it are read from the database
   * together with it. Answers its text; undefined when it does not open.
   */
  check(page: readonly VerifiedEntryRow[], index: number): Promise<string | undefined>;
  opened(): number;
  /** The first value that did not open. */
  unopened(): LogFinding | undefined;
}

/** `onUnopened` is told every value that does not open, behind the first. */
export function valuesOf(
  session: Session,
  environmentId: string,
  keys: EnvironmentKeys,
  onUnopened?: (finding: LogFinding) => void,
): Values {
  let loadedValues = new Map<bigint, Uint8Array>();
  let openedCount = 0;
  let firstUnopened: LogFinding | undefined;
  return {
    opened: () => openedCount,
    unopened: () => firstUnopened,
    async check(page, index) {
      const row = page[index] as VerifiedEntryRow;
      const { agentSecretId: id, path, secretType, revision, environmentRevision: first, valueDigest } = row;
      if (!loadedValues.has(first)) {
        const last = lastRowOfBatch(page, index).environmentRevision;
        loadedValues = await findLoggedValues(session, { environmentId, first, last });
      }
      const sealed = loadedValues.get(first) as Uint8Array;
      let text: string;
      let digest: Uint8Array;
      try {
        // The row is chained, so its secret is there.
        const subject = { environmentId, id, path: path as string, secretType: secretType as string };
        text = openWith(keys, { ...subject, valueRevision: revision }, sealed);
        digest = digestOf(keys, id, revision, text);
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        const finding = badValue(row, revision, 'does not open: it was changed, moved here, or its key is missing');
        if (firstUnopened) onUnopened?.(finding);
        firstUnopened ??= finding;
        return undefined;
      }
      if (!isSameDigest(digest, valueDigest as Uint8Array)) {
        throw badValue(row, revision, 'differs from the one that was set: the log has another digest');
      }
      openedCount += 1;
      return text;
    },
  };
}

/** The last row after `index` whose value fits into the same read. */
function lastRowOfBatch(page: readonly VerifiedEntryRow[], index: number): VerifiedEntryRow {
  let last = page[index] as VerifiedEntryRow;
  let bytes = last.sealedBytes ?? 0;
  for (const row of page.slice(index + 1)) {
    bytes += row.sealedBytes ?? 0;
    if (bytes > MAX_BYTES_IN_MEMORY) break;
    last = row;
  }
  return last;
}
