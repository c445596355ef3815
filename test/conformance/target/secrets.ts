// The five operations on the kit's own secrets. It keeps account of what it has made, and takes everything away at the end.
import { randomBytes } from 'node:crypto';
import { type Json, member, Num } from '../json/strict.js';
import { secret } from '../verdict/expected.js';
import type { Trial } from '../verdict/trial.js';
import type { Answer, Http, Sent } from './http.js';

export interface Made {
  id: string;
  revision: number;
  path: string[];
}

export interface Secrets {
  environmentId: string;
  /** A path in the kit's own place, and nobody else's. */
  place(): string;
  list(t: Trial, more?: Partial<Sent>): Promise<Answer>;
  /** The body is JSON text as it goes out. */
  create(t: Trial, body: string | Uint8Array, more?: Partial<Sent>): Promise<Answer>;
  get(t: Trial, id: string, more?: Partial<Sent>): Promise<Answer>;
  update(t: Trial, id: string, body: string, more?: Partial<Sent>): Promise<Answer>;
  remove(t: Trial, id: string, revision: number | string, more?: Partial<Sent>): Promise<Answer>;
  /** A secret that must be made: a Str with a value, unless said otherwise. */
  made(t: Trial, parts?: { path?: string[]; typeText?: string; valueText?: string }): Promise<Made>;
  /** The items of a list that are below this first segment of a path. */
  own(answer: Answer, first: string): Json[];
  /** Removes what this case has made: environments hold only so many. */
  release(t: Trial): Promise<void>;
  /** Removes whatever else is below the kit's place. Returns how many are left. */
  cleanUp(): Promise<number>;
}

export function createSecrets(http: Http, environmentId: string): Secrets {
  const run = randomBytes(4).toString('hex');
  const prefix = `conformance${run}x`;
  /** Segments of this form come back unchanged from the conversion of paths. */
  const newPlace = () => prefix + randomBytes(5).toString('hex');
  /** Of each case the secrets that it has made and not removed, with their last known revisions. */
  const made = new Map<Trial, Map<string, string>>();
  const listPath = `/v1/envs/${environmentId}/agent-secrets`;
  const isOwn = (one: Json) => {
    const first = (member(one, 'path') as Json[] | undefined)?.[0];
    return typeof first === 'string' && first.startsWith(prefix);
  };
  const note = (t: Trial, answer: Answer): Answer => {
    const [id, revision] = [member(answer.json, 'id'), member(answer.json, 'revision')];
    if (answer.status >= 300 || typeof id !== 'string' || !(revision instanceof Num)) return answer;
    const own = made.get(t) ?? new Map<string, string>();
    made.set(t, own);
    if (answer.sent.method === 'DELETE') own.delete(id);
    else own.set(id, revision.text);
    return answer;
  };
  const removeAt = (id: string, revision: string) =>
    http.send({ method: 'DELETE', path: `/v1/agent-secret/${id}?current_revision=${revision}` });
  const removeNow = async (id: string) => {
    const revision = member((await http.send({ method: 'GET', path: `/v1/agent-secrets/${id}` })).json, 'revision');
    if (revision instanceof Num) await removeAt(id, revision.text);
  };

  const secrets: Secrets = {
    environmentId,
    place: newPlace,
    list: (t, more) => t.send({ method: 'GET', path: listPath, ...more }),
    create: async (t, body, more) => note(t, await t.send({ method: 'POST', path: listPath, body, ...more })),
    get: (t, id, more) => t.send({ method: 'GET', path: `/v1/agent-secrets/${id}`, ...more }),
    update: async (t, id, body, more) =>
      note(t, await t.send({ method: 'PATCH', path: `/v1/agent-secrets/${id}`, body, ...more })),
    async remove(t, id, revision, more) {
      const path = `/v1/agent-secret/${id}?current_revision=${revision}`;
      return note(t, await t.send({ method: 'DELETE', path, ...more }));
    },
    async made(t, { path = [newPlace()], typeText = '{"type":"Str"}', valueText = '"some"' } = {}) {
      const body = `{"path":${JSON.stringify(path)},"secretType":${typeText},"secretValue":${valueText}}`;
      const answer = await secrets.create(t, body);
      t.expect(answer, secret());
      const [id, revision] = [member(answer.json, 'id') as string, member(answer.json, 'revision')];
      const shown = member(answer.json, 'path') as string[];
      return { id, revision: revision instanceof Num ? Number(revision.text) : 0, path: shown };
    },
    own: (answer, first) => {
      const values = member(answer.json, 'values');
      return Array.isArray(values) ? values.filter((one) => (member(one, 'path') as Json[])?.[0] === first) : [];
    },
    async release(t) {
      for (const [id, revision] of made.get(t) ?? []) {
        if ((await removeAt(id, revision)).status !== 200) await removeNow(id);
      }
      made.delete(t);
    },
    async cleanUp() {
      const listed = async () => {
        const values = member((await http.send({ method: 'GET', path: listPath })).json, 'values');
        return Array.isArray(values) ? values.filter(isOwn).map((one) => member(one, 'id') as string) : [];
      };
      for (const t of made.keys()) await secrets.release(t);
      for (const id of await listed()) await removeNow(id);
      return (await listed()).length;
    },
  };
  return secrets;
}
