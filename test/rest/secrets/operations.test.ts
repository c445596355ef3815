// What the five operations answer: shapes, revisions, what each kind of update does, canonical paths, order.
import { describe, expect, test } from 'vitest';
import { expectRefusal, place, send } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

const { app, owner, environmentId } = await restSuite();

const freshEnvironment = () => createEnvironment(app, app.world.people.owner.token, app.world.applicationId);

const str = (secret: object = {}) => ({ path: [place()], secretType: { type: 'Str' }, ...secret });

describe('a secret', () => {
  test('has exactly the six documented keys in every answer, with a value and without', async () => {
    const environment = await freshEnvironment();
    for (const secretValue of ['some', null]) {
      const created = await owner.create(environment, str({ secretValue }));
      const { id } = created.body;
      const updated = await owner.update(id, { currentRevision: 0 });
      const read = await owner.get(id);
      const [listed] = (await owner.list(environment)).body.values;
      const deleted = await owner.remove(id, 1);
      for (const secret of [created.body, updated.body, read.body, listed, deleted.body]) {
        expect(Object.keys(secret).sort()).toEqual([
          'environmentId',
          'id',
          'path',
          'revision',
          'secretType',
          'secretValue',
        ]);
        expect(secret).toMatchObject({ id, environmentId: environment, path: created.body.path });
        expect(secret.secretType).toEqual({ type: 'Str' });
      }
      expect([created, updated, read, deleted].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    }
  });

  test('has lower-case hyphenated ids, also when asked for in upper case', async () => {
    const created = await owner.create(environmentId.toUpperCase(), str());
    const { id } = created.body;
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(created.body.environmentId).toBe(environmentId);
    expect((await owner.get(id.toUpperCase())).body).toEqual(created.body);
    expect((await owner.update(id.toUpperCase(), { currentRevision: 0 })).body.id).toBe(id);
    expect((await owner.remove(id.toUpperCase(), 1)).body.id).toBe(id);
  });

  test('absent or null, there is no value', async () => {
    expect((await owner.made(environmentId, { secretValue: undefined })).secretValue).toBeNull();
    expect((await owner.made(environmentId, { secretValue: null })).secretValue).toBeNull();
  });

  test('comes with its type in canonical form: known keys only, absent optional ones omitted', async () => {
    const bool = { type: 'Bool' };
    const given = {
      doc: 'ignored',
      type: 'Record',
      name: null,
      fields: [
        { name: 'a', typ: { type: 'Str', name: 'dropped', owner: 'dropped' }, doc: 'ignored' },
        { name: 'b', typ: { type: 'Result', ok: null, err: bool } },
        { name: 'c', typ: { type: 'Variant', cases: [{ name: 'x', typ: null }, { name: 'y' }], owner: 'own' } },
        { name: 'd', typ: { type: 'List', inner: bool, name: 'tags', owner: null } },
      ],
    };
    const canonical = {
      type: 'Record',
      fields: [
        { name: 'a', typ: { type: 'Str' } },
        { name: 'b', typ: { type: 'Result', err: bool } },
        { name: 'c', typ: { type: 'Variant', cases: [{ name: 'x' }, { name: 'y' }], owner: 'own' } },
        { name: 'd', typ: { type: 'List', inner: bool, name: 'tags' } },
      ],
    };
    const secret = await owner.made(environmentId, { secretType: given, secretValue: null });
    expect(secret.secretType).toEqual(canonical);
    expect((await owner.get(secret.id)).body.secretType).toEqual(canonical);
  });

  test('is made from known keys only', async () => {
    const id = '01890000-0000-7000-8000-000000000000';
    const unknown = { id, revision: 7, environmentId: id, secretValueText: '"x"', __typename: 'x', Path: ['y'] };
    const secret = await owner.made(environmentId, unknown);
    expect(secret).toMatchObject({ environmentId, revision: 0, secretValue: 'some' });
    expect(secret.id).not.toBe(id);
  });
});

describe('an update', () => {
  test.each([
    ['absent', {}],
    ['null', { secretValue: null }],
  ])('with secretValue %s keeps the value and adds 1 to the revision', async (_, change) => {
    const { id } = await owner.made(environmentId, { secretValue: 'kept' });
    for (const currentRevision of [0, 1, 2]) {
      const { body } = await owner.update(id, { currentRevision, ...change });
      expect(body).toMatchObject({ revision: currentRevision + 1, secretValue: 'kept' });
      expect((await owner.get(id)).body).toEqual(body);
    }
  });

  test('with op unset removes the value, and with op set gives it one again', async () => {
    const { id } = await owner.made(environmentId);
    const change = async (currentRevision: number, secretValue: object) => {
      const { body } = await owner.update(id, { currentRevision, secretValue });
      expect((await owner.get(id)).body).toEqual(body);
      return body;
    };
    expect(await change(0, { op: 'unset', value: 'ignored' })).toMatchObject({ revision: 1, secretValue: null });
    expect(await change(1, { op: 'unset' })).toMatchObject({ revision: 2, secretValue: null });
    expect(await change(2, { op: 'set', value: 'new', more: 1 })).toMatchObject({ revision: 3, secretValue: 'new' });
    expect(await change(3, { op: 'set', value: 'new' })).toMatchObject({ revision: 4, secretValue: 'new' });
  });

  test('sets null as a value: none of an Option, a mismatch for other types', async () => {
    const optional = { secretType: { type: 'Option', inner: { type: 'Str' } }, secretValue: 'some' };
    const set = { currentRevision: 0, secretValue: { op: 'set', value: null } };
    const option = await owner.made(environmentId, optional);
    expect((await owner.update(option.id, set)).body).toMatchObject({ revision: 1, secretValue: null });
    const { id } = await owner.made(environmentId);
    expectRefusal(await owner.update(id, set), 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH', '$: expected string');
    expect((await owner.get(id)).body).toMatchObject({ revision: 0, secretValue: 'some' });
  });

  test('of path or type is ignored, like any unknown key', async () => {
    const { id, path } = await owner.made(environmentId);
    const body = { currentRevision: 0, path: ['elsewhere'], secretType: { type: 'U8' }, id: path[0], revision: 9 };
    expect((await owner.update(id, body)).body).toMatchObject({ path, secretType: { type: 'Str' }, revision: 1 });
    const nonsense = { currentRevision: 1, path: 7, secretType: 'nonsense' };
    expect((await owner.update(id, nonsense)).body).toMatchObject({ path, revision: 2 });
  });

  test('of one secret leaves the others alone', async () => {
    const [one, other] = [await owner.made(environmentId), await owner.made(environmentId)];
    await owner.update(one.id, { currentRevision: 0, secretValue: { op: 'unset' } });
    expect((await owner.get(other.id)).body).toEqual(other);
  });
});

describe('a deletion', () => {
  test('answers the secret without its value and with the next revision; after it the id is unknown', async () => {
    const secret = await owner.made(environmentId);
    const { body } = await owner.remove(secret.id, 0);
    expect(body).toEqual({ ...secret, revision: 1, secretValue: null });
    expectRefusal(await owner.get(secret.id), 404, 'AGENT_SECRET_NOT_FOUND');
    const listed = (await owner.list(environmentId)).body.values.map(({ id }: { id: string }) => id);
    expect(listed).not.toContain(secret.id);
  });

  test('frees the path: the next secret there has a new id and revision 0', async () => {
    const path = [place(), 'again'];
    const first = await owner.made(environmentId, { path });
    await owner.update(first.id, { currentRevision: 0 });
    await owner.remove(first.id, 1);
    const second = await owner.made(environmentId, { path, secretType: { type: 'U8' }, secretValue: 2 });
    expect(second).toMatchObject({ path, revision: 0, secretValue: 2 });
    expect(second.id).not.toBe(first.id);
    expectRefusal(await owner.get(first.id), 404, 'AGENT_SECRET_NOT_FOUND');
    await owner.remove(second.id, 0);
    expect((await owner.made(environmentId, { path })).revision).toBe(0);
  });

  test('ignores a body', async () => {
    const { id } = await owner.made(environmentId);
    const path = `/v1/agent-secret/${id}?current_revision=0`;
    expect((await owner.call('DELETE', path, { body: '{"no json', contentType: 'text/plain' })).status).toBe(200);
  });
});

describe('a path', () => {
  test('is unique in its canonical form, in its environment, among secrets not deleted', async () => {
    const name = place();
    const { path } = await owner.made(environmentId, { path: ['api_key', name] });
    expect(path).toEqual(['apiKey', name]);
    for (const spelling of ['apiKey', 'api-key', 'API KEY', 'ApiKey', '_api.key_']) {
      const answer = await owner.create(environmentId, str({ path: [spelling, name] }));
      expectRefusal(answer, 409, 'AGENT_SECRET_ALREADY_EXISTS', /apiKey\.p/);
    }
    await owner.made(await freshEnvironment(), { path: ['api_key', name] });
  });

  test('is converted once, for the conversion is not idempotent', async () => {
    const environment = await freshEnvironment();
    expect((await owner.made(environment, { path: ['a_b_c'] })).path).toEqual(['aBC']);
    expect((await owner.made(environment, { path: ['aBC'] })).path).toEqual(['aBc']);
    const read = (await owner.list(environment)).body.values.map((secret: { path: string[] }) => secret.path);
    expect(read).toEqual([['aBC'], ['aBc']]);
  });

  test('keeps its number of segments: a dot inside one only separates words', async () => {
    const environment = await freshEnvironment();
    expect((await owner.made(environment, { path: ['db.password'] })).path).toEqual(['dbPassword']);
    expect((await owner.made(environment, { path: ['db', 'password'] })).path).toEqual(['db', 'password']);
    expect((await owner.made(environment, { path: ['db', 'pass', 'word'] })).path).toEqual(['db', 'pass', 'word']);
  });
});

describe('the list', () => {
  test('is empty at first, then every secret as it is read by id, ordered by canonical path', async () => {
    const environment = await freshEnvironment();
    expect((await owner.list(environment)).body).toEqual({ values: [] });
    const spellings = [['z'], ['É'], ['a', 'b'], ['a_b'], ['a'], ['ab'], ['10'], ['9'], ['a', 'B', 'c'], ['Z', 'a']];
    for (const path of spellings) await owner.made(environment, { path });
    const { values } = (await owner.list(environment)).body;
    const text = (secret: { path: string[] }) => secret.path.join('.');
    expect(values.map(text)).toEqual(['10', '9', 'a', 'a.b', 'a.b.c', 'aB', 'ab', 'z', 'z.a', 'é']);
    for (const secret of values) expect((await owner.get(secret.id)).body).toEqual(secret);
    await owner.update(values[3].id, { currentRevision: 0 });
    expect((await owner.list(environment)).body.values.map(text)).toEqual(values.map(text));
  });
});

describe('HEAD', () => {
  test('answers like GET without a body', async () => {
    const secret = await owner.made(environmentId);
    for (const path of [`/v1/agent-secrets/${secret.id}`, `/v1/envs/${environmentId}/agent-secrets`]) {
      const [head, get] = [await owner.call('HEAD', path), await owner.call('GET', path)];
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
    }
  });

  test('is refused like GET', async () => {
    const { id } = await owner.made(environmentId);
    const path = `/v1/agent-secrets/${id}`;
    expect((await send(app.server, { method: 'HEAD', path })).status).toBe(401);
    expect((await app.as('viewer').call('HEAD', path)).status).toBe(404);
    expect((await app.as('viewer').call('HEAD', `/v1/envs/${environmentId}/agent-secrets`)).status).toBe(403);
    expect((await owner.call('HEAD', '/v1/agent-secrets/x')).status).toBe(400);
  });
});
