// Tamper evidence: verifies that an environment's log is the one that was written, and that its current secrets agree
// with the log.
import type { KeyProvider } from '../../crypto/key-provider.js';
import type { Session } from '../../store/engine/client.js';
import {
  findLogEnd,
  findLogEntries,
  findMissingValue,
  findStrayEntry,
  findUnloggedSecret,
  type VerifiedEntryRow,
} from '../../store/log/log-verification.js';
import { checkFacts } from './facts-check.js';
import { genesisHash } from './log-entry.js';
import { badValue, type FindingKind, LogFinding } from './log-finding.js';
import type { FactsHead, LogHead } from './log-head.js';
import { explainMismatch, isChained } from './log-mismatch.js';
import { contradictionOf, disagreementOf } from './log-row-check.js';
import { openKeysOf, type Values, valuesOf } from './logged-values.js';
import { type LoneSurrogates, loneSurrogatesIn } from './lone-surrogates.js';

export interface LogVerificationOptions {
  /** When given, every stored value is also decrypted and compared with its digest in the log. */
  keyProvider?: KeyProvider | undefined;
  /** A head of this environment that was exported earlier and kept elsewhere. */
  head?: LogHead | undefined;
  /** Is told each type and, with keys, each value that strict clients cannot read. The log is intact all the same. */
  onLoneSurrogates?: ((found: LoneSurrogates) => void) | undefined;
  /** Told every value that does not open, behind the first: that is the finding. */
  onUnopened?: ((finding: LogFinding) => void) | undefined;
}

/** The result for a log without any problem. */
export interface VerifiedLog {
  isIntact: true;
  environmentId: string;
  revision: bigint;
  hash: Uint8Array;
  secretCount: number;
  /** How many values were decrypted; undefined without keys. */
  openedValues: number | undefined;
  /** What is known about the environment beside its log. */
  facts: FactsHead;
}

/**
 * Verifies one environment, deleted or not, within the session's snapshot: the hash chain, the current secrets and,
 * with keys, every value. Undefined when there is no such environment and no exported head proves that there was one.
 */
export async function verifyLog(
  session: Session,
  environmentId: string,
  options: LogVerificationOptions = {},
): Promise<VerifiedLog | LogFinding | undefined> {
  try {
    return await verify(session, environmentId, options);
  } catch (error) {
    if (error instanceof LogFinding) return error;
    throw error;
  }
}

async function verify(
  session: Session,
  environmentId: string,
  { keyProvider, head, onLoneSurrogates, onUnopened }: LogVerificationOptions,
): Promise<VerifiedLog | undefined> {
  const end = await findLogEnd(session, environmentId);
  if (!end) {
    if (head) throw new LogFinding('head', null, 'the environment is gone, of which a head was exported');
    return undefined;
  }
  const keys = keyProvider && (await openKeysOf(session, environmentId, keyProvider));
  const values = keys instanceof LogFinding || !keys ? undefined : valuesOf(session, environmentId, keys, onUnopened);
  const { secretCount, hash } = await verifyRows(session, environmentId, end, head, values, onLoneSurrogates);
  const { revision } = end;
  if (Buffer.compare(end.headHash, hash) !== 0) throw environmentDisagrees('head_hash');
  if (end.secretCount !== secretCount) throw environmentDisagrees('secret_count');
  if (head && head.revision > revision) {
    const message = `removed: the log ends here, but a head of revision ${head.revision} was exported (cut, or an old copy)`;
    throw new LogFinding('head', revision + 1n, message);
  }
  await checkUnreachableRows(session, environmentId);
  if (keys instanceof LogFinding) throw keys;
  const facts = await checkFacts(session, environmentId, { digestKey: keys?.digest, head: head?.facts });
  return { isIntact: true, environmentId, revision, hash, secretCount, openedValues: values?.opened(), facts };
}

/** Reads the log from its first row to the revision at which, according to the environment, it ends. */
async function verifyRows(
  session: Session,
  environmentId: string,
  end: { revision: bigint },
  head: LogHead | undefined,
  values: Values | undefined,
  onLoneSurrogates: LogVerificationOptions['onLoneSurrogates'],
): Promise<{ secretCount: number; hash: Uint8Array }> {
  const missingValueAt = await findMissingValue(session, environmentId);
  let revision = 0n;
  let hash = genesisHash(environmentId);
  let secretCount = 0;
  let set: SetProgress = { next: 0, size: 0 };
  /**
   * The first sign that a later row or a value is missing. It is kept back until the end, because the cause may be that
   * the log itself has lost rows, and that finding takes precedence.
   */
  let missingPart: LogFinding | undefined;
  try {
    compareHead(head, revision, hash);
    for await (const page of findLogEntries(session, environmentId)) {
      for (const [index, row] of page.entries()) {
        checkRevision(row, revision + 1n, end.revision);
        if (!isChained(row, hash)) await explain(session, row, hash);
        ({ environmentRevision: revision, hash } = row);
        if (revision > end.revision) throw environmentDisagrees('revision');
        compareHead(head, revision, hash);
        const contradiction = contradictionOf(row);
        if (contradiction)
          throw new LogFinding('edited', revision, `edited: no write leaves such a row (${contradiction})`);
        set = advanceSet(row, set);
        if (row.destroyedRevision !== null && !row.hasErased) {
          throw badValue(row, row.destroyedRevision, 'is there, or was never set, though this row destroyed it');
        }
        if (missingValueAt === revision)
          missingPart ??= badValue(row, row.revision, 'is missing, though no row destroyed it');
        const valueText = row.sealedBytes === null ? undefined : await values?.check(page, index);
        if (onLoneSurrogates) {
          const inType = row.revision === 0n ? loneSurrogatesIn('type', row.secretType, row) : undefined;
          const inValue = valueText === undefined ? undefined : loneSurrogatesIn('value', valueText, row);
          for (const found of [inType, inValue]) if (found) onLoneSurrogates(found);
        }
        const column = disagreementOf(row);
        if (column === 'revision') missingPart ??= secretDisagrees(row, column);
        else if (column) throw secretDisagrees(row, column);
        if (row.isNewest && row.deletedAt === null) secretCount += 1;
      }
    }
    if (set.next !== set.size) {
      throw new LogFinding('removed', revision + 1n, 'removed: the log ends inside a change set');
    }
    if (revision < end.revision) {
      const message = `removed: the log ends at revision ${revision}, the environment is at ${end.revision}`;
      throw new LogFinding('removed', revision + 1n, message);
    }
  } catch (error) {
    const unopened = values?.unopened();
    if (unopened && error instanceof LogFinding) throw unopened;
    if (missingPart && error instanceof LogFinding && !LOG_FINDINGS.has(error.kind)) throw missingPart;
    throw error;
  }
  const finding = values?.unopened() ?? missingPart;
  if (finding) throw finding;
  return { secretCount, hash };
}

const LOG_FINDINGS: ReadonlySet<FindingKind> = new Set(['edited', 'removed', 'inserted', 'reordered', 'head']);

function compareHead(head: LogHead | undefined, revision: bigint, hash: Uint8Array): void {
  if (head?.revision !== revision || Buffer.compare(head.hash, hash) === 0) return;
  const message = 'the log up to here is not the one whose head was exported: its chain was computed anew';
  throw new LogFinding('head', revision, message);
}

function checkRevision(row: VerifiedEntryRow, expected: bigint, lastRevision: bigint): void {
  const { environmentRevision: revision } = row;
  if (revision < expected || (revision > expected && expected > lastRevision)) {
    throw new LogFinding('inserted', revision, 'inserted: no write of this environment has this revision');
  }
  if (revision > expected)
    throw new LogFinding('removed', expected, `removed: the next row is of revision ${revision}`);
}

async function explain(session: Session, row: VerifiedEntryRow, previousHash: Uint8Array): Promise<never> {
  const { environmentRevision: revision, agentSecretId } = row;
  if (row.path === null) throw new LogFinding('secret', revision, `the current secret ${agentSecretId} is gone`);
  const mismatch = await explainMismatch(session, row, previousHash);
  switch (mismatch.what) {
    case 'inserted':
      throw new LogFinding('inserted', revision, 'inserted: the rows behind it were written without it');
    case 'removed':
      throw new LogFinding('removed', revision, 'removed: what stands here was written at a later revision');
    case 'reordered':
      throw new LogFinding('reordered', revision, `reordered: this row was written as revision ${mismatch.home}`);
    case 'secret-edited':
      throw secretDisagrees(row, 'path or secret_type');
    case 'edited': {
      const message = `edited: this row, or the path or secret_type of the secret ${agentSecretId}`;
      throw new LogFinding('edited', revision, message);
    }
  }
}

/** The position and set size that the next row must have. No change set is open when the two are equal. */
interface SetProgress {
  next: number;
  size: number;
}

function advanceSet(row: VerifiedEntryRow, { next, size }: SetProgress): SetProgress {
  const { setPosition, setSize } = row;
  const isSetOpen = next !== size;
  const fits = isSetOpen
    ? setPosition === next && setSize === size
    : setPosition === null || setSize === null
      ? setPosition === setSize
      : setPosition === 0 && setSize > 0;
  if (!fits) throw new LogFinding('edited', row.environmentRevision, 'edited: it breaks a change set');
  return { next: (setPosition ?? -1) + 1, size: setSize ?? 0 };
}

/**
 * Finds secrets of the environment that its log does not mention, and rows about its secrets in another environment's
 * log.
 */
async function checkUnreachableRows(session: Session, environmentId: string): Promise<void> {
  const unlogged = await findUnloggedSecret(session, environmentId);
  if (unlogged) throw new LogFinding('secret', null, `the log does not know the current secret ${unlogged}`);
  const stray = await findStrayEntry(session, environmentId);
  if (stray) {
    const message = `inserted: a row about the secret ${stray.id} stands under environment ${stray.environmentId}, revision ${stray.environmentRevision}`;
    throw new LogFinding('inserted', null, message);
  }
}

function secretDisagrees(row: VerifiedEntryRow, column: string): LogFinding {
  const message = `the current secret ${row.agentSecretId} disagrees with the log in ${column}`;
  return new LogFinding('secret', row.environmentRevision, message);
}

function environmentDisagrees(column: string): LogFinding {
  return new LogFinding('environment', null, `the environment disagrees with the log in ${column}`);
}
