// Statements inside of a transaction, several of them at once: in order, all or nothing, and none of them outside.
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../../src/store/engine/client.js';
import { columns, computed, name, parameter, statement } from '../../../src/store/engine/statement.js';
import { applications, plans } from '../../../src/store/engine/tables.js';
import { type OpenedDatabase, openDatabase } from '../open.js';

let opened: OpenedDatabase;
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeAll(async () => {
  opened = await openDatabase();
  process.on('unhandledRejection', note);
});
afterAll(async () => {
  process.off('unhandledRejection', note);
  await opened?.close();
});

const NAME = { name: plans.name };
const INSERT = statement<{ name: string }>()(
  NAME,
  sql`insert into ${plans} (${sql.join([plans.id, plans.name, plans.maxEnvironments, plans.maxSecretsPerEnvironment, plans.maxValueBytes, plans.createdAt].map(name), sql`, `)})
    values (gen_random_uuid(), ${parameter('name')}, 1, 1, 1, now()) returning ${columns(NAME)}`,
);
const DIVIDE = statement<{ by: number }>()(
  { result: computed(sql`result`, Number) },
  sql`select 1 / ${parameter('by')}::integer as result`,
);
const ALL = statement()(NAME, sql`select ${columns(NAME)} from ${plans} order by created_at, name`);
const NEXT = statement()({ turn: computed(sql`turn`, Number) }, sql`select nextval('turns') as turn`);
/** The same with a parameter: for the driver that describes such statements before it runs them for the first time. */
const nextOf = (part: number) =>
  statement<{ part: number }>()(
    { turn: computed(sql`turn`, Number) },
    sql`select nextval('turns') + 0 * ${parameter('part')}::integer + ${sql.raw(String(0 * part))} as turn, ${sql.raw(String(part))} as part`,
  );
const APPLICATIONS = statement()(
  { id: applications.id },
  sql`select ${columns({ id: applications.id })} from ${applications}`,
);

const names = async () => (await opened.db.rows(ALL, {})).map((row) => row.name);

test('run in the order in which they were asked for, those seen before and those that are new', async () => {
  const turns = await opened.db.transaction(async (tx) => {
    await tx.script('create temporary sequence turns');
    await tx.row(NEXT, {});
    const asked = Array.from({ length: 20 }, (_, part) =>
      part % 3 === 0 ? tx.row(nextOf(part), { part }) : tx.row(NEXT, {}),
    );
    const rows = await Promise.all(asked);
    await tx.script('drop sequence turns');
    return rows.map((row) => row?.turn);
  });
  expect(turns).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
});

test('are all there once it is committed', async () => {
  await opened.db.transaction((tx) => Promise.all(['a', 'b', 'c'].map((each) => tx.row(INSERT, { name: each }))));
  expect(await names()).toEqual(expect.arrayContaining(['a', 'b', 'c']));
});

test.each([0, 1, 2])('leave nothing and reject with its error when one of them fails (the one at %i)', async (bad) => {
  const outcomes: PromiseSettledResult<unknown>[] = [];
  const work = opened.db.transaction(async (tx) => {
    const all = [0, 1, 2].map((n) =>
      n === bad ? tx.row(DIVIDE, { by: 0 }) : tx.row(INSERT, { name: `beside${bad}x${n}` }),
    );
    const settled = Promise.allSettled(all).then((them) => outcomes.push(...them));
    await Promise.all(all).finally(() => settled);
  });
  await expect(work).rejects.toMatchObject({ code: '22012' });
  // Postgres refuses everything behind a failure.
  const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'));
  expect(reasons).toEqual([0, 1, 2].map((n) => (n < bad ? 'done' : n === bad ? '22012' : '25P02')));
  expect((await names()).filter((each) => each.startsWith('beside'))).toEqual([]);
});

test('that fail one and all leave no rejection that nobody handles, and the database answers afterwards', async () => {
  const work = opened.db.transaction((tx) => Promise.all([0, 0, 0].map((by) => tx.row(DIVIDE, { by }))));
  await expect(work).rejects.toMatchObject({ code: '22012' });
  await turn();
  await turn();
  expect(unhandled).toEqual([]);
  expect(await opened.db.row(DIVIDE, { by: 1 })).toEqual({ result: 1 });
});

test('that failed fail the transaction, even when its work does not mind', async () => {
  const work = opened.db.transaction(async (tx) => {
    await tx.row(INSERT, { name: 'before the failure' });
    await tx.row(DIVIDE, { by: 0 }).catch(() => undefined);
    return 'done';
  });
  await expect(work).rejects.toMatchObject({ code: '22012' });
  expect(await names()).not.toContain('before the failure');
});

test.each([
  ['fails', 'division by zero'],
  ['is done', 'the transaction is over'],
])('that are asked for after the work %s are not run', async (end, reason) => {
  let session: Session | undefined;
  const work = opened.db.transaction(async (tx) => {
    session = tx;
    await (end === 'fails' ? tx.row(DIVIDE, { by: 0 }) : tx.rows(APPLICATIONS, {}));
  });
  // What one branch of a Promise.all does once another has failed.
  const late = work.catch(() => undefined).then(() => session?.row(INSERT, { name: `late, ${end}` }));
  await expect(late).rejects.toThrow(reason);
  expect(await names()).not.toContain(`late, ${end}`);
});
