// What the verification of a log reads: one snapshot, in pages, each row beside the rows it must agree with. Reads values
// only where they are asked for.
import { type SQL, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { Database, Session } from '../engine/client.js';
import { columns, computed, optional, parameter, type RowOf, statement } from '../engine/statement.js';
import { agentSecrets, environments, agentSecretRevisions as log } from '../engine/tables.js';

// Short statements, many of them: compiling each, as Postgres would for a table without statistics, costs half a second.
const SNAPSHOT = `set transaction isolation level repeatable read, read only;
  set local statement_timeout = 0; set local jit = off`;

/** Everything that `work` reads is the database as of one moment, however long it takes; it can write nothing. */
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
/** Environments by id, deleted ones too. */
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
/** Where an environment says that its log ends; of a deleted one, too. */
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
  /** Size of the stored value; null without one. */
  sealedBytes: computed<number | null>(sql`octet_length(${entry.sealedValue})`, Number),
  /** Of the secret's row before this one; all null when there is none. */
  previousEnvironmentRevision: optional(previous.environmentRevision),
  previousValueRevision: optional(previous.valueRevision),
  previousDeletedAt: optional(previous.deletedAt),
  /** Whether it is the last one of its secret. */
  isNewest: computed(sql`${next.hash} is null`, Boolean),
  /** Whether the row that it names has set a value. */
  hasSetter: computed(sql`${setter.valueDigest} is not null`, Boolean),
  /** Whether the value that it says it erased was set, and is gone. */
  hasErased: computed(sql`${destroyed.valueDigest} is not null and ${destroyed.sealedValue} is null`, Boolean),
  /** The current secret; all null when it is gone. */
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
  /** On the newest row: whether the current secret has the very bytes that are stored where its value was set. */
  hasCurrentValue: computed<boolean | null>(
    sql`case when ${next.hash} is null then ${agentSecrets.sealedValue} is not distinct from ${setter.sealedValue} end`,
    Boolean,
  ),
};
/** A row of the log, and what it must agree with. */
export type VerifiedEntryRow = RowOf<typeof ENTRY>;

/** Another row of the secret. Looked up by index, whatever the planner thinks of a table that was loaded a moment ago. */
const beside = (as: 'previous' | 'next' | 'setter' | 'destroyed', revision: SQL) =>
  sql`left join lateral (
      select l.* from ${log} l where l.agent_secret_id = ${entry.agentSecretId} and l.revision = ${revision} offset 0
    ) ${sql.identifier(as)} on true`;

/** Rows of a page: each may have a type document of some size with it. */
const PAGE = 250;
const ENTRIES = statement<{ environmentId: string; after: bigint }>()(
  ENTRY,
  sql`select ${columns(ENTRY)} from (
      select * from ${log}
      where ${log.environmentId} = ${parameter('environmentId')} and ${log.environmentRevision} > ${parameter('after')}::bigint
      order by ${log.environmentRevision} limit ${sql.raw(String(PAGE))}
    ) entry
    ${beside('previous', sql`${entry.revision} - 1`)}
    ${beside('next', sql`${entry.revision} + 1`)}
    ${beside('setter', sql`${entry.valueRevision}`)}
    ${beside('destroyed', sql`${entry.destroyedRevision}`)}
    left join lateral (
      select * from ${agentSecrets} where ${agentSecrets.id} = ${entry.agentSecretId} offset 0
    ) agent_secrets on true
    order by ${entry.environmentRevision}`,
);
/** Below every revision that a row can have, also one that no write has made. */
const LOWEST = -(2n ** 63n);

/** The environment's log in order, a page at a time; from its very first row on, or behind a revision. */
export async function* findLogEntries(
  db: Session,
  environmentId: string,
  after: bigint = LOWEST,
): AsyncGenerator<VerifiedEntryRow[]> {
  let behind = after;
  for (;;) {
    const page = await db.rows(ENTRIES, { environmentId, after: behind });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    behind = (page.at(-1) as VerifiedEntryRow).environmentRevision;
  }
}

const VALUE = { environmentRevision: log.environmentRevision, sealedValue: log.sealedValue };
const VALUES = statement<{ environmentId: string; first: bigint; last: bigint }>()(
  VALUE,
  sql`select ${columns(VALUE)} from ${log}
    where ${log.environmentId} = ${parameter('environmentId')} and ${log.sealedValue} is not null
      and ${log.environmentRevision} between ${parameter('first')}::bigint and ${parameter('last')}::bigint`,
);
/** The stored values of a stretch of the log. */
export async function findLoggedValues(
  db: Session,
  stretch: { environmentId: string; first: bigint; last: bigint },
): Promise<Map<bigint, Uint8Array>> {
  const rows = await db.rows(VALUES, stretch);
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
/** The first row whose value is gone though no row says that it was destroyed. */
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
/** A secret of the environment of whose beginning its log knows nothing. */
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
/** A row about a secret of the environment that stands in another environment's log. */
export function findStrayEntry(db: Session, environmentId: string): Promise<RowOf<typeof STRAY> | undefined> {
  return db.row(STRAYS, { environmentId });
}
