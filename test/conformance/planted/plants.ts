// Ways of being wrong, one of each kind, and the cases that must find them.
import type { Answered, Forward, Passed, Plant } from './proxy.js';

export interface Planted {
  kind: string;
  /** Cases that find it; the test runs no others. */
  only: string[];
  /** The case that must differ. */
  finds: string;
  /** Made anew for each run, because some remember. */
  plant(token: string): Plant;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Changes the text of answers, where the request is one of these. */
function answersOf(isMeant: (passed: Passed, answered: Answered) => boolean, change: (text: string) => string): Plant {
  return async (passed, forward) => {
    const answered = await forward(passed);
    return isMeant(passed, answered) ? { ...answered, text: change(answered.text) } : answered;
  };
}

const isSuccess = (_: Passed, { status }: Answered) => status === 200;
const idIn = (path: string) => /^\/v1\/agent-secrets?\/([^/?]+)/.exec(path)?.[1] ?? '';

export const PLANTED: readonly Planted[] = [
  {
    kind: 'a status: a create answers 201',
    only: ['operations/create'],
    finds: 'operations/create',
    plant: () => async (passed, forward) => {
      const answered = await forward(passed);
      return passed.method === 'POST' && answered.status === 200 ? { ...answered, status: 201 } : answered;
    },
  },
  {
    kind: 'a missing key: no secretValue without a value',
    only: ['operations/update-unset'],
    finds: 'operations/update-unset',
    plant: () => answersOf(isSuccess, (text) => text.replace(',"secretValue":null', '')),
  },
  {
    kind: 'the shape of errors: another key',
    only: ['operations/conflicts'],
    finds: 'operations/conflicts',
    plant: () =>
      answersOf(
        (_, { status }) => status === 409,
        (text) => text.replace('}', ',"details":null}'),
      ),
  },
  {
    kind: 'a code: a stale revision is told by another one',
    only: ['operations/conflicts'],
    finds: 'operations/conflicts',
    plant: () =>
      answersOf(
        () => true,
        (text) => text.replace('CONCURRENT_UPDATE', 'REVISION_MISMATCH'),
      ),
  },
  {
    kind: 'the order of checks: the body before the credential',
    only: ['order/'],
    finds: 'order/credential-before-form',
    plant: () => async (passed, forward) => {
      const isAnonymous = passed.headers.authorization === undefined && passed.headers.cookie === undefined;
      if (!isAnonymous || passed.body !== '{') return forward(passed);
      return { status: 400, contentType: JSON_TYPE, headers: {}, text: '{"code":"INVALID_REQUEST","errors":["body"]}' };
    },
  },
  {
    kind: 'exact integers: doubles on the way',
    only: ['values/p-u64', 'values/p-s64'],
    finds: 'values/',
    plant: () => answersOf(isSuccess, (text) => JSON.stringify(JSON.parse(text))),
  },
  {
    kind: 'paths: converted twice',
    only: ['paths/path-'],
    finds: 'paths/path-',
    plant: () => answersOf(isSuccess, (text) => text.replaceAll('"aBC"', '"aBc"')),
  },
  {
    kind: 'revisions: an update that keeps the value does not count',
    only: ['operations/update-keep'],
    finds: 'operations/update-keep',
    plant: () => async (passed, forward) => {
      const isKept = passed.method === 'PATCH' && !passed.body.includes('"op"');
      return forward(isKept ? { ...passed, method: 'GET', body: '' } : passed);
    },
  },
  {
    kind: 'races: a lost update, because conflicts are tried again with the new revision',
    only: ['races/updates'],
    finds: 'races/updates',
    plant: () => (passed, forward) => insistently(passed, forward),
  },
  {
    kind: 'the order of lists',
    only: ['operations/list-order'],
    finds: 'operations/list-order',
    plant: () =>
      answersOf(
        ({ path }) => path.endsWith('/agent-secrets'),
        (text) => {
          const body = JSON.parse(text);
          return JSON.stringify(body.values ? { values: body.values.reverse() } : body);
        },
      ),
  },
  {
    kind: 'strictness: lone surrogates are taken in',
    only: ['requests/create-lone'],
    finds: 'requests/create-lone-surrogate-value',
    plant: () => (passed, forward) => forward({ ...passed, body: passed.body.replaceAll(/\\u[dD][89a-fA-F]../g, '?') }),
  },
  {
    kind: 'routing: paths are tidied',
    only: ['requests/routes'],
    finds: 'requests/routes',
    plant: () => (passed, forward) => {
      const { pathname, search } = new URL(passed.path, 'http://localhost');
      return forward({ ...passed, path: decodeURI(pathname) + search });
    },
  },
  {
    kind: 'credentials: whoever has none is let in',
    only: ['credentials/missing'],
    finds: 'credentials/missing',
    plant: (token) => (passed, forward) =>
      forward({ ...passed, headers: { authorization: `Bearer ${token}`, ...passed.headers } }),
  },
  {
    kind: 'memory: a deleted secret can still be read',
    only: ['operations/delete'],
    finds: 'operations/delete',
    plant: () => {
      const seen = new Map<string, Answered>();
      return async (passed, forward) => {
        const answered = await forward(passed);
        const id = passed.method === 'POST' ? /"id":"([^"]+)"/.exec(answered.text)?.[1] : idIn(passed.path);
        if (answered.status === 200 && id) seen.set(id, answered);
        return passed.method === 'GET' && answered.status === 404
          ? (seen.get(idIn(passed.path)) ?? answered)
          : answered;
      };
    },
  },
  {
    kind: 'what tools call: another version of the model',
    only: ['tools/'],
    finds: 'tools/kept-environment',
    plant: () => answersOf(isSuccess, (text) => text.replaceAll('"diffModelVersion":2', '"diffModelVersion":3')),
  },
  {
    kind: 'readable answers: a key twice',
    only: ['operations/create'],
    finds: 'operations/create',
    plant: () => answersOf(isSuccess, (text) => text.replace('"revision":', '"revision":0,"revision":')),
  },
];

/** Repeats an update with the revision that the secret has meanwhile, until it succeeds. */
async function insistently(passed: Passed, forward: Forward): Promise<Answered> {
  let answered = await forward(passed);
  for (let attempt = 0; attempt < 50 && passed.method === 'PATCH' && answered.status === 409; attempt += 1) {
    const read = await forward({ ...passed, method: 'GET', body: '' });
    const body = passed.body.replace(/"currentRevision":\d+/, `"currentRevision":${JSON.parse(read.text).revision}`);
    answered = await forward({ ...passed, body });
  }
  return answered;
}
