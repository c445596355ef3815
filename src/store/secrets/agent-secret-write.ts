// The writes of single secrets, which are executed in batches: what each kind of write checks and changes. What they
// have in common is in secret-writer.ts.
import { sql } from 'drizzle-orm';
import type { Session } from '../engine/client.js';
import { columns, insertInto, name, parameter, type RowOf, statement } from '../engine/statement.js';
import { accounts, agentSecrets, environmentShares, environments, plans } from '../engine/tables.js';
import { SECRET } from './agent-secret.js';
import { SECRET_WRITE, type SecretWrite, writer } from './secret-writer.js';

const returning = sql`returning ${agentSecrets.id}, ${agentSecrets.revision}, ${agentSecrets.valueRevision}`;

export interface Insertion extends SecretWrite {
  path: string;
  secretType: string;
  typeKind: string;
  /** Size of the unencrypted value in bytes, for the plan's limit; 0 without a value. */
  valueBytes: number;
}

/**
 * Inserts a secret. Returns undefined when nothing was written: the environment is gone, its data key was replaced, the
 * path is taken, or a limit of the plan is exceeded.
 */
export const insertAgentSecret = writer<Insertion>(
  {
    ...SECRET_WRITE,
    path: ['text', ({ path }) => path],
    secretType: ['text', ({ secretType }) => secretType],
    typeKind: ['text', ({ typeKind }) => typeKind],
    valueBytes: ['integer', ({ valueBytes }) => valueBytes],
  },
  sql`room as (
    select locked.* from locked
    join ${environments} on ${environments.id} = locked."environmentId"
    join ${accounts} on ${accounts.id} = ${environments.accountId}
    join ${plans} on ${plans.id} = ${accounts.planId}
    where locked.secret_count < ${plans.maxSecretsPerEnvironment} and locked."valueBytes" <= ${plans.maxValueBytes}
  ),
  written as (
    ${insertInto(
      agentSecrets,
      { ...SECRET, typeKind: agentSecrets.typeKind },
      {
        id: sql`room.id`,
        environmentId: sql`room."environmentId"`,
        path: sql`room.path`,
        secretType: sql`room."secretType"`,
        typeKind: sql`room."typeKind"`,
        revision: sql`0`,
        sealedValue: sql`room."sealedValue"`,
        valueRevision: sql`room."valueRevision"`,
        createdAt: sql`room.at`,
        createdBy: sql`room."accountId"`,
        updatedAt: sql`room.at`,
        updatedBy: sql`room."accountId"`,
      },
      sql`from room`,
    )}
    on conflict (environment_id, path) where deleted_at is null do nothing
    ${returning}
  )`,
);

export interface Update extends SecretWrite {
  /** The revision that the caller has seen; the row must still have it. */
  currentRevision: bigint;
  /** Whether to keep the stored value; otherwise it is replaced by the given one (null removes it). */
  keepsValue: boolean;
  /** Roles, separated by commas. Unless the account owns the environment, its share must have one of them. */
  allowedRoles: string;
  /** Size of an unencrypted new value in bytes, for the plan's limit; 0 without one. */
  valueBytes: number;
}

/**
 * This condition and the next one see the data as of the start of the statement, as a read just before it would have.
 */
const mayWrite = sql`(locked.owner_id = locked."accountId" or exists (
    select 1 from ${environmentShares} where ${environmentShares.environmentId} = locked."environmentId"
      and ${environmentShares.accountId} = locked."accountId"
      and ${environmentShares.roles} && string_to_array(locked."allowedRoles", ',')))`;
const fitsPlan = sql`(locked."valueBytes" = 0 or locked."valueBytes" <= (
    select ${plans.maxValueBytes} from ${accounts} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${accounts.id} = locked.owner_id))`;

/**
 * Changes a secret's value, or deletes the secret if there is a `deletedAt`. Returns undefined when nothing was
 * written: the secret is gone, it has another revision, the account has no permission, the value is larger than the
 * plan allows, or the data key was replaced.
 */
export const updateAgentSecret = writer<Update>(
  {
    ...SECRET_WRITE,
    currentRevision: ['bigint', ({ currentRevision }) => currentRevision],
    keepsValue: ['boolean', ({ keepsValue }) => keepsValue],
    allowedRoles: ['text', ({ allowedRoles }) => allowedRoles],
    valueBytes: ['integer', ({ valueBytes }) => valueBytes],
  },
  sql`written as (
    update ${agentSecrets} set
      ${name(agentSecrets.revision)} = ${agentSecrets.revision} + 1,
      ${name(agentSecrets.sealedValue)} = case when locked."keepsValue" then ${agentSecrets.sealedValue} else locked."sealedValue" end,
      ${name(agentSecrets.valueRevision)} = case when locked."keepsValue" then ${agentSecrets.valueRevision} else locked."valueRevision" end,
      ${name(agentSecrets.updatedAt)} = locked.at,
      ${name(agentSecrets.updatedBy)} = locked."accountId",
      ${name(agentSecrets.deletedAt)} = locked."deletedAt"
    from locked where ${agentSecrets.id} = locked.id and ${agentSecrets.environmentId} = locked."environmentId"
      and ${agentSecrets.revision} = locked."currentRevision" and ${agentSecrets.deletedAt} is null
      and ${mayWrite} and ${fitsPlan}
    ${returning}
  )`,
);

const ROOM = {
  secretCount: environments.secretCount,
  maxSecrets: plans.maxSecretsPerEnvironment,
  maxValueBytes: plans.maxValueBytes,
};
const FIND_ROOM = statement<{ environmentId: string }>()(
  ROOM,
  sql`select ${columns(ROOM)} from ${environments}
    join ${accounts} on ${accounts.id} = ${environments.accountId} join ${plans} on ${plans.id} = ${accounts.planId}
    where ${environments.id} = ${parameter('environmentId')} and ${environments.deletedAt} is null`,
);

/** How many secrets the environment has, and the limits of its plan; undefined once it is deleted. */
export function findEnvironmentRoom(db: Session, environmentId: string): Promise<RowOf<typeof ROOM> | undefined> {
  return db.row(FIND_ROOM, { environmentId });
}
