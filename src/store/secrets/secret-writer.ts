// Writes single secrets. A write is one statement: it locks the environment, changes the secret, advances the
// environment's revision by exactly one and appends the log row.
//
// When a write's check fails, it changes nothing at all. Concurrent writes of different environments are batched into
// one statement, and so share its commit.
//
// The order within the statement matters. Its snapshot is older than the lock, so everything must be decided by an
// update or insert (which see the newest version of a row), and the environment may only be advanced according to what
// those return. Therefore the lock is taken first, by reading the environment, and the counters are advanced last.
import { type SQL, sql } from 'drizzle-orm';
import { isRefused, type Session } from '../engine/client.js';
import {
  computed,
  type ElementType,
  elements,
  insertInto,
  name,
  optional,
  type RowOf,
  type Statement,
  statement,
} from '../engine/statement.js';
import { batchStatements } from '../engine/statement-batch.js';
import { agentSecretRevisions, agentSecrets, environments } from '../engine/tables.js';
import { LOG_ROW, type LogEntry } from '../log/log-entry.js';

/** One batch at a time: writes that are requested while one is running form the next batch, and share its commit. */
const CONCURRENT_BATCHES = 1;
/** Larger values are written alone: a plan may allow values so large that one statement could not contain many. */
const MAX_BATCHED_BYTES = 128 * 1024;

export interface SecretWrite {
  id: string;
  environmentId: string;
  value: {
    sealedValue: Uint8Array | null;
    valueRevision: bigint | null;
    /** The data key that the value is sealed under; null without a value. */
    keyVersion: number | null;
    /**
     * Names the keys that made the value and its digest; null without a value. It is only written when the environment
     * has these very keys now.
     */
    keysId: Uint8Array | null;
  };
  /** The omitted columns of the log row are null for a single write. */
  entry: Omit<LogEntry, 'destroyedRevision' | 'setPosition' | 'setSize'>;
}

/**
 * The lists that are passed to a statement, by column name: the type of the elements, and how to get one of a write.
 */
type ListColumns<W> = Readonly<Record<string, readonly [type: ElementType, of: (write: W) => unknown]>>;

export const SECRET_WRITE = {
  id: ['uuid', ({ id }) => id],
  environmentId: ['uuid', ({ environmentId }) => environmentId],
  sealedValue: ['bytea', ({ value }) => value.sealedValue],
  valueRevision: ['bigint', ({ value }) => value.valueRevision],
  keyVersion: ['integer', ({ value }) => value.keyVersion],
  keysId: ['bytea', ({ value }) => value.keysId],
  change: ['text', ({ entry }) => entry.change],
  at: ['timestamptz', ({ entry }) => entry.at],
  accountId: ['uuid', ({ entry }) => entry.accountId],
  tokenId: ['uuid', ({ entry }) => entry.tokenId],
  valueDigest: ['bytea', ({ entry }) => entry.valueDigest],
  deletedAt: ['timestamptz', ({ entry }) => entry.deletedAt],
  entryDigest: ['bytea', ({ entry }) => entry.entryDigest],
} as const satisfies ListColumns<SecretWrite>;

const RESULT = {
  place: computed(sql`locked.place`, (place) => Number(place) - 1),
  revision: optional(agentSecrets.revision),
  environmentRevision: optional(environments.revision),
};
export interface Written {
  revision: bigint;
  environmentRevision: bigint;
}

type Lists = Record<string, readonly unknown[]>;
type WriteStatement = Statement<RowOf<typeof RESULT>, Lists>;

/**
 * `written` is the CTE that performs those writes of the CTE `locked` whose checks succeed, and returns id, revision
 * and value revision of their secrets. A write whose environment is gone, or has other keys by now, is not in `locked`.
 */
function writeStatement(given: ListColumns<never>, lock: SQL, written: SQL): WriteStatement {
  // The lists are inside sub-selects because the planner cannot see their length there, and so does not make a new plan
  // for each execution.
  const lists = Object.entries(given).map(([key, [type]]) => sql`(select ${elements(key, type)})`);
  const names = Object.keys(given).map((key) => sql.identifier(key));
  return statement<Lists>()(
    RESULT,
    sql`with asked as materialized (
    select * from unnest(${sql.join(lists, sql`, `)}) with ordinality as asked(${sql.join(names, sql`, `)}, place)
  ),
  locked as materialized (
    select asked.*, ${environments.accountId} as owner_id, ${environments.revision}, ${environments.secretCount}, ${environments.headHash}
    from asked join ${environments} on ${environments.id} = asked."environmentId"
    where ${environments.deletedAt} is null
      and (asked."keysId" is null
        or asked."keysId" = ${environments.keysId} and asked."keyVersion" >= ${environments.minDataKeyVersion})
    for update of ${environments} ${lock}
  ),
  ${written},
  advanced as (
    update ${environments} set
      ${name(environments.revision)} = locked.revision + 1,
      ${name(environments.secretCount)} = locked.secret_count + case locked.change when 'created' then 1 when 'deleted' then -1 else 0 end,
      ${name(environments.headHash)} = sha256(locked.head_hash || int8send(locked.revision + 1) || locked."entryDigest"),
      ${name(environments.updatedAt)} = locked.at
    from locked join written on written.id = locked.id
    where ${environments.id} = locked."environmentId"
    returning ${environments.id}, ${environments.revision}, ${environments.headHash}
  ),
  logged as (
    ${insertInto(agentSecretRevisions, LOG_ROW, LOGGED, sql`from locked join written on written.id = locked.id join advanced on advanced.id = locked."environmentId"`)}
  )
  select locked.place as "place", written.revision as "revision", advanced.revision as "environmentRevision" from locked
  left join written on written.id = locked.id left join advanced on advanced.id = locked."environmentId" and written.id is not null`,
  );
}

const LOGGED = {
  environmentId: sql`advanced.id`,
  environmentRevision: sql`advanced.revision`,
  agentSecretId: sql`written.id`,
  revision: sql`written.revision`,
  change: sql`locked.change`,
  sealedValue: sql`case when written.value_revision = written.revision then locked."sealedValue" end`,
  valueRevision: sql`written.value_revision`,
  valueDigest: sql`locked."valueDigest"`,
  deletedAt: sql`locked."deletedAt"`,
  destroyedRevision: sql`null`,
  setPosition: sql`null`,
  setSize: sql`null`,
  at: sql`locked.at`,
  accountId: sql`locked."accountId"`,
  tokenId: sql`locked."tokenId"`,
  hash: sql`advanced.head_hash`,
} satisfies Record<keyof typeof LOG_ROW, SQL>;

/**
 * Batches concurrent writes, except those whose environment is locked by another transaction: these are executed alone
 * and wait for the lock, so that no environment waits for another one. Inside a transaction every write is executed
 * alone.
 */
export function writer<W extends SecretWrite>(given: ListColumns<W>, written: SQL) {
  const columns = Object.entries(given);
  const listsOf = (writes: readonly W[]): Lists =>
    Object.fromEntries(columns.map(([key, [, of]]) => [key, writes.map(of)]));
  const waitingStatement = writeStatement(given, sql``, written);
  const skippingStatement = writeStatement(given, sql`skip locked`, written);
  const outcomeOf = ({ revision, environmentRevision }: RowOf<typeof RESULT>) =>
    revision === null || environmentRevision === null ? undefined : { revision, environmentRevision };

  /** The outcome is undefined for a write that was not attempted, and that still has to be executed alone. */
  async function writeBatch(
    db: Session,
    writes: readonly W[],
  ): Promise<({ written?: Written | undefined } | undefined)[]> {
    const outcomes = new Array<{ written?: Written | undefined } | undefined>(writes.length).fill(undefined);
    try {
      for (const row of await db.rows(skippingStatement, listsOf(writes)))
        outcomes[row.place] = { written: outcomeOf(row) };
    } catch (error) {
      // If the database rejects one write, it rejects the whole batch. Then every write is executed alone, so that the
      // others succeed. After any other error it is unknown whether the batch was committed.
      if (!isRefused(error)) throw error;
    }
    return outcomes;
  }
  const writeInBatch = batchStatements(writeBatch, CONCURRENT_BATCHES);

  return async (db: Session, write: W): Promise<Written | undefined> => {
    const isSmall = (write.value.sealedValue?.length ?? 0) <= MAX_BATCHED_BYTES;
    const outcome = db.isShared && isSmall ? await writeInBatch(db, write) : undefined;
    if (outcome) return outcome.written;
    const row = await db.row(waitingStatement, listsOf([write]));
    return row && outcomeOf(row);
  };
}
