// The reads for verifying a log: in one snapshot and in pages, each row together with the rows that it must agree with.
// Values are only read where they are needed.
import { type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Database, Session } from '../engine/client.js';
import { columns, computed, optional, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecrets, environments, agentSecretRevisions as log } from '../engine/tables.js';

// These are many short statements. The JIT compilation of each, which Postgres would do for a table without statistics,
// costs half a second.
const SNAPSHOT = `set transaction isolation level repeatable read, read only;
  set local statement_timeout = 0; set local jit = off`;

/** Runs `work` in a read-only transaction in which all reads see the same snapshot, however long it takes. */
export function inSnapshot<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return db.transaction(
    async (tx) => {
      await tx.script(SNAPSHOT);
      return work(tx);
    },
    { withoutDeadline: true },
  );
}

const ID = { id: environments.id };
const IDS = statement<{ after: string | null; limit: number }>()(
  ID,
  sql`select ${columns(ID)} from ${environments}
    where ${parameter('after')}::uuid is null or ${environments.id} > ${parameter('after')}::uuid
    order by ${environments.id} limit ${parameter('limit')}::integer`,
);
/** Ids of environments in ascending order, also of deleted ones. */
export async function findEnvironmentIds(
  db: Session,
  page: { after: string | null; limit: number },
): Promise<string[]> {
  return (await db.rows(IDS, page)).map(({ id }) => id);
}

const END = { revision: environments.revision, headHash: environments.headHash, secretCount: environments.secretCount };
const END_OF = statement<{ environmentId: string }>()(
  END,
  sql`select ${columns(END)} from ${environments} where ${environments.id} = ${parameter('environmentId')}`,
);
/** The end of an environment's log as recorded on the environment itself; also for a deleted one. */
export function findLogEnd(db: Session, environmentId: string): Promise<RowOf<typeof END> | undefined> {
  return db.row(END_OF, { environmentId });
}

const entry = alias(log, 'entry');
const previous = alias(log, 'previous');
const next = alias(log, 'next');
const setter = alias(log, 'setter');
const destroyed = alias(log, 'destroyed');

const ENTRY = {
  environmentId: entry.environmentId,
  environmentRevision: entry.environmentRevision,
  agentSecretId: entry.agentSecretId,
  revision: entry.revision,
  change: entry.change,
  valueRevision: entry.valueRevision,
  valueDigest: entry.valueDigest,
  deletedAt: entry.deletedAt,
  destroyedRevision: entry.destroyedRevision,
  setPosition: entry.setPosition,
  setSize: entry.setSize,
  at: entry.at,
  accountId: entry.accountId,
  tokenId: entry.tokenId,
  hash: entry.hash,
  /** Size of the stored value in bytes; null without a value. */
  sealedBytes: computed<number | null>(sql`octet_length(${entry.sealedValue})`, Number),
  /** From the previous row of the secret; all null when there is none. */
  previousEnvironmentRevision: optional(previous.environmentRevision),
  previousValueRevision: optional(previous.valueRevision),
  previousDeletedAt: optional(previous.deletedAt),
  /** Whether this is the last row of its secret. */
  isNewest: computed(sql`${next.hash} is null`, Boolean),
  /** Whether the row that it names in `valueRevision` has set a value. */
  hasSetter: computed(sql`${setter.valueDigest} is not null`, Boolean),
  /** Whether the value that it claims to have erased was set, and is gone. */
  hasErased: computed(sql`${destroyed.valueDigest} is not null and ${destroyed.sealedValue} is null`, Boolean),
  /** From the current secret; all null when it is gone. */
  currentEnvironmentId: optional(agentSecrets.environmentId),
  path: optional(agentSecrets.path),
  secretType: optional(agentSecrets.secretType),
  currentTypeKind: optional(agentSecrets.typeKind),
  currentRevision: optional(agentSecrets.revision),
  currentValueRevision: optional(agentSecrets.valueRevision),
  currentCreatedAt: optional(agentSecrets.createdAt),
  currentCreatedBy: optional(agentSecrets.createdBy),
  currentUpdatedAt: optional(agentSecrets.updatedAt),
  currentUpdatedBy: optional(agentSecrets.updatedBy),
  currentDeletedAt: optional(agentSecrets.deletedAt),
  /**
   * On the last row: whether the current secret has exactly the bytes of the row that set its value; null on others.
   */
  hasCurrentValue: computed<boolean | null>(
    sql`case when ${next.hash} is null then ${agentSecrets.sealedValue} is not distinct from ${setter.sealedValue} end`,
    Boolean,
  ),
};
/** A row of the log, together with what it must agree with. */
export type VerifiedEntryRow = RowOf<typeof ENTRY>;

/**
 * Joins another row of the same secret. `offset 0` makes the planner look it up by index, whatever it assumes about a
 * table that was loaded a moment ago.
 */
const joinLogRow = (as: 'previous' | 'next' | 'setter' | 'destroyed', revision: SQL) =>
  sql`left join lateral (
      select l.* from ${log} l where l.agent_secret_id = ${entry.agentSecretId} and l.revision = ${revision} offset 0
    ) ${sql.identifier(as)} on true`;

/** Rows per page: each may come with a large type document. */
const PAGE_SIZE = 250;
const ENTRIES = statement<{ environmentId: string; after: bigint }>()(
  ENTRY,
  sql`select ${columns(ENTRY)} from (
      select * from ${log}
      where ${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} > ${parameter('after')}::bigint
      order by ${log.environmentRevision} limit ${sql.raw(String(PAGE_SIZE))}
    ) entry
    ${joinLogRow('previous', sql`${entry.revision} - 1`)}
    ${joinLogRow('next', sql`${entry.revision} + 1`)}
    ${joinLogRow('setter', sql`${entry.valueRevision}`)}
    ${joinLogRow('destroyed', sql`${entry.destroyedRevision}`)}
    left join lateral (
      select * from ${agentSecrets} where ${agentSecrets.id} = ${entry.agentSecretId} offset 0
    ) agent_secrets on true
    order by ${entry.environmentRevision}`,
);
/** Lower than every revision that a row can have, even one that was not made by a regular write. */
const LOWEST = -(2n ** 63n);

/** The environment's log in order, one page at a time, from its very first row on or after a given revision. */
export async function* findLogEntries(
  db: Session,
  environmentId: string,
  after: bigint = LOWEST,
): AsyncGenerator<VerifiedEntryRow[]> {
  let lastRead = after;
  for (;;) {
    const page = await db.rows(ENTRIES, { environmentId, after: lastRead });
    if (page.length > 0) yield page;
    if (page.length < PAGE_SIZE) return;
    lastRead = (page.at(-1) as VerifiedEntryRow).environmentRevision;
  }
}

const VALUE = { environmentRevision: log.environmentRevision, sealedValue: log.sealedValue };
const VALUES = statement<{ environmentId: string; first: bigint; last: bigint }>()(
  VALUE,
  sql`select ${columns(VALUE)} from ${log}
    where ${log.environmentId} = ${parameter('environmentId')} and ${log.sealedValue} is not null
      and ${log.environmentRevision} between ${parameter('first')}::bigint and ${parameter('last')}::bigint`,
);
/** The stored values of a range of the log, by environment revision. */
export async function findLoggedValues(
  db: Session,
  range: { environmentId: string; first: bigint; last: bigint },
): Promise<Map<bigint, Uint8Array>> {
  const rows = await db.rows(VALUES, range);
  return new Map(rows.map(({ environmentRevision, sealedValue }) => [environmentRevision, sealedValue as Uint8Array]));
}

const PLACE = { environmentRevision: computed<bigint | null>(sql`min(place.environment_revision)`, toBigInt) };
const MISSING_VALUE = statement<{ environmentId: string }>()(
  PLACE,
  sql`with missing as materialized (
      select ${log.agentSecretId}, ${log.revision} from ${log}
      where ${log.environmentId} = ${parameter('environmentId')} and ${log.valueDigest} is not null and ${log.sealedValue} is null
      except
      select ${log.agentSecretId}, ${log.destroyedRevision} from ${log}
      where ${log.environmentId} = ${parameter('environmentId')} and ${log.destroyedRevision} is not null
    )
    select ${columns(PLACE)} from missing cross join lateral (
      select ${log.environmentRevision} from ${log}
      where ${log.agentSecretId} = missing.agent_secret_id and ${log.revision} = missing.revision offset 0
    ) place`,
);
/** The revision of the first row whose value is gone although no row says that it was destroyed. */
export async function findMissingValue(db: Session, environmentId: string): Promise<bigint | null> {
  return (await db.row(MISSING_VALUE, { environmentId }))?.environmentRevision ?? null;
}

function toBigInt(value: unknown): bigint {
  return BigInt(value as string | number | bigint);
}

const SECRET = { id: agentSecrets.id };
const UNLOGGED = statement<{ environmentId: string }>()(
  SECRET,
  sql`select ${columns(SECRET)} from ${agentSecrets}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and not exists (
      select from (
        select ${log.environmentId} from ${log}
        where ${log.agentSecretId} = ${agentSecrets.id} and ${log.revision} = 0 offset 0
      ) first where first.environment_id = ${agentSecrets.environmentId}
    )
    order by ${agentSecrets.id} limit 1`,
);
/** The id of a secret of the environment whose first revision is not in the environment's log. */
export async function findUnloggedSecret(db: Session, environmentId: string): Promise<string | undefined> {
  return (await db.row(UNLOGGED, { environmentId }))?.id;
}

const STRAY = { id: agentSecrets.id, environmentId: log.environmentId, environmentRevision: log.environmentRevision };
const STRAYS = statement<{ environmentId: string }>()(
  STRAY,
  sql`select ${columns(STRAY)} from ${agentSecrets} join ${log} on ${log.agentSecretId} = ${agentSecrets.id}
    where ${agentSecrets.environmentId} = ${parameter('environmentId')} and ${log.environmentId} <> ${agentSecrets.environmentId}
    order by ${log.environmentRevision} limit 1`,
);
/** A row about a secret of this environment that is in the log of another environment. */
export function findStrayEntry(db: Session, environmentId: string): Promise<RowOf<typeof STRAY> | undefined> {
  return db.row(STRAYS, { environmentId });
}
