// Content and hashes of the rows of an environment's log. The rows form a hash chain: the hash of a row is
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
  /** The revision that set the current value; null without a value. */
  valueRevision: bigint | null;
  /** Keyed digest (HMAC) of the value, only on the entry that sets the value. */
  valueDigest: Uint8Array | null;
  at: Date;
  accountId: string;
  tokenId: string | null;
  /** When the secret was deleted, if it is deleted after this write. */
  deletedAt: Date | null;
  /** The revision that had set the value which this write erased. */
  destroyedRevision: bigint | null;
  /** Position in the change set, starting at 0, and the size of that set. Both are null outside a change set. */
  setPosition: number | null;
  setSize: number | null;
}

/** SHA-256 over the entry's content in a fixed and unambiguous order. */
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
  // The optional parts are appended only when at least one is present. Ordinary entries thus stay short, and keep the
  // digest they had before these parts existed. An ordinary deletion omits `deletedAt`, because it equals `at`.
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

/** The hash of the row at `environmentRevision`. `previous` is the hash of the row before it, or the genesis hash. */
export function chainHash(previous: Uint8Array, environmentRevision: bigint, digest: Uint8Array): Uint8Array {
  const revision = Buffer.alloc(8);
  revision.writeBigInt64BE(environmentRevision);
  return createHash('sha256').update(previous).update(revision).update(digest).digest();
}

/** The hash at the start of an environment's log, before its first row. */
export function genesisHash(environmentId: string): Uint8Array {
  return sha256(`agent-secrets-log:1:${environmentId}`);
}

/** What a log row says about its secret. None of the four fields changes during the secret's life. */
export interface LogSubject {
  environmentId: string;
  id: string;
  path: string;
  secretType: string;
}

type WrittenChange = Pick<LogEntryContent, 'change' | 'revision' | 'valueRevision' | 'valueDigest'> &
  Partial<Pick<LogEntryContent, 'deletedAt' | 'destroyedRevision' | 'setPosition' | 'setSize'>>;

/** The log row of a write that the caller makes now. For a deletion, `deletedAt` is the time of the write. */
export function logEntry(ctx: Context, subject: LogSubject, written: WrittenChange): LogEntry {
  const { accountId, tokenId } = actorOf(ctx);
  const at = new Date();
  const { id: agentSecretId, environmentId, path, secretType } = subject;
  const { change, revision, valueRevision, valueDigest } = written;
  const { destroyedRevision = null, setPosition = null, setSize = null } = written;
  const deletedAt = change === 'deleted' ? at : (written.deletedAt ?? null);
  // Properties are listed one by one, here and below, because spreading objects of this size costs more than hashing
  // them.
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
