// The writes of a secret. Each locks the environment, changes the secret, advances the environment by exactly one and
// appends the log row, all in one statement; when the check in it fails, it changes nothing at all. Writes of different
// environments that are asked for at once go as one statement, and so share its commit.
//
// Why the lock comes first: the statement's snapshot is older than the lock, so whatever it decides must be decided by an
// update or insert (which look at the newest row), and the environment may only be advanced by what those return. The lock
// is taken by reading the environment, the counters are advanced last.
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

/** What comes while one is under way goes together next, and shares a commit. */
const WRITES_AT_ONCE = 1;
/** A plan may allow values of which one statement could not hold many: larger ones go alone. */
const SHARED_BYTES = 128 * 1024;

export interface SecretWrite {
  id: string;
  environmentId: string;
  value: {
    sealedValue: Uint8Array | null;
    valueRevision: bigint | null;
    /** The data key the value is sealed under: nothing is written under one that has been replaced. Null without a value. */
    keyVersion: number | null;
  };
  /** A single write leaves the rest of its log row null. */
  entry: Omit<LogEntry, 'destroyedRevision' | 'setPosition' | 'setSize'>;
}

/** Columns of the lists that a statement is given, by name: what each holds of a write. */
type Given<W> = Readonly<Record<string, readonly [type: ElementType, of: (write: W) => unknown]>>;

export const SECRET_WRITE = {
  id: ['uuid', ({ id }) => id],
  environmentId: ['uuid', ({ environmentId }) => environmentId],
  sealedValue: ['bytea', ({ value }) => value.sealedValue],
  valueRevision: ['bigint', ({ value }) => value.valueRevision],
  keyVersion: ['integer', ({ value }) => value.keyVersion],
  change: ['text', ({ entry }) => entry.change],
  at: ['timestamptz', ({ entry }) => entry.at],
  accountId: ['uuid', ({ entry }) => entry.accountId],
  tokenId: ['uuid', ({ entry }) => entry.tokenId],
  valueDigest: ['bytea', ({ entry }) => entry.valueDigest],
  deletedAt: ['timestamptz', ({ entry }) => entry.deletedAt],
  entryDigest: ['bytea', ({ entry }) => entry.entryDigest],
} as const satisfies Given<SecretWrite>;

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
 * `written` is the CTE that changes the secrets of those in the CTE `locked` that fit, and returns id, revision and value
 * revision. An environment that is gone, or whose data key was replaced, is not in `locked`.
 */
function writeStatement(given: Given<never>, lock: SQL, written: SQL): WriteStatement {
  // Behind sub-selects the server cannot see how long the lists are, and so does not plan the statement anew for each.
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
      and (asked."keyVersion" is null or asked."keyVersion" >= ${environments.minDataKeyVersion})
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
 * Writes that are asked for at once go together, but for those whose environment somebody else has locked: these wait on
 * their own, so that no environment waits for another. Inside a transaction every write is on its own.
 */
export function writer<W extends SecretWrite>(given: Given<W>, written: SQL) {
  const columns = Object.entries(given);
  const listsOf = (writes: readonly W[]): Lists =>
    Object.fromEntries(columns.map(([key, [, of]]) => [key, writes.map(of)]));
  const waiting = writeStatement(given, sql``, written);
  const passing = writeStatement(given, sql`skip locked`, written);
  const outcomeOf = ({ revision, environmentRevision }: RowOf<typeof RESULT>) =>
    revision === null || environmentRevision === null ? undefined : { revision, environmentRevision };

  /** Undefined in the place of a write that has not been tried. */
  async function together(
    db: Session,
    writes: readonly W[],
  ): Promise<({ written?: Written | undefined } | undefined)[]> {
    const outcomes = new Array<{ written?: Written | undefined } | undefined>(writes.length).fill(undefined);
    try {
      for (const row of await db.rows(passing, listsOf(writes))) outcomes[row.place] = { written: outcomeOf(row) };
    } catch (error) {
      // What the database refuses of one, it refuses of all; the others must not suffer. Of anything else nobody knows
      // whether it has been done.
      if (!isRefused(error)) throw error;
    }
    return outcomes;
  }
  const ask = batchStatements(together, WRITES_AT_ONCE);

  return async (db: Session, write: W): Promise<Written | undefined> => {
    const isSmall = (write.value.sealedValue?.length ?? 0) <= SHARED_BYTES;
    const outcome = db.isShared && isSmall ? await ask(db, write) : undefined;
    if (outcome) return outcome.written;
    const row = await db.row(waiting, listsOf([write]));
    return row && outcomeOf(row);
  };
}
