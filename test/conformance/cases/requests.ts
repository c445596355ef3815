// What a request must be: JSON, its shape, content types, ids, routes.
import { Buffer } from 'node:buffer';
import { refusal, secret, status, textRefusal } from '../verdict/expected.js';
import { type Case, malformed, STR, UNKNOWN_ID } from './case.js';

/** The body behind its path, and why it is refused. */
const BAD_CREATES: readonly (readonly [name: string, rest: string])[] = [
  ['duplicate-key', `${STR},${STR}`],
  ['duplicate-key-deep', `${STR},"x":{"a":1,"a":1}`],
  ['lone-surrogate-value', `${STR},"secretValue":"\\ud83d"`],
  ['lone-surrogate-low', `${STR},"secretValue":"\\udd11\\ud83d"`],
  ['lone-surrogate-key', `${STR},"secretValue":{"\\ud83d":1}`],
  ['lone-surrogate-name', '"secretType":{"type":"Enum","cases":["\\ud83d"]}'],
  ['lone-surrogate-ignored', `${STR},"ignored":["\\udfff"]`],
  ['lone-surrogate-ignored-key', `${STR},"\\udfff":0`],
  ['single-quotes', "'secretType':{}"],
  ['trailing-comma', `${STR},`],
  ['number-with-zero', `${STR},"x":01`],
  ['number-with-plus', `${STR},"x":+1`],
  ['number-nan', `${STR},"x":NaN`],
  ['control-character', `${STR},"x":"\u0001"`],
  ['unknown-escape', `${STR},"x":"\\x41"`],
  ['type-missing', '"secretValue":1'],
  ['type-null', '"secretType":null'],
  ['type-snake-case', '"secret_type":{"type":"Str"}'],
  ['type-unknown', '"secretType":{"type":"str"}'],
  ['type-placeholder', '"secretType":{"type":"Variant","cases":[{"name":"a","typ":{}}]}'],
];
const BAD_UPDATES: readonly (readonly [name: string, body: string])[] = [
  ['revision-missing', '{}'],
  ['revision-null', '{"currentRevision":null}'],
  ['revision-snake-case', '{"current_revision":0}'],
  ['revision-string', '{"currentRevision":"0"}'],
  ['revision-negative', '{"currentRevision":-1}'],
  ['revision-fraction', '{"currentRevision":0.5}'],
  ['revision-too-large', '{"currentRevision":18446744073709551616}'],
  ['op-missing', '{"currentRevision":0,"secretValue":{}}'],
  ['op-unknown', '{"currentRevision":0,"secretValue":{"op":"keep"}}'],
  ['op-null', '{"currentRevision":0,"secretValue":{"op":null}}'],
  ['set-without-value', '{"currentRevision":0,"secretValue":{"op":"set"}}'],
  ['change-string', '{"currentRevision":0,"secretValue":"set"}'],
  ['change-array', '{"currentRevision":0,"secretValue":[]}'],
  ['lone-surrogate', '{"currentRevision":0,"secretValue":{"op":"set","value":"\\ud83d"}}'],
  ['lone-surrogate-ignored', '{"currentRevision":0,"x":"\\ud83d"}'],
];

const bodies: Case[] = [
  ...BAD_CREATES.map(
    ([name, rest]): Case => ({
      id: `requests/create-${name}`,
      section: '2',
      title: `A create is refused as malformed: ${name}`,
      async run(t, { secrets }) {
        const { contract, declared } = malformed();
        t.expect(await secrets.create(t, `{"path":["${secrets.place()}"],${rest}}`), contract, declared);
      },
    }),
  ),
  ...BAD_UPDATES.map(
    ([name, body]): Case => ({
      id: `requests/update-${name}`,
      section: '2',
      title: `An update is refused as malformed: ${name}`,
      async run(t, { secrets }) {
        const { id } = await secrets.made(t);
        const { contract, declared } = malformed();
        t.expect(await secrets.update(t, id, body), contract, declared);
        t.expect(await secrets.get(t, id), secret({ revision: 0 }));
      },
    }),
  ),
];

const TYPES: readonly (readonly [name: string, contentType: string | null, isFine: boolean])[] = [
  ['json', 'application/json', true],
  ['json-utf8', 'application/json; charset=utf-8', true],
  ['json-upper-case', 'Application/JSON; charset="UTF-8"', true],
  ['merge-patch', 'application/merge-patch+json', true],
  ['vendor', 'application/vnd.golem+json; charset=utf-8', true],
  ['none', null, false],
  ['text', 'text/plain', false],
  ['form', 'application/x-www-form-urlencoded', false],
  ['json-like', 'application/jsonp', false],
];

const contentTypes = TYPES.map(
  ([name, contentType, isFine]): Case => ({
    id: `requests/content-type-${name}`,
    section: '2',
    title: `A body of the type ${contentType ?? 'that is not said'} is ${isFine ? 'taken' : 'refused'}`,
    async run(t, { secrets }) {
      const answer = await secrets.create(t, `{"path":["${secrets.place()}"],${STR}}`, { contentType });
      if (isFine) t.expect(answer, secret({ revision: 0 }));
      else t.expect(answer, refusal(415, 'UNSUPPORTED_MEDIA_TYPE'), { number: 1, golem: textRefusal(415) });
    },
  }),
);

export const REQUESTS: readonly Case[] = [
  ...bodies,
  ...contentTypes,
  {
    id: 'requests/not-json',
    section: '2',
    title:
      'What is no JSON object in UTF-8 is refused: a byte order mark, trailing text, other values, other bytes, depth',
    async run(t, { secrets }) {
      const { contract, declared } = malformed();
      const good = () => `{"path":["${secrets.place()}"],${STR}}`;
      const bad = [
        '',
        ' ',
        '[]',
        'null',
        '"x"',
        '{',
        `\ufeff${good()}`,
        `${good()} x`,
        `${good()}${good()}`,
        '['.repeat(100_000),
      ];
      const latin1 = Buffer.from(good().replace('Str"', 'Str","x":"é"'), 'latin1');
      for (const body of [...bad, latin1]) t.expect(await secrets.create(t, body), contract, declared);
    },
  },
  {
    id: 'requests/ignored-keys',
    section: '2',
    title: 'Unknown keys are ignored in requests and in types, and a missing key equals null',
    async run(t, { secrets }) {
      const body = `{"x":{"y":[1e3]},"path":["${secrets.place()}"],"secretType":{"type":"Str","name":"n","x":1},"secretvalue":1}`;
      t.expect(await secrets.create(t, body), secret({ revision: 0, value: null }));
    },
  },
  {
    id: 'requests/ids',
    section: '2',
    title: 'Ids are taken in every form of a UUID and answered lower-case and hyphenated; others are malformed',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const digits = id.replaceAll('-', '');
      const forms = [id.toUpperCase(), digits, digits.toUpperCase(), `%7B${id}%7D`, `urn:uuid:${id}`];
      for (const form of forms) t.expect(await secrets.get(t, form), secret({ id }));
      const { contract, declared } = malformed();
      for (const form of ['1', 'x', `${id}0`, id.slice(1), `g${id.slice(1)}`]) {
        t.expect(await secrets.get(t, form), contract, declared);
      }
    },
  },
  {
    id: 'requests/routes',
    section: '2',
    title: 'Routing looks at the path as it was sent: dot segments and escaped letters match nothing',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const environment = secrets.environmentId;
      for (const path of [
        '/v1/nothing',
        `/v1/./envs/${environment}/agent-secrets`,
        `/v1/x/../envs/${environment}/agent-secrets`,
        `/v1/%65nvs/${environment}/agent-secrets`,
        `/v1/envs/${environment}/agent-secret%73`,
        `/V1/envs/${environment}/agent-secrets`,
        `/v1//agent-secrets/${id}`,
        `/v1/agent-secret/${id}/more`,
      ]) {
        const golem = { number: 1, golem: status(404) };
        t.expect(await t.send({ method: 'GET', path }), refusal(404, 'NOT_FOUND'), golem);
      }
    },
  },
  {
    id: 'requests/methods',
    section: '3',
    title: 'Another method on a known path is 405, with the methods that are allowed',
    async run(t, { secrets }) {
      for (const [method, path] of [
        ['PUT', `/v1/envs/${secrets.environmentId}/agent-secrets`],
        ['DELETE', `/v1/agent-secrets/${UNKNOWN_ID}`],
        ['GET', `/v1/agent-secret/${UNKNOWN_ID}`],
        ['POST', `/v1/agent-secrets/${UNKNOWN_ID}`],
      ] as const) {
        const answer = await t.send({ method, path });
        t.expect(answer, refusal(405, 'METHOD_NOT_ALLOWED'), { number: 1, golem: status(405) });
        if (t.profile === 'contract') t.must((answer.headers.allow ?? '') !== '', 'a header Allow', 'none', answer);
      }
    },
  },
  {
    id: 'requests/delete-revision',
    section: '2',
    title: 'A delete needs current_revision, in plain digits',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const { contract, declared } = malformed();
      for (const revision of ['', '-1', 'x', '0.0', '1e0', '18446744073709551616']) {
        t.expect(await secrets.remove(t, id, revision), contract, declared);
      }
      t.expect(await t.send({ method: 'DELETE', path: `/v1/agent-secret/${id}` }), contract, declared);
      t.expect(await secrets.get(t, id), secret({ revision: 0 }));
    },
  },
];
