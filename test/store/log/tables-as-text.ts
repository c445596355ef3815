// The tables that a log verification is about, read and written past the service, as whoever tampers with them does.
import { sql } from 'drizzle-orm';
import { chainHash, entryDigest, genesisHash } from '../../../src/domain/log/log-entry.js';
import type { Session } from '../../../src/store/engine/client.js';
import { computed, statement } from '../../../src/store/engine/statement.js';

/** A row as Postgres prints it in JSON: bytes are `\x…`, moments ISO text. */
export type Row = Record<string, any>;

export interface Tables {
  log: Row[];
  secrets: Row[];
  environments: Row[];
}

const read = (table: string, order: string) =>
  statement()(
    { rows: computed(sql`''`, (text) => JSON.parse(text as string) as Row[]) },
    sql.raw(`select coalesce(json_agg(to_jsonb(t) order by ${order}), '[]')::text as rows from ${table} t`),
  );
const READ = {
  log: read('agent_secret_revisions', 'environment_id, environment_revision'),
  secrets: read('agent_secrets', 'id'),
  environments: read('environments', 'id'),
};

export async function readTables(db: Session): Promise<Tables> {
  return {
    log: (await db.row(READ.log, {}))!.rows,
    secrets: (await db.row(READ.secrets, {}))!.rows,
    environments: (await db.row(READ.environments, {}))!.rows,
  };
}

export function literal(value: unknown): string {
  return value === null ? 'null' : `'${String(value).replaceAll("'", "''")}'`;
}

/** Sets columns of the row that has these keys. */
export function update(table: string, key: Row, columns: Row): string {
  const pairs = (row: Row) => Object.entries(row).map(([name, value]) => `${name} = ${literal(value)}`);
  return `update ${table} set ${pairs(columns).join(', ')} where ${pairs(key).join(' and ')};`;
}

export function insert(table: string, rows: readonly Row[]): string {
  return `insert into ${table} select * from json_populate_recordset(null::${table}, ${literal(JSON.stringify(rows))});`;
}

/** Puts an environment's rows in the place of those that are there. */
export function replaceAll(environmentId: string, rows: Partial<Tables>): string {
  const of = (all: readonly Row[] | undefined) => all?.filter((row) => row.environment_id === environmentId);
  const [log, secrets] = [of(rows.log), of(rows.secrets)];
  const end = rows.environments?.find(({ id }) => id === environmentId);
  const where = `where environment_id = ${literal(environmentId)};`;
  return [
    ...(log ? [`delete from agent_secret_revisions ${where}`, insert('agent_secret_revisions', log)] : []),
    ...(secrets ? [`delete from agent_secrets ${where}`, insert('agent_secrets', secrets)] : []),
    ...(end ? [update('environments', { id: end.id }, endOf(end))] : []),
  ].join('\n');
}

function endOf({ revision, head_hash, secret_count }: Row): Row {
  return { revision, head_hash, secret_count };
}

const bytes = (text: string) => Buffer.from(text.slice(2), 'hex');
const text = (buffer: Uint8Array) => `\\x${Buffer.from(buffer).toString('hex')}`;
const big = (number: number | null) => (number === null ? null : BigInt(number));
const moment = (iso: string | null) => (iso === null ? null : new Date(iso));

export function digestOf(row: Row, secret: Row): Uint8Array {
  return entryDigest({
    environmentId: row.environment_id,
    agentSecretId: row.agent_secret_id,
    revision: BigInt(row.revision),
    change: row.change,
    path: secret.path,
    secretType: secret.secret_type,
    valueRevision: big(row.value_revision),
    valueDigest: row.value_digest === null ? null : bytes(row.value_digest),
    at: new Date(row.at),
    accountId: row.account_id,
    tokenId: row.token_id,
    deletedAt: moment(row.deleted_at),
    destroyedRevision: big(row.destroyed_revision),
    setPosition: row.set_position,
    setSize: row.set_size,
  });
}

/**
 * What a thorough forger makes of rows that were changed, left out or added: numbers, chain, current secrets and the
 * environment all agree again. The rows are one environment's, in order.
 */
export function consistently(environment: Row, rows: readonly Row[], secrets: readonly Row[]): Tables {
  let hash = genesisHash(environment.id);
  const current = new Map<string, Row>();
  const setters = new Map<string, Row>();
  const log = rows.map((row, index) => {
    const environment_revision = index + 1;
    const secret = current.get(row.agent_secret_id) ?? {
      ...secrets.find(({ id }) => id === row.agent_secret_id),
      created_at: row.at,
      created_by: row.account_id,
    };
    hash = Buffer.from(chainHash(hash, BigInt(environment_revision), digestOf(row, secret)));
    if (row.value_digest !== null) setters.set(`${secret.id}:${row.revision}`, row);
    current.set(secret.id, {
      ...secret,
      revision: row.revision,
      value_revision: row.value_revision,
      sealed_value: setters.get(`${secret.id}:${row.value_revision}`)?.sealed_value ?? null,
      updated_at: row.at,
      updated_by: row.account_id,
      deleted_at: row.deleted_at,
    });
    return { ...row, environment_revision, hash: text(hash) };
  });
  const left = [...current.values()];
  const secret_count = left.filter(({ deleted_at }) => deleted_at === null).length;
  return {
    log,
    secrets: left,
    environments: [{ ...environment, revision: log.length, head_hash: text(hash), secret_count }],
  };
}
