// What comes out of the database is the same on both drivers: these expectations hold on Postgres and on the embedded one.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../../src/errors/errors.js';
import { anyOf, columns, computed, name, optional, parameter, statement } from '../../../src/store/engine/statement.js';
import { accounts, agentSecretRevisions, environments, plans } from '../../../src/store/engine/tables.js';
import { type OpenedDatabase, openDatabase } from '../open.js';

let opened: OpenedDatabase;
beforeAll(async () => {
  opened = await openDatabase();
});
afterAll(() => opened?.close());

const VALUES = {
  count: accounts.environmentCount,
  revision: agentSecretRevisions.revision,
  maybeRevision: agentSecretRevisions.valueRevision,
  hash: agentSecretRevisions.hash,
  maybeDigest: agentSecretRevisions.valueDigest,
  at: agentSecretRevisions.at,
  maybeAt: environments.deletedAt,
  roles: accounts.roles,
  maybeRoles: optional(accounts.roles),
  id: accounts.id,
  path: environments.name,
};

interface Values {
  count: number;
  revision: bigint;
  maybeRevision: bigint | null;
  hash: Uint8Array;
  maybeDigest: Uint8Array | null;
  at: Date;
  maybeAt: Date | null;
  roles: string[];
  maybeRoles: string[] | null;
  id: string;
  path: string;
}

/** Through the database and back, by way of parameters and a row alone. */
const ECHO = statement<Values>()(
  VALUES,
  sql`select ${parameter('count')}::integer as "count", ${parameter('revision')}::bigint as "revision",
    ${parameter('maybeRevision')}::bigint as "maybeRevision", ${parameter('hash')}::bytea as "hash",
    ${parameter('maybeDigest')}::bytea as "maybeDigest", ${parameter('at')}::timestamptz as "at",
    ${parameter('maybeAt')}::timestamptz as "maybeAt", ${parameter('roles', accounts.roles)}::text[] as "roles",
    ${parameter('maybeRoles', accounts.roles)}::text[] as "maybeRoles", ${parameter('id')}::uuid as "id",
    ${parameter('path')}::text as "path"`,
);

const SOME: Values = {
  count: 7,
  revision: 1n,
  maybeRevision: null,
  hash: Uint8Array.of(0, 255),
  maybeDigest: null,
  at: new Date('2024-02-29T23:59:59.999Z'),
  maybeAt: null,
  roles: [],
  maybeRoles: null,
  id: randomUUID(),
  path: 'x',
};

async function echo(values: Partial<Values>): Promise<Values> {
  return (await opened.db.row(ECHO, { ...SOME, ...values })) as Values;
}

/** The same bytes: one driver answers a Buffer, the other a plain Uint8Array. */
function expectBytes(actual: Uint8Array | null, expected: Uint8Array): void {
  expect(actual).toBeInstanceOf(Uint8Array);
  expect(Buffer.from(actual as Uint8Array).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
}

describe('a value of a column', () => {
  test.each([0n, 1n, -1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'of type bigint comes back as the bigint %s, exactly',
    async (revision) => {
      const row = await echo({ revision, maybeRevision: revision });
      expect([row.revision, row.maybeRevision]).toEqual([revision, revision]);
      expect(typeof row.revision).toBe('bigint');
    },
  );

  test.each([
    '1970-01-01T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '2024-02-29T12:34:56.789Z',
    '9999-12-31T23:59:59.999Z',
  ])('of type timestamp comes back as a Date of the same millisecond: %s', async (text) => {
    const row = await echo({ at: new Date(text), maybeAt: new Date(text) });
    expect(row.at).toBeInstanceOf(Date);
    expect([row.at.toISOString(), row.maybeAt?.toISOString()]).toEqual([text, text]);
  });

  test.each([
    ['no bytes', Uint8Array.of()],
    ['every byte', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
    ['bytes that look like text', Buffer.from('\\x00 \\000 \0 ünïcode')],
    ['a part of a larger buffer', Buffer.from('xxcontentxx').subarray(2, 9)],
  ])('of type bytea comes back byte by byte: %s', async (_, bytes) => {
    const row = await echo({ hash: bytes, maybeDigest: bytes });
    expectBytes(row.hash, bytes);
    expectBytes(row.maybeDigest, bytes);
  });

  test.each([
    [[]],
    [['']],
    [['plain', 'two words', ' padded ']],
    [['a,b', '{c}', '"quoted"', "it's", 'back\\slash', '\\"', '\\,']],
    [['NULL', 'null', '{}', '""', '{NULL}']],
    [['ünïcode', '🦊', '日本', 'a\nb\tc\r']],
  ])('of type text[] comes back element by element: %j', async (roles) => {
    const row = await echo({ roles, maybeRoles: roles });
    expect(row.roles).toEqual(roles);
    expect(row.maybeRoles).toEqual(roles);
  });

  test('of type text[] comes back whatever strings are in it', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((part) => !part.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (roles) => {
        expect((await echo({ roles })).roles).toEqual(roles);
      }),
      { numRuns: 60 },
    );
  });

  test('of any type comes back as null when it is null', async () => {
    const { maybeRevision, maybeDigest, maybeAt, maybeRoles } = await echo({});
    expect({ maybeRevision, maybeDigest, maybeAt, maybeRoles }).toEqual({
      maybeRevision: null,
      maybeDigest: null,
      maybeAt: null,
      maybeRoles: null,
    });
  });

  test('of the types integer, uuid and text comes back as number and string', async () => {
    const path = `it's "quoted", {braced} \\ 🦊 \u2028`;
    expect(await echo({ count: -(2 ** 31), path })).toMatchObject({ count: -(2 ** 31), id: SOME.id, path });
  });
});

describe('a list of strings', () => {
  /** Those of the given names that are among the wanted ones. */
  const AMONG = statement<{ given: string[]; wanted: readonly string[] }>()(
    { name: environments.name },
    sql`with ${environments} as (select unnest(${parameter('given', accounts.roles)}::text[]) as name)
      select ${columns({ name: environments.name })} from ${environments} where ${anyOf(environments.name, 'wanted')}`,
  );
  const ODD = ['', 'plain', 'a,b', '{c}', '"quoted"', "it's", 'back\\slash', '\\"', 'NULL', '🦊', ' padded ', 'a\nb'];

  test('picks the rows whose column is any of them, whatever characters are in it', async () => {
    const among = async (wanted: string[]) => {
      const rows = await opened.db.rows(AMONG, { given: ODD, wanted });
      return rows.map((row) => row.name);
    };
    expect(await among([])).toEqual([]);
    expect(await among(['plain', 'none', 'plain'])).toEqual(['plain']);
    expect(await among([...ODD].reverse())).toEqual(ODD);
  });
});

describe('a computed column', () => {
  const COMPUTED = statement<{ text: string | null }>()(
    { length: computed(sql`length(${parameter('text')}::text)`, (value) => ({ length: value })) },
    sql`select length(${parameter('text')}::text) as "length"`,
  );

  test('is decoded by its own function, unless it is null', async () => {
    expect(await opened.db.row(COMPUTED, { text: 'four' })).toEqual({ length: { length: 4 } });
    expect(await opened.db.row(COMPUTED, { text: null })).toEqual({ length: null });
  });
});

describe('a session', () => {
  const INSERT = statement<{ name: string }>()(
    { name: plans.name },
    sql`insert into ${plans} (${sql.join(
      [
        plans.id,
        plans.name,
        plans.maxEnvironments,
        plans.maxSecretsPerEnvironment,
        plans.maxValueBytes,
        plans.createdAt,
      ].map(name),
      sql`, `,
    )}) values (gen_random_uuid(), ${parameter('name')}, 1, 1, 1, now())
      on conflict (name) do nothing returning ${columns({ name: plans.name })}`,
  );
  const ALL = statement()(
    { name: plans.name },
    sql`select ${columns({ name: plans.name })} from ${plans} order by name`,
  );
  const names = async () => (await opened.db.rows(ALL, {})).map((row) => row.name);

  test('answers undefined for no row, and all rows in order', async () => {
    expect(await opened.db.row(INSERT, { name: 'a' })).toEqual({ name: 'a' });
    expect(await opened.db.row(INSERT, { name: 'a' })).toBeUndefined();
    expect(await names()).toEqual(['a', 'default']);
  });

  test('rolls a transaction back when its work throws, and throws that on', async () => {
    const failure = new AppError('CONCURRENT_UPDATE', 'thrown by the work');
    const work = opened.db.transaction(async (tx) => {
      await tx.row(INSERT, { name: 'rolled back' });
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await names()).not.toContain('rolled back');
  });

  test('rolls a transaction back when a statement fails in it, and throws the database’s own code', async () => {
    const work = opened.db.transaction(async (tx) => {
      await tx.row(INSERT, { name: 'rolled back' });
      await tx.script('select 1 / 0');
    });
    await expect(work).rejects.toMatchObject({ code: '22012' });
    expect(await names()).not.toContain('rolled back');
  });

  test('commits a transaction and answers what its work answers', async () => {
    expect(await opened.db.transaction((tx) => tx.row(INSERT, { name: 'kept' }))).toEqual({ name: 'kept' });
    expect(await names()).toContain('kept');
  });

  test('can be pinged while it is open, and refuses as UNAVAILABLE once it is closed', async () => {
    const other = await openDatabase();
    await other.db.ping();
    await other.db.close();
    await expect(other.db.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await other.close();
  });
});
