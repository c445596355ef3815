// The statements of a change set, which is several writes in one transaction that holds the environment's lock.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import {
  anyOf,
  columns,
  computed,
  elements,
  insertInto,
  name,
  parameter,
  type RowOf,
  statement,
} from '../engine/statement.js';
import { accounts, agentSecrets, environments, agentSecretRevisions as log, plans } from '../engine/tables.js';
import { SECRET } from '../secrets/agent-secret.js';

const LOCKED = {
  revision: environments.revision,
  secretCount: environments.secretCount,
  headHash: environments.headHash,
  minDataKeyVersion: environments.minDataKeyVersion,
  keysId: environments.keysId,
  maxSecrets: plans.maxSecretsPerEnvironment,
  maxValueBytes: plans.maxValueBytes,
};
export type LockedEnvironmentRow = RowOf<typeof LOCKED>;
const LOCK = statement<{ environmentId: string }>()(
  LOCKED,
  sql`select ${columns(LOCKED)} from ${environments}
    join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${environments.id} = ${parameter('environmentId')} and ${environments.deletedAt} is null
    for update of ${environments}`,
);
/** Locks the environment until the transaction ends; undefined once the environment is deleted. */
export function lockEnvironment(tx: Session, environmentId: string): Promise<LockedEnvironmentRow | undefined> {
  return tx.row(LOCK, { environmentId });
}

const STATE = { ...SECRET, typeKind: agentSecrets.typeKind, deletedAt: agentSecrets.deletedAt };
export type AgentSecretStateRow = RowOf<typeof STATE>;
// The secrets are locked although the environment is locked already: a rotation of data keys does not lock the
// environment, and could replace a value's bytes between this read and the write that stores them again.
const CONCERNED = statement<{ environmentId: string; ids: readonly string[]; paths: readonly string[] }>()(
  STATE,
  sql`with named as materialized (
      select ${columns(STATE)} from ${agentSecrets}
      where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${anyOf(agentSecrets.id, 'ids')}
      order by ${agentSecrets.id} for no key update
    )
    select * from named
    union all
    select ${columns(STATE)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${agentSecrets.deletedAt} is null
      and ${anyOf(agentSecrets.path, 'paths')} and not ${anyOf(agentSecrets.id, 'ids')}`,
);
/** The secrets with the ids, deleted or not, which stay locked, and the secrets at the paths that are not deleted. */
export function findAgentSecretsConcerned(
  tx: Session,
  concerned: { environmentId: string; ids: readonly string[]; paths: readonly string[] },
): Promise<AgentSecretStateRow[]> {
  return tx.rows(CONCERNED, concerned);
}

const OLD = {
  agentSecretId: log.agentSecretId,
  revision: log.revision,
  valueRevision: log.valueRevision,
  deletedAt: log.deletedAt,
  sealedValue: computed<Uint8Array | null>(
    sql`(select v.sealed_value from ${log} v where v.agent_secret_id = ${log.agentSecretId} and v.revision = ${log.valueRevision})`,
    (value) => value as Uint8Array,
  ),
};
export type OldRevisionRow = RowOf<typeof OLD>;
const OLD_AT = statement<{ ids: readonly string[]; revisions: readonly bigint[] }>()(
  OLD,
  sql`select ${columns(OLD)} from unnest(${elements('ids', 'uuid')}, ${elements('revisions', 'bigint')}) as wanted(id, revision)
    join ${log} on ${log.agentSecretId} = wanted.id and ${log.revision} = wanted.revision`,
);
/**
 * Secrets as they were at given revisions, in no particular order. `sealedValue` is null without a value, and also when
 * the value was destroyed.
 */
export function findOldRevisions(
  tx: Session,
  places: readonly { id: string; revision: bigint }[],
): Promise<OldRevisionRow[]> {
  return tx.rows(OLD_AT, { ids: places.map(({ id }) => id), revisions: places.map(({ revision }) => revision) });
}

const INSERT = statement<AgentSecretStateRow>()({}, insertInto(agentSecrets, STATE));
export async function insertAgentSecretState(tx: Session, secret: AgentSecretStateRow): Promise<void> {
  await tx.rows(INSERT, secret);
}

const UPDATE = statement<AgentSecretStateRow>()(
  {},
  sql`update ${agentSecrets} set
      ${name(agentSecrets.revision)} = ${parameter('revision')}, ${name(agentSecrets.sealedValue)} = ${parameter('sealedValue')},
      ${name(agentSecrets.valueRevision)} = ${parameter('valueRevision')}, ${name(agentSecrets.updatedAt)} = ${parameter('updatedAt')},
      ${name(agentSecrets.updatedBy)} = ${parameter('updatedBy')}, ${name(agentSecrets.deletedAt)} = ${parameter('deletedAt')}
    where ${agentSecrets.id} = ${parameter('id')}`,
);
/** The caller must have checked the revision under the environment's lock. */
export async function updateAgentSecretState(tx: Session, secret: AgentSecretStateRow): Promise<void> {
  await tx.rows(UPDATE, secret);
}

const ERASE = statement<{ agentSecretId: string; revision: bigint }>()(
  {},
  sql`update ${log} set ${name(log.sealedValue)} = null
    where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} = ${parameter('revision')}::bigint`,
);
/** Erases the value that a revision has set. Its digest stays, because the hashes of the log cover it. */
export async function removeSealedValue(tx: Session, agentSecretId: string, revision: bigint): Promise<void> {
  await tx.rows(ERASE, { agentSecretId, revision });
}

const ADVANCE = statement<{
  environmentId: string;
  revision: bigint;
  secretCount: number;
  headHash: Uint8Array;
  at: Date;
}>()(
  {},
  sql`update ${environments} set
      ${name(environments.revision)} = ${parameter('revision')}, ${name(environments.secretCount)} = ${parameter('secretCount')},
      ${name(environments.headHash)} = ${parameter('headHash')}, ${name(environments.updatedAt)} = ${parameter('at')}
    where ${environments.id} = ${parameter('environmentId')}`,
);
/** The caller must hold the environment's lock and have computed the new count of secrets. */
export async function advanceEnvironment(
  tx: Session,
  to: { environmentId: string; revision: bigint; secretCount: number; headHash: Uint8Array; at: Date },
): Promise<void> {
  await tx.rows(ADVANCE, to);
}
