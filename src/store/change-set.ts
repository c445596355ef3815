// Several writes at once, in a transaction that holds the environment's lock: what they need to know, and their rows.
import { sql } from 'drizzle-orm';
import type { Session } from './client.js';
import { anyOf, columns, insertInto, name, parameter, type RowOf, statement } from './statement.js';
import { accounts, agentSecrets, environments, agentSecretRevisions as log, plans } from './tables.js';

const LOCKED = {
  revision: environments.revision,
  secretCount: environments.secretCount,
  headHash: environments.headHash,
  minDataKeyVersion: environments.minDataKeyVersion,
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
/** Holds the environment's lock until the transaction ends; undefined once the environment is deleted. */
export function lockEnvironment(tx: Session, environmentId: string): Promise<LockedEnvironmentRow | undefined> {
  return tx.row(LOCK, { environmentId });
}

const SECRET = {
  id: agentSecrets.id,
  environmentId: agentSecrets.environmentId,
  path: agentSecrets.path,
  secretType: agentSecrets.secretType,
  typeKind: agentSecrets.typeKind,
  revision: agentSecrets.revision,
  sealedValue: agentSecrets.sealedValue,
  valueRevision: agentSecrets.valueRevision,
  createdAt: agentSecrets.createdAt,
  createdBy: agentSecrets.createdBy,
  updatedAt: agentSecrets.updatedAt,
  updatedBy: agentSecrets.updatedBy,
  deletedAt: agentSecrets.deletedAt,
};
export type AgentSecretStateRow = RowOf<typeof SECRET>;
const CONCERNED = statement<{ environmentId: string; ids: readonly string[]; paths: readonly string[] }>()(
  SECRET,
  sql`select ${columns(SECRET)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${anyOf(agentSecrets.id, 'ids')}
    union all
    select ${columns(SECRET)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${agentSecrets.deletedAt} is null
      and ${anyOf(agentSecrets.path, 'paths')} and not ${anyOf(agentSecrets.id, 'ids')}`,
);
/** Secrets by id, deleted or not, and those that live at the paths. */
export function findAgentSecretsConcerned(
  tx: Session,
  concerned: { environmentId: string; ids: readonly string[]; paths: readonly string[] },
): Promise<AgentSecretStateRow[]> {
  return tx.rows(CONCERNED, concerned);
}

const REVISION = {
  revision: log.revision,
  change: log.change,
  valueRevision: log.valueRevision,
  deletedAt: log.deletedAt,
};
const REVISION_AT = statement<{ agentSecretId: string; revision: bigint }>()(
  REVISION,
  sql`select ${columns(REVISION)} from ${log}
    where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} = ${parameter('revision')}::bigint`,
);
/** What a secret was at a revision, without its value. */
export function findRevisionState(
  tx: Session,
  agentSecretId: string,
  revision: bigint,
): Promise<RowOf<typeof REVISION> | undefined> {
  return tx.row(REVISION_AT, { agentSecretId, revision });
}

const VALUE = { sealedValue: log.sealedValue };
const VALUE_AT = statement<{ agentSecretId: string; revision: bigint }>()(
  VALUE,
  sql`select ${columns(VALUE)} from ${log}
    where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} = ${parameter('revision')}::bigint`,
);
/** The value that a revision has set; null where it was destroyed. */
export async function findSealedValue(
  tx: Session,
  agentSecretId: string,
  revision: bigint,
): Promise<Uint8Array | null> {
  return (await tx.row(VALUE_AT, { agentSecretId, revision }))?.sealedValue ?? null;
}

const INSERT = statement<AgentSecretStateRow>()({}, insertInto(agentSecrets, SECRET));
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
/** The caller has checked the revision under the environment's lock. */
export async function updateAgentSecretState(tx: Session, secret: AgentSecretStateRow): Promise<void> {
  await tx.rows(UPDATE, secret);
}

const ERASE = statement<{ agentSecretId: string; revision: bigint }>()(
  {},
  sql`update ${log} set ${name(log.sealedValue)} = null
    where ${log.agentSecretId} = ${parameter('agentSecretId')} and ${log.revision} = ${parameter('revision')}::bigint`,
);
/** Erases the value that a revision has set; its digest stays, which the log's hashes cover. */
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
/** The caller holds the lock and has counted. */
export async function advanceEnvironment(
  tx: Session,
  to: { environmentId: string; revision: bigint; secretCount: number; headHash: Uint8Array; at: Date },
): Promise<void> {
  await tx.rows(ADVANCE, to);
}
