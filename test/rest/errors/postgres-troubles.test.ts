// What a caller is told about a database that cannot serve just now, by its cause.
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { servicesOn } from '../../../src/start/services.js';
import { openPostgres } from '../../../src/store/engine/client.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { type Client, clientOf, expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { app, owner, token, environmentId } = await restSuite();
let url: URL;
let admin: postgres.Sql;
beforeAll(async () => {
  url = await adminUrlOf(app);
  admin = postgres(url.href, { max: 1, onnotice: () => {} });
});
afterAll(() => admin?.end({ timeout: 5 }));

/** A client of a service that connects to the database in its own way. */
async function onOtherConnections<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const db = openPostgres({ url: address, poolSize: 1, statementTimeout: 2_000, connectTimeout: 2, prepare: true });
  try {
    const services = servicesOn(db, app.services.keyProvider, app.services.log);
    return await work(clientOf(await app.variant({}, services), token));
  } finally {
    await db.close();
  }
}

test('too many connections', async () => {
  const role = `limited_${randomBytes(4).toString('hex')}`;
  await admin.unsafe(`create role ${role} login password 'made-up' connection limit 0`);
  try {
    const address = Object.assign(new URL(url), { username: role, password: 'made-up' }).href;
    const answer = await onOtherConnections(address, (client) => client.list(environmentId));
    expectRefusal(answer, 503, 'UNAVAILABLE', 'The database has too many connections, try again later');
  } finally {
    await admin.unsafe(`drop role ${role}`);
  }
});

test('nobody at its address', async () => {
  const address = Object.assign(new URL(url), { port: '1' }).href;
  const answer = await onOtherConnections(address, (client) => client.list(environmentId));
  expectRefusal(answer, 503, 'UNAVAILABLE', 'The database is not reachable, try again later');
});

test.each([
  ['53100', 'is out of space'],
  ['53200', 'is short of memory or other resources'],
  ['57014', 'does not answer in time'],
])('a write that Postgres refuses with %s', async (code, words) => {
  await admin.unsafe(`
    create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'disk full: made up' using errcode = '${code}'; end $$;
    create trigger refuse before insert on agent_secrets for each row execute function refuse();`);
  try {
    const body = { path: ['refused'], secretType: { type: 'Str' }, secretValue: 'x' };
    const answer = await owner.create(environmentId, body);
    expectRefusal(answer, 503, 'UNAVAILABLE', `The database ${words}, try again later`);
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  } finally {
    await admin.unsafe('drop function refuse cascade');
  }
});
