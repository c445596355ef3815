// Writers whom the database makes give way, by a deadlock (40P01) or a conflict (40001): they try once more, then 503.
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../server/process/client.js';
import { databaseKind } from '../../support/app.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { type Client, createRestApp, expectRefusal, type RestApp } from '../../support/rest/app.js';
import { unique } from '../../support/world.js';

describe.runIf(databaseKind() === 'postgres')('a write that has to give way', () => {
  let app: RestApp;
  let owner: Client;
  let admin: postgres.Sql;
  beforeAll(async () => {
    app = await createRestApp();
    owner = app.as('owner');
    admin = postgres((await adminUrlOf(app)).href, { max: 3, onnotice: () => {} });
    // A sequence counts what is rolled back, too.
    await admin.unsafe(`
      create sequence attempts;
      create table refusals (code text not null, count int not null);
      create function refuse() returns trigger language plpgsql as $$
        declare attempt bigint; given refusals;
        begin
          select * into given from refusals;
          if not found then return new; end if;
          attempt := nextval('attempts');
          if attempt <= given.count then raise exception 'made to give way' using errcode = given.code; end if;
          return new;
        end $$;
      create trigger refuse_revision before insert on agent_secret_revisions for each row execute function refuse();
      create trigger refuse_application before insert on applications for each row execute function refuse();`);
  });
  afterEach(async () => {
    await admin`delete from refusals`;
  });
  afterAll(async () => {
    await admin.end();
    await app.close();
  });

  async function refuse(code: string, count: number): Promise<void> {
    await admin`select setval('attempts', 1, false)`;
    await admin`delete from refusals`;
    await admin`insert into refusals values (${code}, ${count})`;
  }
  const attempts = async () =>
    Number((await admin`select case when is_called then last_value else 0 end as count from attempts`)[0]?.count);

  for (const code of ['40P01', '40001']) {
    test(`once (${code}) is tried again, and done once`, async () => {
      const { id } = await owner.made(app.world.environmentId);
      await refuse(code, 1);
      const answer = await owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 'x' } });
      expect(answer).toMatchObject({ status: 200, body: { revision: 1, secretValue: 'x' } });
      expect(await attempts()).toBe(2);
      expect(await admin`select revision from agent_secret_revisions where agent_secret_id = ${id} order by 1`).toEqual(
        [{ revision: '0' }, { revision: '1' }],
      );
    });

    test(`again and again (${code}) is answered 503 after few attempts, and changes nothing`, async () => {
      const { id } = await owner.made(app.world.environmentId);
      await refuse(code, 1_000);
      const answer = await owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 'x' } });
      expectRefusal(answer, 503, 'UNAVAILABLE');
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      // Two as one of a batch, and two alone.
      expect(await attempts()).toBe(4);
      await admin`delete from refusals`;
      expect((await owner.get(id)).body).toMatchObject({ revision: 0 });
    });

    test(`as a transaction of several statements (${code}) is tried again from its begin, once`, async () => {
      const create = 'mutation ($name: String!) { createApplication(input: { name: $name }) { __typename } }';
      const name = unique('contended');
      await refuse(code, 1);
      const { createApplication } = await ask(app, app.world.people.owner.token, create, { name });
      expect(createApplication).toEqual({ __typename: 'CreateApplicationPayload' });
      expect(await admin`select count(*)::int as count from applications where name = ${name}`).toEqual([{ count: 1 }]);

      await refuse(code, 1_000);
      const { errors } = await graphql(app, app.world.people.owner.token, create, { name: unique('contended') });
      expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
      expect(await attempts()).toBe(2);
    });
  }

  test('because of a real deadlock is tried again, and done', async () => {
    const { id } = await owner.made(app.world.environmentId);
    const { environmentId } = app.world;
    let update: Promise<{ status: number; body: any }> | undefined;
    await admin.begin(async (tx) => {
      // The service is to notice the deadlock first, so it is the one that gives way.
      await tx`set local deadlock_timeout = '20s'`;
      await tx`select 1 from agent_secrets where id = ${id} for update`;
      update = owner.update(id, { currentRevision: 0, secretValue: { op: 'set', value: 'x' } });
      await until('the update waits', async () => {
        const [waiting] = await admin`select 1 from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database() and pid <> pg_backend_pid()`;
        return waiting;
      });
      await tx`select 1 from environments where id = ${environmentId} for update`;
    });
    expect(await update).toMatchObject({ status: 200, body: { revision: 1, secretValue: 'x' } });
  });
});
