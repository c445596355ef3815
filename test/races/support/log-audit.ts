// What must hold of an environment's log whatever has happened, checked from the rows alone.
import { createHash } from 'node:crypto';
import { expect } from 'vitest';

type Row = Record<string, any>;
/** Asks the database past the service: postgres.js, or whatever answers alike. */
export type Query = (text: TemplateStringsArray, ...values: string[]) => PromiseLike<Row[]>;

export interface LogRow {
  environmentRevision: number;
  agentSecretId: string;
  revision: number;
  change: string;
}

/**
 * Fails unless the log has no gap and no row too many, its hash chain verifies, every secret's revisions have no gap, and
 * the environment's and the secrets' current rows say the same as the log. Answers the log.
 */
export async function auditEnvironment(query: Query, environmentId: string): Promise<LogRow[]> {
  const [[environment], log, secrets] = await Promise.all([
    query`select revision, secret_count, head_hash from environments where id = ${environmentId}`,
    query`select * from agent_secret_revisions where environment_id = ${environmentId} order by environment_revision`,
    query`select * from agent_secrets where environment_id = ${environmentId}`,
  ]);
  const byId = new Map(secrets.map((secret) => [secret.id as string, secret]));
  expect(Number(environment?.revision), 'the environment’s revision').toBe(log.length);

  let hash = sha256(`agent-secrets-log:1:${environmentId}`);
  const last = new Map<string, Row>();
  for (const [index, row] of log.entries()) {
    const revision = index + 1;
    expect(Number(row.environment_revision), 'no gap in the environment').toBe(revision);
    const secret = byId.get(row.agent_secret_id);
    if (!secret) throw new Error(`revision ${revision} is of an unknown secret`);
    hash = sha256(Buffer.concat([hash, int8(revision), entryDigest(row, secret)]));
    expect(Buffer.compare(row.hash, hash), `hash of revision ${revision}`).toBe(0);

    const before = last.get(secret.id);
    expect(Number(row.revision), 'no gap in the secret').toBe(before ? Number(before.revision) + 1 : 0);
    const isBack = row.change === 'restored' || row.change === 'value_destroyed';
    expect(before?.deleted_at != null && !isBack, 'a deleted secret is only restored, or its values destroyed').toBe(
      false,
    );
    const deletedAt =
      row.change === 'deleted' ? row.at : row.change === 'value_destroyed' ? (before?.deleted_at ?? null) : null;
    expect(row.deleted_at, 'deleted from the deletion on').toEqual(deletedAt);
    const isLast = row.set_position === null || row.set_position + 1 === row.set_size;
    const next = log[index + 1];
    expect([next?.set_position ?? null, next?.set_size ?? null], 'a set is whole').toEqual(
      isLast ? [next?.set_position == null ? null : 0, next?.set_size ?? null] : [row.set_position + 1, row.set_size],
    );
    expect(row.change === 'created', 'created once, first').toBe(before === undefined);
    last.set(secret.id, row);
  }
  expect(Buffer.compare(environment?.head_hash, hash), 'the head of the chain').toBe(0);

  expect(last.size, 'every secret is in the log').toBe(secrets.length);
  for (const secret of secrets) {
    const row = last.get(secret.id);
    const ofSecret = log.filter((entry) => entry.agent_secret_id === secret.id);
    const setter = ofSecret.find((entry) => entry.revision === row?.value_revision);
    for (const entry of ofSecret) {
      const sets = entry.value_revision === entry.revision;
      const isErased = ofSecret.some(({ destroyed_revision }) => destroyed_revision === entry.revision);
      expect(entry.value_digest !== null, 'a digest where a value is set').toBe(sets);
      expect(entry.sealed_value !== null, 'a value where one is set, until it is erased').toBe(sets && !isErased);
    }
    expect(secret, 'the current row is what the log ends with').toMatchObject({
      revision: row?.revision,
      value_revision: row?.value_revision,
      sealed_value: setter?.sealed_value ?? null,
      updated_at: row?.at,
      updated_by: row?.account_id,
    });
    expect(secret.deleted_at, 'deleted as the log says').toEqual(row?.deleted_at);
  }
  const live = secrets.filter((secret) => secret.deleted_at === null);
  expect(environment?.secret_count, 'the count of secrets').toBe(live.length);
  expect(new Set(live.map(({ path }) => path)).size, 'one secret a path').toBe(live.length);

  return log.map((row) => ({
    environmentRevision: Number(row.environment_revision),
    agentSecretId: row.agent_secret_id,
    revision: Number(row.revision),
    change: row.change,
  }));
}

/** As src/domain/log-entry.ts defines it, written again so that a change of the definition is noticed. */
function entryDigest(row: Row, secret: Row): Buffer {
  const isOwnMoment = row.change === 'deleted' && row.deleted_at.getTime() === row.at.getTime();
  const more = [
    row.deleted_at === null || isOwnMoment ? null : row.deleted_at.getTime(),
    text(row.destroyed_revision),
    row.set_position,
    row.set_size,
  ];
  return sha256(
    JSON.stringify([
      'agent-secrets-log-entry:1',
      row.environment_id,
      row.agent_secret_id,
      String(row.revision),
      row.change,
      secret.path,
      secret.secret_type,
      text(row.value_revision),
      row.value_digest === null ? null : Buffer.from(row.value_digest).toString('hex'),
      row.at.getTime(),
      row.account_id,
      row.token_id,
      ...(more.some((part) => part !== null) ? [more] : []),
    ]),
  );
}

/** One driver answers bigint as text, the other as a number. */
function text(number: unknown): string | null {
  return number === null ? null : String(number);
}

function sha256(content: string | Buffer): Buffer {
  return createHash('sha256').update(content).digest();
}

function int8(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
