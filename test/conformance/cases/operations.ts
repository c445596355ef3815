// The five operations, each as the contract shows it.
import { member, parseStrict } from '../json/strict.js';
import { refusal, secret, status } from '../verdict/expected.js';
import { MARK } from '../verdict/trial.js';
import type { Case } from './case.js';

const VALUE = `"${MARK}"`;
const STR_TYPE = parseStrict('{"type":"Str"}');

export const OPERATIONS: readonly Case[] = [
  {
    id: 'operations/create',
    section: '1',
    title: 'A create answers the secret at revision 0, and reads by id and in the list are the same',
    async run(t, { secrets }) {
      const path = [secrets.place(), 'api_key'];
      const body = `{"path":${JSON.stringify(path)},"secretType":{"type":"Str"},"secretValue":${VALUE}}`;
      const created = await secrets.create(t, body);
      const parts = { environmentId: secrets.environmentId, path: [path[0] as string, 'apiKey'], revision: 0 };
      const expected = secret({ ...parts, type: STR_TYPE, value: parseStrict(VALUE) });
      t.expect(created, expected);
      t.expect(await secrets.get(t, member(created.json, 'id') as string), expected);
      const listed = await secrets.list(t);
      t.expect(listed, status(200));
      const [own] = secrets.own(listed, path[0] as string);
      t.expect({ ...listed, json: own }, expected);
      t.must(
        [...(listed.json as Map<string, unknown>).keys()].join() === 'values',
        'a list with the one key values',
        'others',
        listed,
      );
    },
  },
  {
    id: 'operations/create-without-value',
    section: '2',
    title: 'Without a value, and with null, a secret is made that has none',
    async run(t, { secrets }) {
      for (const value of ['', ',"secretValue":null']) {
        const body = `{"path":["${secrets.place()}"],"secretType":{"type":"U8"}${value}}`;
        t.expect(await secrets.create(t, body), secret({ revision: 0, value: null }));
      }
    },
  },
  {
    id: 'operations/update-set',
    section: '2',
    title: 'An update sets the value, and null is one for an option only',
    async run(t, { secrets }) {
      const plain = await secrets.made(t);
      const set = (revision: number, value: string) =>
        `{"currentRevision":${revision},"secretValue":{"op":"set","value":${value}}}`;
      const expected = secret({ id: plain.id, revision: 1, value: parseStrict(VALUE) });
      t.expect(await secrets.update(t, plain.id, set(0, VALUE)), expected);
      t.expect(await secrets.get(t, plain.id), expected);
      const mismatch = refusal(400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
      t.expect(await secrets.update(t, plain.id, set(1, 'null')), mismatch);
      t.expect(await secrets.get(t, plain.id), expected);
      const typeText = '{"type":"Option","inner":{"type":"U8"}}';
      const option = await secrets.made(t, { typeText, valueText: '7' });
      t.expect(await secrets.update(t, option.id, set(0, 'null')), secret({ revision: 1, value: null }));
    },
  },
  {
    id: 'operations/update-unset',
    section: '2',
    title: 'An update removes the value, and the revision grows',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const unset = '{"currentRevision":0,"secretValue":{"op":"unset"}}';
      t.expect(await secrets.update(t, id, unset), secret({ revision: 1, value: null }));
      t.expect(await secrets.get(t, id), secret({ revision: 1, value: null, type: STR_TYPE }));
    },
  },
  {
    id: 'operations/update-keep',
    section: '2',
    title: 'An update without a value, and with null, keeps the value, and the revision grows all the same',
    async run(t, { secrets }) {
      const { id, path } = await secrets.made(t, { valueText: VALUE });
      const kept = (revision: number) => secret({ id, path, revision, value: parseStrict(VALUE) });
      t.expect(await secrets.update(t, id, '{"currentRevision":0}'), kept(1));
      t.expect(await secrets.update(t, id, '{"currentRevision":1,"secretValue":null}'), kept(2));
      t.expect(await secrets.get(t, id), kept(2));
    },
  },
  {
    id: 'operations/update-ignores',
    section: '2',
    title: 'An update changes neither path nor type, and ignores unknown keys',
    async run(t, { secrets }) {
      const { id, path } = await secrets.made(t);
      const body = '{"currentRevision":0,"path":["elsewhere"],"secretType":{"type":"U8"},"current_revision":9,"x":[1]}';
      t.expect(await secrets.update(t, id, body), secret({ id, path, revision: 1, type: STR_TYPE }));
    },
  },
  {
    id: 'operations/delete',
    section: '7',
    title: 'A delete answers the next revision without the value; the id is unknown after it, the path free',
    async run(t, { secrets }) {
      const { id, path } = await secrets.made(t, { valueText: VALUE });
      const removed = await secrets.remove(t, id, 0);
      const withValue = secret({ id, path, revision: 1, value: parseStrict(VALUE) });
      t.expect(removed, secret({ id, path, revision: 1, type: STR_TYPE, value: null }), {
        number: 5,
        golem: withValue,
      });
      const gone = refusal(404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${id} not found`);
      t.expect(await secrets.get(t, id), gone);
      t.expect(await secrets.update(t, id, '{"currentRevision":1}'), gone);
      t.expect(await secrets.remove(t, id, 1), gone);
      const again = await secrets.made(t, { path: [...path] });
      t.must(again.revision === 0 && again.id !== id, 'a new id at revision 0', `${again.id} at ${again.revision}`);
    },
  },
  {
    id: 'operations/list-order',
    section: '7',
    title: 'A list is ordered by canonical path, and every secret is in it once',
    async run(t, { secrets }) {
      const first = secrets.place();
      for (const name of ['zeta', 'alpha_one', 'Alpha', 'beta', 'b']) await secrets.made(t, { path: [first, name] });
      const own = secrets.own(await secrets.list(t), first);
      const paths = own.map((one) => (member(one, 'path') as string[]).join('.'));
      const wanted = ['alpha', 'alphaOne', 'b', 'beta', 'zeta'].map((name) => `${first}.${name}`);
      t.must(paths.join() === wanted.join(), `the order ${wanted}`, `${paths}`);
    },
  },
  {
    id: 'operations/list-conditional',
    section: '1',
    title: 'A list with a tag may be asked for again with it: 304, or the same list',
    async run(t, { secrets }) {
      const { path } = await secrets.made(t);
      const listed = t.expect(await secrets.list(t), status(200));
      t.must(secrets.own(listed, path[0] as string).length === 1, 'a list with the secret', 'none', listed);
      const { etag } = listed.headers;
      if (etag === undefined) return;
      await secrets.made(t, { path: [path[0] as string, 'more'] });
      const again = await secrets.list(t, { headers: [['if-none-match', etag]] });
      t.expect(again, status(200));
      t.must(secrets.own(again, path[0] as string).length === 2, 'the list after a write', 'an old one', again);
    },
  },
  {
    id: 'operations/conflicts',
    section: '3',
    title: 'A stale revision and a taken path are conflicts, each with its code and message',
    async run(t, { secrets }) {
      const { id, path } = await secrets.made(t, { path: [secrets.place(), 'taken'] });
      const conflict = refusal(409, 'CONCURRENT_UPDATE', 'Concurrent update attempt');
      t.expect(await secrets.update(t, id, '{"currentRevision":1}'), conflict);
      t.expect(await secrets.update(t, id, '{"currentRevision":18446744073709551615}'), conflict);
      t.expect(await secrets.remove(t, id, 7), conflict);
      t.expect(await secrets.remove(t, id, '18446744073709551615'), conflict);
      const body = `{"path":["${path[0]}","TAKEN"],"secretType":{"type":"U8"}}`;
      const message = `Agent secret for path ${path[0]}.taken already exists in environment`;
      t.expect(await secrets.create(t, body), refusal(409, 'AGENT_SECRET_ALREADY_EXISTS', message));
      t.expect(await secrets.get(t, id), secret({ revision: 0 }));
    },
  },
];
