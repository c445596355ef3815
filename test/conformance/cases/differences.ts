// The declared differences of section 8 that no other case is about. In the profile of the original its side is expected.
import { either, refusal, secret, status, textRefusal } from '../verdict/expected.js';
import { MARK } from '../verdict/trial.js';
import { type Case, malformed, STR } from './case.js';

const mismatch = refusal(400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
const text400 = (number: number) => ({ number, golem: textRefusal(400) });

export const DIFFERENCES: readonly Case[] = [
  {
    id: 'differences/04-no-quotes',
    section: '8.4',
    title: 'A message names the place and what is expected there, and quotes nothing of the value',
    async run(t, { secrets }) {
      const value = MARK;
      for (const [type, given] of [
        ['{"type":"U8"}', `"${value}"`],
        ['{"type":"Enum","cases":["a"]}', `"${value}"`],
        ['{"type":"Record","fields":[]}', `{"${value}":1}`],
        ['{"type":"Variant","cases":[{"name":"a"}]}', `{"${value}":null}`],
      ]) {
        const body = `{"path":["${secrets.place()}"],"secretType":${type},"secretValue":${given}}`;
        const answer = await secrets.create(t, body);
        // That it quotes is noted for every answer, as a declared difference.
        t.expect(answer, mismatch, { number: 3, golem: secret() });
      }
    },
  },
  {
    id: 'differences/10-beyond-doubles',
    section: '8.10',
    title: 'A number beyond every double is judged by the type where it stands, and ignored where it is ignored',
    async run(t, { secrets }) {
      const create = (type: string, value: string, more = '') =>
        secrets.create(
          t,
          `{"path":["${secrets.place()}"],"secretType":{"type":"${type}"},"secretValue":${value}${more}}`,
        );
      for (const type of ['U64', 'Str']) t.expect(await create(type, '1e400'), mismatch, text400(10));
      t.expect(await create('F64', '1e400'), either(mismatch, refusal(400, 'INVALID_REQUEST')), text400(10));
      t.expect(await create('Bool', 'true', ',"ignored":1e400'), secret({ revision: 0 }), text400(10));
      const { id } = await secrets.made(t);
      const { contract } = malformed();
      t.expect(await secrets.update(t, id, '{"currentRevision":1e400}'), contract, text400(10));
    },
  },
  {
    id: 'differences/11-charsets',
    section: '8.11',
    title: 'Charsets other than UTF-8 and encoded bodies are 415; a parameter without a value is tolerated',
    async run(t, { secrets }) {
      const body = () => `{"path":["${secrets.place()}"],${STR}}`;
      const unsupported = refusal(415, 'UNSUPPORTED_MEDIA_TYPE');
      const charset = 'application/json; charset=iso-8859-1';
      t.expect(await secrets.create(t, body(), { contentType: charset }), unsupported, {
        number: 11,
        golem: status(200),
      });
      const encoded = await secrets.create(t, body(), { headers: [['content-encoding', 'gzip']] });
      const golem = either(status(200), status(400), status(415));
      t.expect(encoded, unsupported, { number: 11, golem });
      const bare = await secrets.create(t, body(), { contentType: 'application/json; charset' });
      t.expect(bare, secret({ revision: 0 }), { number: 11, golem: either(status(400), status(415)) });
    },
  },
  {
    id: 'differences/12-f32',
    section: '8.12',
    title: 'F32 takes everything that rounds to a finite one',
    async run(t, { secrets }) {
      const create = (value: string) =>
        secrets.create(t, `{"path":["${secrets.place()}"],"secretType":{"type":"F32"},"secretValue":${value}}`);
      t.expect(await create('3.4028235677973365e38'), secret({ revision: 0 }), { number: 12, golem: mismatch });
      t.expect(await create('3.5e38'), mismatch);
    },
  },
  {
    id: 'differences/13-current-revision',
    section: '8.13',
    title: 'current_revision has no sign and at most 20 digits, and is given once',
    async run(t, { secrets }) {
      const { contract } = malformed();
      for (const query of ['%2B0', '000000000000000000000', '0&current_revision=0']) {
        const { id } = await secrets.made(t);
        t.expect(await secrets.remove(t, id, query), contract, {
          number: 13,
          golem: either(textRefusal(400), secret()),
        });
      }
    },
  },
  {
    id: 'differences/14-headers',
    section: '8.14',
    title: 'Two Authorization headers are 401; a quoted cookie is read without its quotes',
    async run(t, { secrets, ownToken }) {
      const { id } = await secrets.made(t);
      const twice = await secrets.get(t, id, { headers: [['authorization', `Bearer ${ownToken}`]] });
      t.expect(twice, refusal(401, 'AUTH_UNAUTHORIZED'), {
        number: 14,
        golem: either(secret({ id }), textRefusal(401)),
      });
      const quoted = [['cookie', `GOLEM_SESSION="${ownToken}"`]] as const;
      const golem = either(textRefusal(401), refusal(401, 'AUTH_UNAUTHORIZED'));
      t.expect(await secrets.get(t, id, { token: null, headers: quoted }), secret({ id }), { number: 14, golem });
    },
  },
  {
    id: 'differences/15-depth',
    section: '8.15',
    title: 'Types nest 64 levels and ignored keys as many as 200, and neither has no limit',
    async run(t, { secrets }) {
      const lists = (levels: number) =>
        `${'{"type":"List","inner":'.repeat(levels - 1)}{"type":"Bool"}${'}'.repeat(levels - 1)}`;
      const create = (type: string, ignored = 1) =>
        secrets.create(
          t,
          `{"path":["${secrets.place()}"],"secretType":${type},"x":${'['.repeat(ignored)}${']'.repeat(ignored)}}`,
        );
      t.expect(await create(lists(64)), secret({ revision: 0 }));
      const { contract } = malformed();
      t.expect(await create(lists(65)), contract, { number: 15, golem: either(secret(), textRefusal(400)) });
      t.expect(await create('{"type":"Bool"}', 200), secret({ revision: 0 }), text400(15));
      t.expect(await create('{"type":"Bool"}', 300), contract, text400(15));
    },
  },
  {
    id: 'differences/16-dots-for-ids',
    section: '8.16',
    title: 'Ids that are empty or dots are 404',
    async run(t) {
      for (const id of ['', '.', '..']) {
        const answer = await t.send({ method: 'GET', path: `/v1/agent-secrets/${id}` });
        t.expect(answer, refusal(404, 'NOT_FOUND'), { number: 16, golem: either(status(404), textRefusal(400)) });
      }
    },
  },
  {
    id: 'differences/18-root',
    section: '8.18',
    title: 'The root leads to the documentation',
    async run(t) {
      const answer = await t.send({ method: 'GET', path: '/', token: null });
      t.expect(answer, status(302), { number: 18, golem: either(status(200), status(404)) });
    },
  },
  {
    id: 'differences/20-doubled-cases',
    section: '8.20',
    title: 'Of cases of one name the first counts, and a value that fits only a later one is refused',
    async run(t, { secrets }) {
      // The process of the original ends at this request.
      if (t.profile === 'golem-1.5.9') return;
      const type = '{"type":"Variant","cases":[{"name":"a","typ":{"type":"U8"}},{"name":"a","typ":{"type":"Str"}}]}';
      const create = (value: string) =>
        secrets.create(t, `{"path":["${secrets.place()}"],"secretType":${type},"secretValue":${value}}`);
      t.expect(await create('{"a":"x"}'), mismatch);
      t.expect(await create('{"a":1}'), secret({ revision: 0 }));
    },
  },
];
