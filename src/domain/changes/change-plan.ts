// Works out the effect of a list of changes, one after the other, on a draft of the environment before anything is
// written.
import type { EnvironmentKeys } from '../../crypto/environment-keys.js';
import { forbidden, invalidRequest, notFound } from '../../errors/refusals.js';
import { newIdIn } from '../../ids/new-id.js';
import type { JsonValue } from '../../json/exact.js';
import type { AgentSecretStateRow } from '../../store/changes/change-set.js';
import { valueDestroyed } from '../keys/opened-value.js';
import { sealWith } from '../keys/sealed-value.js';
import type { LogEntryContent } from '../log/log-entry.js';
import { coversPath, type Grant } from '../request/grant.js';
import { pathTaken, revisionNotFound, stale, tooManySecrets, valueTooLarge } from '../secrets/agent-secret-refusal.js';
import type { SecretValueChange } from '../secrets/agent-secret-update.js';
import type { AnalysedType } from '../types/analysed-type.js';
import { analysedTypeFromText, typeTextToStore } from '../types/analysed-type-parse.js';
import { canonicalPath } from '../types/secret-path.js';
import { bytesOf, checkSecretValue } from '../types/secret-value.js';

/** A change of one secret. Ids and revisions are those that the caller has seen. */
export type AgentSecretChange =
  | { kind: 'create'; path: readonly string[]; secretType: AnalysedType; secretValue?: JsonValue | undefined }
  | { kind: 'update'; id: string; currentRevision: bigint; secretValue: SecretValueChange }
  | { kind: 'delete'; id: string; currentRevision: bigint }
  /** Creates a new revision with the value of an old one; this also undoes a deletion. */
  | { kind: 'restore'; id: string; currentRevision: bigint; toRevision: bigint }
  /** Erases the value of an old revision for good. */
  | { kind: 'destroy'; id: string; currentRevision: bigint; revision: bigint };

/**
 * A revision to which a change may return. `sealedValue` is null when the value was destroyed, or when the revision has
 * none.
 */
export type OldRevision = Pick<AgentSecretStateRow, 'valueRevision' | 'deletedAt' | 'sealedValue'>;

export function revisionKey(id: string, revision: bigint): string {
  return `${id}:${revision}`;
}

/**
 * The part of the environment that the changes need, in the state in which the previous changes of the list leave it.
 */
export interface Draft {
  readonly environmentId: string;
  readonly keys: EnvironmentKeys;
  /** What the caller's credential allows. */
  readonly grant: Grant;
  readonly maxSecrets: number;
  readonly maxValueBytes: number;
  secretCount: number;
  readonly secrets: Map<string, AgentSecretStateRow>;
  readonly takenPaths: Set<string>;
  /** By `revisionKey`: the revisions to which changes return, and those that the changes create. */
  readonly oldRevisions: Map<string, OldRevision>;
}

/** One change that is ready to be written. */
export interface Step {
  isNew: boolean;
  /** The secret's row after the change, except for the time of the write and the acting account. */
  secret: AgentSecretStateRow;
  written: Pick<LogEntryContent, 'change' | 'revision' | 'valueRevision' | 'valueDigest' | 'destroyedRevision'>;
  /** The value's text, when the caller has sent it. */
  echo?: string | null;
}

/** Plans one change and applies it to the draft. Throws when the change is refused; the draft is then unchanged. */
export function planChange(draft: Draft, change: AgentSecretChange): Step {
  const step = change.kind === 'create' ? planCreate(draft, change) : planWrite(draft, change);
  const before = draft.secrets.get(step.secret.id);
  const { id, path, deletedAt } = step.secret;
  draft.secrets.set(id, step.secret);
  draft.oldRevisions.set(revisionKey(id, step.secret.revision), step.secret);
  const wasLive = before !== undefined && before.deletedAt === null;
  const isLive = deletedAt === null;
  if (isLive) draft.takenPaths.add(path);
  else if (wasLive) draft.takenPaths.delete(path);
  draft.secretCount += Number(isLive) - Number(wasLive);
  return step;
}

function planCreate(draft: Draft, change: AgentSecretChange & { kind: 'create' }): Step {
  const path = canonicalPath(change.path).text;
  const { secretType: type, secretValue } = change;
  if (!coversPath(draft.grant, path)) throw forbidden('The token does not cover this path');
  const echo = secretValue == null ? null : checkSecretValue(type, secretValue);
  if (draft.takenPaths.has(path)) throw pathTaken(path);
  refuseOversizedValue(draft, echo);
  if (draft.secretCount >= draft.maxSecrets) throw tooManySecrets(draft.maxSecrets);
  const { environmentId, keys } = draft;
  const subject = { environmentId, id: newIdIn(environmentId), path, secretType: typeTextToStore(type) };
  const revision = 0n;
  const { sealedValue, valueRevision, valueDigest } = sealWith(keys, subject, revision, echo);
  const placeholders = { createdAt: new Date(), createdBy: '', updatedAt: new Date(), updatedBy: '' };
  return {
    isNew: true,
    secret: { ...subject, ...placeholders, typeKind: type.type, revision, sealedValue, valueRevision, deletedAt: null },
    written: { change: 'created', revision, valueRevision, valueDigest, destroyedRevision: null },
    echo,
  };
}

type Write = Exclude<AgentSecretChange, { kind: 'create' }>;

function planWrite(draft: Draft, change: Write): Step {
  const secret = draft.secrets.get(change.id);
  const allowsDeleted = change.kind === 'restore' || change.kind === 'destroy';
  const isKnown = secret !== undefined && coversPath(draft.grant, secret.path);
  if (!isKnown || (secret.deletedAt && !allowsDeleted)) throw notFound('agentSecret', change.id);
  if (secret.revision !== change.currentRevision) throw stale(secret.revision);
  const next = { ...secret, revision: secret.revision + 1n };
  const { revision, valueRevision } = next;
  const keptValue = { revision, valueRevision, valueDigest: null, destroyedRevision: null };
  const noValue = { sealedValue: null, valueRevision: null };
  switch (change.kind) {
    case 'update':
      return planUpdate(draft, next, change.secretValue);
    case 'delete':
      return {
        isNew: false,
        secret: { ...next, ...noValue, deletedAt: new Date() },
        written: { ...keptValue, change: 'deleted', valueRevision: null },
        echo: null,
      };
    case 'restore': {
      const value = restorable(draft, secret, change.toRevision);
      return {
        isNew: false,
        secret: { ...next, ...value, deletedAt: null },
        written: { ...keptValue, change: 'restored', valueRevision: value.valueRevision },
      };
    }
    case 'destroy': {
      const destroyedRevision = destroyable(draft, secret, change.revision);
      return { isNew: false, secret: next, written: { ...keptValue, change: 'value_destroyed', destroyedRevision } };
    }
  }
}

function planUpdate(draft: Draft, next: AgentSecretStateRow, change: SecretValueChange): Step {
  const { revision } = next;
  if (change.op === 'keep') {
    const { valueRevision } = next;
    const written = { revision, valueRevision, valueDigest: null, destroyedRevision: null };
    return { isNew: false, secret: next, written: { ...written, change: 'updated' } };
  }
  const echo = change.op === 'set' ? checkSecretValue(analysedTypeFromText(next.secretType), change.value) : null;
  refuseOversizedValue(draft, echo);
  const { sealedValue, valueRevision, valueDigest } = sealWith(draft.keys, next, revision, echo);
  const isRemoval = change.op === 'unset' && next.valueRevision !== null;
  return {
    isNew: false,
    secret: { ...next, sealedValue, valueRevision },
    written: {
      change: isRemoval ? 'value_removed' : 'updated',
      revision,
      valueRevision,
      valueDigest,
      destroyedRevision: null,
    },
    echo,
  };
}

/** The value to restore. It keeps the revision that set it, because the encryption is bound to that revision. */
function restorable(draft: Draft, secret: AgentSecretStateRow, toRevision: bigint) {
  const old = draft.oldRevisions.get(revisionKey(secret.id, toRevision));
  if (!old) throw revisionNotFound(secret.id);
  if (old.deletedAt) throw invalidRequest('toRevision: the secret was deleted then');
  const { valueRevision, sealedValue } = old;
  if (valueRevision !== null && !sealedValue) throw valueDestroyed();
  if (secret.deletedAt) {
    if (draft.takenPaths.has(secret.path)) throw pathTaken(secret.path);
    if (draft.secretCount >= draft.maxSecrets) throw tooManySecrets(draft.maxSecrets);
  }
  return { valueRevision, sealedValue };
}

/** The revision that set the value to erase. */
function destroyable(draft: Draft, secret: AgentSecretStateRow, revision: bigint): bigint {
  const old = draft.oldRevisions.get(revisionKey(secret.id, revision));
  if (!old) throw revisionNotFound(secret.id);
  if (old.valueRevision === null) throw invalidRequest('revision: it has no value');
  if (!old.sealedValue) throw valueDestroyed();
  if (old.valueRevision === secret.valueRevision) {
    throw invalidRequest('revision: its value is the current one; update or delete the secret first');
  }
  return old.valueRevision;
}

function refuseOversizedValue({ maxValueBytes }: Draft, text: string | null): void {
  if (bytesOf(text) > maxValueBytes) throw valueTooLarge(maxValueBytes);
}
