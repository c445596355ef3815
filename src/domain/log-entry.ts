// What one row of an environment's log commits to. The database chains it: the row's hash is
// SHA-256(previous hash || environment revision as int8 || entry digest).
import { createHash } from 'node:crypto';
import type { Change } from '../store/tables.js';

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
}

/** SHA-256 over the entry's content in a fixed, unambiguous order. */
export function entryDigest(entry: LogEntryContent): Uint8Array {
  const content = [
    'agent-secrets-log-entry:1',
    entry.environmentId,
    entry.agentSecretId,
    String(entry.revision),
    entry.change,
    entry.path,
    entry.secretType,
    entry.valueRevision === null ? null : String(entry.valueRevision),
    entry.valueDigest === null ? null : Buffer.from(entry.valueDigest).toString('hex'),
    entry.at.getTime(),
    entry.accountId,
    entry.tokenId,
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest();
}

/** The hash an environment's log begins with, before its first row. */
export function genesisHash(environmentId: string): Uint8Array {
  return createHash('sha256').update(`agent-secrets-log:1:${environmentId}`).digest();
}
