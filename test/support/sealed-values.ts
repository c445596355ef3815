// Reads the stored values of an environment without the APIs. It opens them, counts them by data key, and compares them.
import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import { openValue, sealedKeyVersion } from '../../src/crypto/sealing.js';
import type { Services } from '../../src/domain/request/services.js';
import { computed, type RowOf, statement } from '../../src/store/engine/statement.js';

const VALUE = {
  id: computed(sql``, String),
  path: computed(sql``, String),
  secretType: computed(sql``, String),
  revision: computed(sql``, (value) => BigInt(value as string)),
  sealed: computed(sql``, (value) => value as Uint8Array),
  current: computed(sql``, (value) => value as Uint8Array | null),
};
export type ValueRow = RowOf<typeof VALUE>;

/** Every value of the environment's log, and the bytes of its secret where it is the current one. */
export function valueRows({ db }: Services, environmentId: string): Promise<ValueRow[]> {
  return db.rows(
    statement()(
      VALUE,
      sql`select s.id as "id", s.path as "path", s.secret_type as "secretType", r.revision as "revision", r.sealed_value as "sealed",
          case when s.value_revision = r.revision then s.sealed_value end as "current"
        from agent_secret_revisions r join agent_secrets s on s.id = r.agent_secret_id
        where r.environment_id = ${environmentId} and r.sealed_value is not null`,
    ),
    {},
  );
}

export interface StoredValues {
  /** This has the JSON text of every value in the log, by `secret:revision`. */
  texts: Map<string, string>;
  /** This is the number of values that each data key version seals. */
  versions: Record<number, number>;
}

/** Opens every value of the log; fails when one does not open, or when a secret does not hold the log's own bytes. */
export async function storedValues(services: Services, environmentId: string): Promise<StoredValues> {
  const { db, keys } = services;
  const rows = await valueRows(services, environmentId);
  const opened = await keys.reload(environmentId);
  const stored: StoredValues = { texts: new Map(), versions: {} };
  for (const { id, path, secretType, revision, sealed, current } of rows) {
    const version = sealedKeyVersion(sealed);
    const binding = { environmentId, agentSecretId: id, path, secretType, revision };
    stored.texts.set(`${id}:${revision}`, openValue(opened.data(version), binding, sealed));
    stored.versions[version] = (stored.versions[version] ?? 0) + 1;
    if (current) expect(Buffer.compare(current, sealed), `${id}:${revision}: the secret holds the log's bytes`).toBe(0);
  }
  const [{ lost = -1 } = {}] = await db.rows(
    statement()(
      { lost: computed(sql``, Number) },
      sql`select count(*) as "lost" from agent_secrets s where s.environment_id = ${environmentId} and s.sealed_value is not null
        and not exists (select from agent_secret_revisions r where r.agent_secret_id = s.id and r.revision = s.value_revision
          and r.sealed_value = s.sealed_value)`,
    ),
    {},
  );
  expect(lost, 'values of secrets that are not in the log').toBe(0);
  return stored;
}
