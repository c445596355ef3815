// What one row of an environment's log commits to. The chain goes through the rows: a row's hash is
// SHA-256(previous hash || environment revision as int8 || entry digest).
import { createHash, hash } from 'node:crypto';
import type { Change } from '../../store/engine/tables.js';
import type { LogEntry } from '../../store/log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';

export interface LogEntryContent {
  environmentId: string;
  agentSecretId: string;
  revision: bigint;
  change: Change;
  path: string;
  secretType: string;
  /** The revision that set the value this one has; null without a value. */
  valueRevision: bigint | null;
  /** Keyed digest of the value, on the entry that sets it. */
  valueDigest: Uint8Array | null;
  at: Date;
  accountId: string;
  tokenId: string | null;
  /** When the secret was deleted, if this write leaves it deleted. */
  deletedAt: Date | null;
  /** The revision that had set the value which this write erased. */
  destroyedRevision: bigint | null;
  /** Place in its change set, from 0, and that set's size. */
  setPosition: number | null;
  setSize: number | null;
}

/** SHA-256 over the entry's content in a fixed, unambiguous order. */
export function entryDigest(entry: LogEntryContent): Uint8Array {
  const content: unknown[] = [
    'agent-secrets-log-entry:1',
    entry.environmentId,
    entry.agentSecretId,
    String(entry.revision),
    entry.change,
    entry.path,
    entry.secretType,
    textOrNull(entry.valueRevision),
    entry.valueDigest === null ? null : Buffer.from(entry.valueDigest).toString('hex'),
    entry.at.getTime(),
    entry.accountId,
    entry.tokenId,
  ];
  // Only where there is something to say, so that plain entries are as short, and as old, as they can be. An ordinary
  // deletion is its own moment.
  const deletedAt = entry.change === 'deleted' && isSameMoment(entry.deletedAt, entry.at) ? null : entry.deletedAt;
  const optionalParts = [
    deletedAt === null ? null : deletedAt.getTime(),
    textOrNull(entry.destroyedRevision),
    entry.setPosition,
    entry.setSize,
  ];
  if (optionalParts.some((part) => part !== null)) content.push(optionalParts);
  return sha256(JSON.stringify(content));
}

/** The hash of the row at `environmentRevision`, behind a row (or the beginning) with the hash `previous`. */
export function chainHash(previous: Uint8Array, environmentRevision: bigint, digest: Uint8Array): Uint8Array {
  const revision = Buffer.alloc(8);
  revision.writeBigInt64BE(environmentRevision);
  return createHash('sha256').update(previous).update(revision).update(digest).digest();
}

/** The hash an environment's log begins with, before its first row. */
export function genesisHash(environmentId: string): Uint8Array {
  return sha256(`agent-secrets-log:1:${environmentId}`);
}

/** What a log row says of the secret it is about; a secret keeps all four for life. */
export interface LogSubject {
  environmentId: string;
  id: string;
  path: string;
  secretType: string;
}

type WrittenChange = Pick<LogEntryContent, 'change' | 'revision' | 'valueRevision' | 'valueDigest'> &
  Partial<Pick<LogEntryContent, 'deletedAt' | 'destroyedRevision' | 'setPosition' | 'setSize'>>;

/** The log row of a write that the caller makes now. A deletion's `deletedAt` is its own moment. */
export function logEntry(ctx: Context, subject: LogSubject, written: WrittenChange): LogEntry {
  const { accountId, tokenId } = actorOf(ctx);
  const at = new Date();
  const { id: agentSecretId, environmentId, path, secretType } = subject;
  const { change, revision, valueRevision, valueDigest } = written;
  const { destroyedRevision = null, setPosition = null, setSize = null } = written;
  const deletedAt = change === 'deleted' ? at : (written.deletedAt ?? null);
  // Member by member, here and below: spreading objects of this size costs more than hashing them.
  const digest = entryDigest({
    environmentId,
    agentSecretId,
    revision,
    change,
    path,
    secretType,
    valueRevision,
    valueDigest,
    at,
    accountId,
    tokenId,
    deletedAt,
    destroyedRevision,
    setPosition,
    setSize,
  });
  return {
    change,
    at,
    accountId,
    tokenId,
    valueDigest,
    deletedAt,
    destroyedRevision,
    setPosition,
    setSize,
    entryDigest: digest,
  };
}

function textOrNull(number: bigint | null): string | null {
  return number === null ? null : String(number);
}

function isSameMoment(one: Date | null, other: Date): boolean {
  return one?.getTime() === other.getTime();
}

function sha256(content: string): Uint8Array {
  return hash('sha256', content, 'buffer');
}
