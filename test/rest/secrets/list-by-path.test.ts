// The list of an environment with `path`: the secret at that path and no other, also in what is opened and recorded.
import { beforeAll, expect, test } from 'vitest';
import { ask } from '../../support/graphql/client.js';
import { tokenWith } from '../../support/graphql/token-scopes.js';
import { clientOf, expectRefusal } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment, share } from '../../support/world.js';

const { app, owner, token } = await restSuite();
let environmentId: string;
/** By path. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  environmentId = await createEnvironment(app, token, app.world.applicationId);
  for (const path of ['db', 'db.host', 'db.hostName', 'mail']) {
    const secret = { path: path.split('.'), secretType: { type: 'Str' }, secretValue: `value of ${path}` };
    ids[path] = (await owner.create(environmentId, secret)).body.id;
  }
});

const list = (search: string, client = owner, init = {}) =>
  client.call('GET', `/v1/envs/${environmentId}/agent-secrets${search}`, init);
const pathsOf = ({ body }: Awaited<ReturnType<typeof list>>) => body.values.map(({ path }: any) => path.join('.'));

test.each([
  ['?path=db.host', ['db.host']],
  ['?path=db', ['db']],
  ['?other=1&path=mail&more', ['mail']],
  ['?path=db%2Ehost', ['db.host']],
  ['?path=', []],
  ['?path', []],
  ['?path=nothing', []],
  ['?path=DB.Host', []],
  ['?path=db.', []],
  ['?path=db.*', []],
  ['?path=%00', []],
  ['?path=%E0%A4%A', []],
  [`?path=${'x'.repeat(4_000)}`, []],
])('%s lists %j', async (search, paths) => {
  const answer = await list(search);
  expect([answer.status, pathsOf(answer)]).toEqual([200, paths]);
  for (const secret of answer.body.values)
    expect(secret).toEqual((await owner.get(ids[paths[0] as string] as string)).body);
});

test('without it, and with any other parameter, all are listed', async () => {
  const all = ['db', 'db.host', 'db.hostName', 'mail'];
  for (const search of ['', '?', '?Path=mail', '?path%5B%5D=mail', '?paths=mail', '?apath=mail']) {
    expect([search, pathsOf(await list(search))]).toEqual([search, all]);
  }
});

test('a path that is given twice is refused', async () => {
  expectRefusal(await list('?path=db&path=mail'), 400, 'INVALID_REQUEST', /^path: expected once$/);
});

test('only the value that is listed is opened', async () => {
  const reads = async () => {
    const document = `query ($id: UUID!) { environment(id: $id) { reads(first: 200) { edges { node { agentSecretId } } } } }`;
    return (await ask(app, token, document, { id: environmentId })).environment.reads.edges.length;
  };
  const before = await reads();
  await list('?path=mail');
  await list('?path=nothing');
  expect((await reads()) - before).toBe(1);
});

test('it shows nobody more than the whole list does', async () => {
  const { admin, viewer, stranger } = app.world.people;
  await share(app, token, environmentId, admin.id, ['ADMIN']);
  await share(app, token, environmentId, viewer.id, ['VIEWER']);
  const as = (secret: string) => list('?path=db.host', clientOf(app.server, secret));
  expect(pathsOf(await as(admin.token))).toEqual(['db.host']);
  expectRefusal(await as(viewer.token), 403, 'AUTH_FORBIDDEN');
  expectRefusal(await as(stranger.token), 404, 'ENVIRONMENT_NOT_FOUND');
  expectRefusal(await as(await tokenWith(app, token, { scopes: ['METADATA'] })), 403, 'AUTH_FORBIDDEN');
  expect(pathsOf(await as(await tokenWith(app, token, { pathPrefixes: ['mail'] })))).toEqual([]);
  expect(pathsOf(await as(await tokenWith(app, token, { pathPrefixes: ['db'] })))).toEqual(['db.host']);
});

test('who has it is answered 304 until something is written', async () => {
  const { headers } = await list('?path=mail');
  const known = { headers: { 'if-none-match': headers.etag as string } };
  expect((await list('?path=mail', owner, known)).status).toBe(304);
  await owner.made(environmentId);
  expect((await list('?path=mail', owner, known)).status).toBe(200);
});
