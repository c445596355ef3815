// Ways to tamper with a log and its secrets by SQL, and which part of a verification finds each.
import { randomBytes, randomUUID } from 'node:crypto';
import { consistently, insert, literal, type Row, replaceAll, type Tables, update } from './tables-as-text.js';

export interface Scene {
  random: () => number;
  /** The environment that is tampered with. */
  environmentId: string;
  accountIds: readonly string[];
  now: Tables;
  /** Copies of the tables from earlier on, none of the present. */
  earlier: readonly Tables[];
  /** Seals another value for a place, as only whoever has the keys can. */
  seal(secretId: string, revision: number): Promise<string>;
}

export interface Tampering {
  name: string;
  /** What it takes to find it; anything finds what the chain alone finds. */
  foundBy: 'chain' | 'keys' | 'head' | 'keys or head';
  /** The SQL of one random case. */
  sql(scene: Scene): string | Promise<string>;
}

const LOG = 'agent_secret_revisions';

function pick<T>({ random }: Scene, items: readonly T[]): T {
  if (items.length === 0) throw new Error('the history has nothing to tamper with in this way');
  return items[Math.floor(random() * items.length)] as T;
}
const logOf = ({ now, environmentId }: Scene) => now.log.filter((row) => row.environment_id === environmentId);
const secretsOf = ({ now, environmentId }: Scene) => now.secrets.filter((row) => row.environment_id === environmentId);
const environmentOf = ({ now, environmentId }: Scene) => now.environments.find(({ id }) => id === environmentId)!;
const keyOf = ({ environment_id, environment_revision }: Row) => ({ environment_id, environment_revision });
const otherBytes = (length: number) => `\\x${randomBytes(length).toString('hex')}`;
const later = (iso: string, milliseconds: number) => new Date(Date.parse(iso) + milliseconds).toISOString();

/** Another value that could stand in the column of this row, from another row or made up. */
function plausible(scene: Scene, rows: readonly Row[], row: Row, column: string): unknown {
  const old = row[column];
  const made: unknown[] = rows.map((other) => other[column]);
  if (/_?at$/.test(column)) made.push(later(old ?? row.at ?? row.updated_at, 1), 'infinity');
  else if (/revision$|^set_/.test(column)) made.push((old ?? 0) + 1, (old ?? 0) - 1);
  else if (/_(id|by)$|^id$/.test(column)) made.push(randomUUID());
  else if (/hash$|digest$|value$/.test(column)) made.push(otherBytes(32), flipped(scene, old ?? '\\x00'));
  else made.push(`${old}x`);
  if (OPTIONAL.has(column)) made.push(null);
  return pick(
    scene,
    made.filter((value) => value !== old && (value !== null || OPTIONAL.has(column))),
  );
}
const OPTIONAL = new Set([
  'sealed_value',
  'value_revision',
  'value_digest',
  'deleted_at',
  'destroyed_revision',
  'set_position',
  'set_size',
  'token_id',
]);

/** With one bit changed. */
function flipped({ random }: Scene, hex: string): string {
  const bytes = Buffer.from(hex.slice(2), 'hex');
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8));
  return `\\x${bytes.toString('hex')}`;
}

function editLog(column: string): Tampering {
  return {
    name: `${column} of a log row edited`,
    foundBy: 'chain',
    sql(scene) {
      const row = pick(scene, logOf(scene));
      return update(LOG, keyOf(row), { [column]: plausible(scene, scene.now.log, row, column) });
    },
  };
}

function editSecret(column: string): Tampering {
  return {
    name: `${column} of a current secret edited`,
    foundBy: 'chain',
    sql(scene) {
      const row = pick(scene, secretsOf(scene));
      return update('agent_secrets', { id: row.id }, { [column]: plausible(scene, scene.now.secrets, row, column) });
    },
  };
}

function editEnvironment(column: string): Tampering {
  return {
    name: `${column} of the environment edited`,
    foundBy: 'chain',
    sql(scene) {
      const row = environmentOf(scene);
      const value =
        column === 'head_hash'
          ? pick(scene, logOf(scene).slice(0, -1)).hash
          : row[column] + pick(scene, [-2, -1, 1, 2]);
      return update('environments', { id: row.id }, { [column]: value });
    },
  };
}

/** What is known about an environment beside its log, changed with all that whoever has no keys can change along. */
function editFacts(name: string, foundBy: Tampering['foundBy'], columns: (scene: Scene, row: Row) => Row): Tampering {
  return {
    name,
    foundBy,
    sql(scene) {
      const row = environmentOf(scene);
      return update('environments', { id: row.id }, columns(scene, row));
    },
  };
}

/** Stored bytes of a value replaced, in the log and where the secret has them now. */
function replaceValue(name: string, other: (scene: Scene, row: Row) => string | Promise<string>): Tampering {
  return {
    name: `a stored value replaced ${name}`,
    foundBy: 'keys',
    async sql(scene) {
      const row = pick(
        scene,
        logOf(scene).filter(({ sealed_value, revision }) => sealed_value !== null && revision > 0),
      );
      const sealed_value = await other(scene, row);
      const current = { id: row.agent_secret_id, value_revision: row.revision };
      return update(LOG, keyOf(row), { sealed_value }) + update('agent_secrets', current, { sealed_value });
    },
  };
}

/** The whole history written anew without a contradiction, from rows that were changed. */
function forge(name: string, foundBy: Tampering['foundBy'], change: (scene: Scene, rows: Row[]) => Row[]): Tampering {
  return {
    name: `the chain and all rows computed anew, ${name}`,
    foundBy,
    sql(scene) {
      const rows = change(
        scene,
        logOf(scene).map((row) => ({ ...row })),
      );
      return replaceAll(scene.environmentId, consistently(environmentOf(scene), rows, secretsOf(scene)));
    },
  };
}

/** Whether a row's write was one of a set. */
const isOfSet = ({ set_size }: Row) => set_size !== null;
const hasValue = ({ sealed_value }: Row) => sealed_value !== null;

function removal(name: string, choose: (scene: Scene, rows: Row[]) => Row[], renumbers: boolean): Tampering {
  return {
    name,
    foundBy: 'chain',
    sql(scene) {
      const rows = logOf(scene);
      const gone = new Set(choose(scene, rows));
      const left = rows.filter((row) => !gone.has(row));
      const log = renumbers ? left.map((row, index) => ({ ...row, environment_revision: index + 1 })) : left;
      const end = renumbers ? { revision: left.length, head_hash: left.at(-1)!.hash } : {};
      return replaceAll(scene.environmentId, { log, environments: [{ ...environmentOf(scene), ...end }] });
    },
  };
}

function exchange(name: string, columns: (row: Row) => Row): Tampering {
  return {
    name: `two log rows exchanged ${name}`,
    foundBy: 'chain',
    sql(scene) {
      const one = pick(scene, logOf(scene));
      const other = pick(
        scene,
        logOf(scene).filter((row) => row !== one),
      );
      return update(LOG, keyOf(one), columns(other)) + update(LOG, keyOf(other), columns(one));
    },
  };
}

function forged(scene: Scene, rows: readonly Row[]): Row {
  const row = pick(scene, rows.filter(hasValue));
  const { revision } = secretsOf(scene).find(({ id }) => id === row.agent_secret_id)!;
  return { ...row, revision: revision + 1, change: 'updated', value_revision: revision + 1, hash: otherBytes(32) };
}

function restore(name: string, foundBy: Tampering['foundBy'], tables: (keyof Tables)[]): Tampering {
  return {
    name: `an old copy of ${name} restored`,
    foundBy,
    sql(scene) {
      const copy = pick(scene, scene.earlier);
      return replaceAll(scene.environmentId, Object.fromEntries(tables.map((table) => [table, copy[table]])));
    },
  };
}

export const TAMPERINGS: readonly Tampering[] = [
  ...[
    'environment_id',
    'environment_revision',
    'agent_secret_id',
    'revision',
    'change',
    'value_revision',
    'value_digest',
    'deleted_at',
    'destroyed_revision',
    'set_position',
    'set_size',
    'at',
    'account_id',
    'token_id',
    'hash',
  ].map(editLog),
  ...[
    'id',
    'environment_id',
    'path',
    'secret_type',
    'type_kind',
    'revision',
    'sealed_value',
    'value_revision',
    'created_at',
    'created_by',
    'updated_at',
    'updated_by',
    'deleted_at',
  ].map(editSecret),
  ...['revision', 'secret_count', 'head_hash'].map(editEnvironment),
  editFacts('the environment renamed', 'keys or head', (scene, { name }) => ({
    name: pick(scene, [`${name}x`, name.toUpperCase(), name.slice(1)]),
  })),
  editFacts('the environment deleted', 'keys or head', (scene, { created_at }) => ({
    deleted_at: later(created_at, pick(scene, [0, 1, 3_600_000])),
  })),
  editFacts('an older data key allowed again', 'keys or head', (_, row) => ({
    min_data_key_version: row.min_data_key_version - 1,
  })),
  editFacts('the environment renamed, and its version of facts counted on', 'keys', (_, { name, facts_version }) => ({
    name: `${name}x`,
    facts_version: facts_version + 1,
  })),
  editFacts('the environment renamed, and its seal removed', 'head', (_, { name, facts_version }) => ({
    name: `${name}x`,
    facts_version: facts_version + 1,
    facts_mac: null,
  })),
  editFacts('the environment renamed, and another’s seal brought here', 'keys or head', (scene, { id, name }) => {
    const { facts_version, facts_mac } = pick(
      scene,
      scene.now.environments.filter((other) => other.id !== id),
    );
    return { name: `${name}x`, facts_version, facts_mac };
  }),
  editFacts('earlier facts brought back with their seal', 'head', (scene, { id }) => {
    const old = scene.earlier[0]!.environments.find((row) => row.id === id)!;
    const { name, min_data_key_version, facts_version, facts_mac } = old;
    return { name, min_data_key_version, facts_version, facts_mac };
  }),
  editFacts('the environment given to another account', 'chain', (scene, { account_id }) => ({
    account_id: pick(
      scene,
      scene.accountIds.filter((id) => id !== account_id),
    ),
  })),
  {
    name: 'the environment given to another account together with its application',
    foundBy: 'keys or head',
    sql(scene) {
      const { application_id, account_id: owner } = environmentOf(scene);
      const account_id = pick(
        scene,
        scene.accountIds.filter((other) => other !== owner),
      );
      return (
        update('environments', { application_id }, { account_id }) +
        update('applications', { id: application_id }, { account_id })
      );
    },
  },
  {
    name: 'the owner’s account renamed',
    foundBy: 'keys or head',
    sql: (scene) => update('accounts', { id: environmentOf(scene).account_id }, { name: `owner-${randomUUID()}` }),
  },

  {
    name: 'a stored value erased, which nobody has destroyed',
    foundBy: 'chain',
    sql(scene) {
      const row = pick(scene, logOf(scene).filter(hasValue));
      const current = { id: row.agent_secret_id, value_revision: row.revision };
      return update(LOG, keyOf(row), { sealed_value: null }) + update('agent_secrets', current, { sealed_value: null });
    },
  },
  {
    name: 'a destroyed value put back',
    foundBy: 'chain',
    sql(scene) {
      const gone = logOf(scene).filter((row) => row.value_digest !== null && row.sealed_value === null);
      const row = pick(scene, gone);
      const before = scene.earlier
        .flatMap(({ log }) => log)
        .find(({ hash, sealed_value }) => hash === row.hash && sealed_value !== null);
      return update(LOG, keyOf(row), { sealed_value: before?.sealed_value ?? otherBytes(97) });
    },
  },
  replaceValue('by one with a bit changed', (scene, { sealed_value }) => flipped(scene, sealed_value)),
  replaceValue('by random or too few bytes', (scene) => otherBytes(pick(scene, [0, 1, 17, 97, 161]))),
  replaceValue('by another secret’s', (scene, { agent_secret_id: id }) => {
    return pick(
      scene,
      scene.now.log.filter((row) => hasValue(row) && row.agent_secret_id !== id),
    ).sealed_value;
  }),
  replaceValue('by the secret’s own of another revision', (scene, row) => {
    const own = logOf(scene).filter((other) => other.agent_secret_id === row.agent_secret_id && other !== row);
    return own.find(hasValue)?.sealed_value ?? flipped(scene, row.sealed_value);
  }),
  replaceValue('by one sealed with the right key', (scene, row) => scene.seal(row.agent_secret_id, row.revision)),

  removal('a log row removed', (scene, rows) => [pick(scene, rows)], false),
  removal('a log row removed and the rest numbered anew', (scene, rows) => [pick(scene, rows.slice(0, -1))], true),
  removal(
    'several log rows removed and the rest numbered anew',
    (scene, rows) => {
      const from = Math.floor(scene.random() * (rows.length - 6));
      return rows.slice(from, from + 1 + Math.floor(scene.random() * 5));
    },
    true,
  ),
  removal(
    'the log cut short, and the environment set back',
    (scene, rows) => rows.slice(1 + Math.floor(scene.random() * (rows.length - 1))),
    true,
  ),
  {
    name: 'a current secret removed',
    foundBy: 'chain',
    sql: (scene) => `delete from agent_secrets where id = ${literal(pick(scene, secretsOf(scene)).id)};`,
  },
  {
    name: 'a current secret added',
    foundBy: 'chain',
    sql: (scene) =>
      insert('agent_secrets', [{ ...pick(scene, secretsOf(scene)), id: randomUUID(), path: `p${randomUUID()}` }]),
  },
  {
    name: 'two current secrets exchanged',
    foundBy: 'chain',
    sql(scene) {
      const [one, other] = [pick(scene, secretsOf(scene)), pick(scene, secretsOf(scene))];
      if (one === other) return this.sql(scene);
      const where = (id: string) => `delete from agent_secrets where id = ${literal(id)};`;
      return `${where(one.id)}${where(other.id)}${insert('agent_secrets', [
        { ...one, id: other.id },
        { ...other, id: one.id },
      ])}`;
    },
  },
  exchange('with their hashes', ({ environment_id: _, environment_revision: __, ...rest }) => rest),
  exchange('without their hashes', ({ environment_id: _, environment_revision: __, hash: ___, ...rest }) => rest),

  {
    name: 'a forged row inserted, and the rows behind it numbered anew',
    foundBy: 'chain',
    sql(scene) {
      const rows = logOf(scene);
      const at = Math.floor(scene.random() * rows.length);
      const log = [...rows.slice(0, at), forged(scene, rows), ...rows.slice(at)];
      const numbered = log.map((row, index) => ({ ...row, environment_revision: index + 1 }));
      const environments = [{ ...environmentOf(scene), revision: log.length }];
      return replaceAll(scene.environmentId, { log: numbered, environments });
    },
  },
  {
    name: 'a forged row inserted that no write’s revision has',
    foundBy: 'chain',
    sql(scene) {
      const rows = logOf(scene);
      const environment_revision = pick(scene, [-1, 0, rows.length + 1, rows.length + 7]);
      return insert(LOG, [{ ...forged(scene, rows), environment_revision }]);
    },
  },
  {
    name: 'a forged row about a secret under another environment',
    foundBy: 'chain',
    sql(scene) {
      const row = forged(scene, logOf(scene));
      const elsewhere = { environment_id: randomUUID(), environment_revision: 1 };
      return insert(LOG, [{ ...row, ...elsewhere, revision: pick(scene, [row.revision, row.revision + 8, -1]) }]);
    },
  },

  forge('with another actor or moment', 'head', (scene, rows) => {
    const row = pick(
      scene,
      rows.filter(({ deleted_at }) => deleted_at === null),
    );
    if (scene.random() < 0.5) row.account_id = randomUUID();
    else row.at = later(row.at, -3_600_000);
    return rows;
  }),
  forge('without one secret', 'head', (scene, rows) => {
    const inSets = new Set(rows.filter(isOfSet).map((row) => row.agent_secret_id));
    const { agent_secret_id: id } = pick(
      scene,
      rows.filter((row) => !inSets.has(row.agent_secret_id)),
    );
    return rows.filter((row) => row.agent_secret_id !== id);
  }),
  forge('cut short', 'head', (scene, rows) => {
    // Not inside a set, and not before a value was destroyed, which nobody brings back.
    const lastErasure = rows.findLastIndex(({ change }) => change === 'value_destroyed');
    const ends = rows.flatMap((row, index) =>
      index > lastErasure && index < rows.length - 1 && (!isOfSet(row) || row.set_position === row.set_size - 1)
        ? [index + 1]
        : [],
    );
    return rows.slice(0, pick(scene, ends));
  }),
  forge('with an update forgotten', 'head', (scene, rows) => {
    const keeps = rows.filter(({ change, value_digest, agent_secret_id: id, revision }) => {
      const before = rows.find((row) => row.agent_secret_id === id && row.revision === revision - 1);
      const named = rows.some((row) => row.agent_secret_id === id && row.destroyed_revision === revision);
      const old = rows.find((row) => row.agent_secret_id === id && row.revision === before?.value_revision);
      return change === 'updated' && value_digest !== null && !named && old && hasValue(old);
    });
    const row = pick(scene, keeps);
    const own = rows.filter((other) => other.agent_secret_id === row.agent_secret_id);
    const { value_revision } = own.find((other) => other.revision === row.revision - 1)!;
    // Whoever kept or restored the forgotten value has the one before instead, unless that is destroyed while they keep it.
    for (const other of own) if (other.value_revision === row.revision) other.value_revision = value_revision;
    Object.assign(row, { value_digest: null, sealed_value: null });
    return rows;
  }),
  forge('with a value nobody has set', 'keys or head', (scene, rows) => {
    const row = pick(scene, rows.filter(hasValue));
    return Object.assign(row, { value_digest: otherBytes(32), sealed_value: otherBytes(97) }) && rows;
  }),
  forge('with the values of two secrets exchanged', 'keys or head', (scene, rows) => {
    const one = pick(scene, rows.filter(hasValue));
    const other = pick(
      scene,
      rows.filter((row) => hasValue(row) && row !== one),
    );
    const { value_digest, sealed_value } = one;
    Object.assign(one, { value_digest: other.value_digest, sealed_value: other.sealed_value });
    Object.assign(other, { value_digest, sealed_value });
    return rows;
  }),
  forge('with a value set behind the end', 'keys', (scene, rows) => {
    const live = secretsOf(scene).filter(({ deleted_at }) => deleted_at === null);
    const { id, revision } = pick(scene, live);
    return [
      ...rows,
      {
        ...rows.at(-1),
        agent_secret_id: id,
        revision: revision + 1,
        change: 'updated',
        value_revision: revision + 1,
        value_digest: otherBytes(32),
        sealed_value: otherBytes(97),
        deleted_at: null,
        destroyed_revision: null,
        set_position: null,
        set_size: null,
      },
    ];
  }),

  restore('log, secrets and environment', 'head', ['log', 'secrets', 'environments']),
  restore('log and secrets', 'chain', ['log', 'secrets']),
  restore('log and environment', 'chain', ['log', 'environments']),
  restore('secrets and environment', 'chain', ['secrets', 'environments']),
  restore('the log', 'chain', ['log']),
  restore('the secrets', 'chain', ['secrets']),
  restore('the environment', 'chain', ['environments']),
  {
    name: 'the whole environment removed',
    foundBy: 'head',
    sql: ({ environmentId }) =>
      `${['agent_secrets', LOG, 'environment_keys', 'environment_shares']
        .map((table) => `delete from ${table} where environment_id = ${literal(environmentId)};`)
        .join('')}delete from environments where id = ${literal(environmentId)};`,
  },
  {
    name: 'a wrapped key changed, moved or removed',
    foundBy: 'keys',
    sql(scene) {
      const where = `environment_id = ${literal(scene.environmentId)}`;
      const other = `environment_id <> ${literal(scene.environmentId)}`;
      return pick(scene, [
        `update environment_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where ${where} and purpose = 'data';`,
        `update environment_keys k set wrapped = (select wrapped from environment_keys where ${other} and purpose = k.purpose limit 1) where ${where} and purpose = 'digest';`,
        `update environment_keys set master_key_id = 'k-other' where ${where};`,
        `delete from environment_keys where ${where} and purpose = ${literal(pick(scene, ['data', 'digest']))};`,
      ]);
    },
  },
];
