// Checks that a row of the log agrees with the secret's earlier rows and with the current secret. The row's hash is
// checked elsewhere.
import type { VerifiedEntryRow } from '../../store/log/log-verification.js';

/** Describes why no write could have produced this row; undefined when the row is plausible. */
export function contradictionOf(row: VerifiedEntryRow): string | undefined {
  const { change, revision, valueRevision, previousValueRevision, previousDeletedAt } = row;
  const setsValue = row.valueDigest !== null;
  if ((revision === 0n) !== (change === 'created')) return 'a secret is created once, at revision 0';
  const previousRowRevision = row.previousEnvironmentRevision;
  if (revision !== 0n && (previousRowRevision === null || previousRowRevision >= row.environmentRevision)) {
    return 'the secret’s revision before it is not before it';
  }
  if (setsValue !== (valueRevision === revision)) return 'it sets a value without its digest, or the reverse';
  if (setsValue && change !== 'created' && change !== 'updated') return 'its change sets no value';
  if (!setsValue && row.sealedBytes !== null) return 'it has a value that it does not set';
  if (!setsValue && valueRevision !== null && !row.hasSetter) return 'it has the value of a revision that set none';
  if ((row.destroyedRevision !== null) !== (change === 'value_destroyed')) return 'its destroyed_revision';
  if (previousDeletedAt !== null && change !== 'restored' && change !== 'value_destroyed') {
    return 'it changes a deleted secret';
  }
  if (!isSameMoment(row.deletedAt, deletedAtAfter(row))) return 'its deleted_at';
  const keepsValue = valueRevision === previousValueRevision;
  switch (change) {
    case 'created':
    case 'restored':
      return valueRevision !== null && valueRevision > revision ? 'its value is of a later revision' : undefined;
    case 'updated':
      return setsValue || keepsValue ? undefined : 'it neither sets a value nor keeps the one before';
    case 'value_removed':
      return valueRevision === null && !keepsValue ? undefined : 'it does not remove a value';
    case 'deleted':
      return valueRevision === null ? undefined : 'it leaves a deleted secret with a value';
    case 'value_destroyed':
      return keepsValue && row.destroyedRevision !== valueRevision ? undefined : 'it does not keep the value before';
    default:
      return 'its change is none';
  }
}

function deletedAtAfter({ change, at, previousDeletedAt }: VerifiedEntryRow): Date | null {
  if (change === 'deleted') return at;
  return change === 'value_destroyed' ? previousDeletedAt : null;
}

/** The first column in which the current secret disagrees with the log; undefined when there is none. */
export function disagreementOf(row: VerifiedEntryRow): string | undefined {
  if (row.currentEnvironmentId !== row.environmentId) return 'environment_id';
  if (row.revision === 0n) {
    if (!isSameMoment(row.currentCreatedAt, row.at)) return 'created_at';
    if (row.currentCreatedBy !== row.accountId) return 'created_by';
  }
  if (!row.isNewest) return undefined;
  if (row.currentRevision !== row.revision) return 'revision';
  if (row.currentValueRevision !== row.valueRevision) return 'value_revision';
  if (!row.hasCurrentValue) return 'sealed_value';
  if (!isSameMoment(row.currentUpdatedAt, row.at)) return 'updated_at';
  if (row.currentUpdatedBy !== row.accountId) return 'updated_by';
  if (!isSameMoment(row.currentDeletedAt, row.deletedAt)) return 'deleted_at';
  if (row.currentTypeKind !== kindOf(row.secretType)) return 'type_kind';
  return undefined;
}

/** The kind of a canonical type document, which always begins with it. */
function kindOf(secretType: string | null): string | undefined {
  return /^\{"type":"(\w+)"/.exec(secretType ?? '')?.[1];
}

/** Never true for a timestamp that JavaScript cannot represent, such as `infinity`, because no write creates one. */
function isSameMoment(one: Date | null, other: Date | null): boolean {
  return one === null || other === null ? one === other : one.getTime() === other.getTime();
}
