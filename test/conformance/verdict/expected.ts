// What a case expects of an answer. Each expectation says in words what it wants, and why an answer is not that.
import { isSame, type Json, member, Num, print } from '../json/strict.js';
import type { Answer } from '../target/http.js';

export interface Expected {
  /** What is wanted, for the report. */
  wants: string;
  /** Why the answer is something else; undefined when it is what is wanted. */
  mismatch(answer: Answer): string | undefined;
}

export const JSON_TYPE = 'application/json; charset=utf-8';

/** One of several is enough. */
export function either(...expected: Expected[]): Expected {
  return {
    wants: expected.map(({ wants }) => wants).join(', or '),
    mismatch(answer) {
      const problems = expected.map((one) => one.mismatch(answer));
      return problems.includes(undefined) ? undefined : problems.join('; ');
    },
  };
}

export function status(wanted: number): Expected {
  return {
    wants: `status ${wanted}`,
    mismatch: (answer) => (answer.status === wanted ? undefined : `status ${answer.status}`),
  };
}

/** Whatever it is, as long as the target has answered at all and not with an error of its own. */
export function anything(): Expected {
  return {
    wants: 'any answer but a 5xx',
    mismatch: (answer) => (answer.status < 500 ? undefined : `status ${answer.status}`),
  };
}

/** A refusal as the contract has it: `{code, errors}` for 400, `{code, error}` for every other status, no other keys. */
export function refusal(wanted: number, code: string, message?: RegExp | string): Expected {
  return {
    wants: `${wanted} ${code}${message === undefined ? '' : ` with the message ${message}`}`,
    mismatch(answer) {
      if (answer.status !== wanted) return `status ${answer.status} ${codeOf(answer) ?? ''}`.trim();
      if (codeOf(answer) !== code) return `the code ${codeOf(answer) ?? 'is missing'}`;
      const wrongShape = shapeProblem(answer);
      if (wrongShape !== undefined) return wrongShape;
      if (message === undefined) return undefined;
      const messages = messagesOf(answer);
      const fits = messages.some((text) => (typeof message === 'string' ? text === message : message.test(text)));
      return fits ? undefined : `the message ${JSON.stringify(messages)}`;
    },
  };
}

/** A refusal in plain text, as the original has it for requests that its framework refuses. */
export function textRefusal(wanted: number): Expected {
  return {
    wants: `${wanted} in plain text`,
    mismatch({ status: given, headers }) {
      if (given !== wanted) return `status ${given}`;
      const type = headers['content-type'] ?? 'no content-type';
      return type.startsWith('text/plain') ? undefined : type;
    },
  };
}

export interface SecretParts {
  id?: string;
  environmentId?: string;
  path?: readonly string[];
  revision?: number;
  type?: Json;
  value?: Json;
}

const KEYS = ['id', 'environmentId', 'path', 'revision', 'secretType', 'secretValue'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A 200 with a secret: all six keys and no other, and whatever parts are given. */
export function secret(parts: SecretParts = {}): Expected {
  return {
    wants: `200 with a secret${wantedOf(parts)}`,
    mismatch: (answer) =>
      answer.status === 200
        ? secretProblem(answer.json, parts)
        : `status ${answer.status} ${codeOf(answer) ?? ''}`.trim(),
  };
}

/** Why this is no such secret; undefined when it is one. */
function secretProblem(json: Json | undefined, parts: SecretParts): string | undefined {
  if (!(json instanceof Map)) return 'no object';
  const keys = [...json.keys()];
  const strange = keys.filter((key) => !KEYS.includes(key));
  const missing = KEYS.filter((key) => !json.has(key));
  if (strange.length > 0) return `the key ${strange.join(', ')}`;
  if (missing.length > 0) return `no key ${missing.join(', ')}`;
  for (const key of ['id', 'environmentId'] as const) {
    const id = json.get(key);
    if (typeof id !== 'string' || !UUID.test(id)) return `${key} is not a lower-case hyphenated UUID`;
    if (parts[key] !== undefined && id !== parts[key]) return `${key} ${id}`;
  }
  const revision = json.get('revision');
  if (!(revision instanceof Num) || !/^[0-9]+$/.test(revision.text)) return 'revision is no plain integer';
  if (parts.revision !== undefined && revision.text !== String(parts.revision)) return `revision ${revision.text}`;
  const path = json.get('path') as Json;
  if (!Array.isArray(path) || !path.every((segment) => typeof segment === 'string'))
    return 'path is no list of strings';
  if (parts.path !== undefined && !isSame(path, [...parts.path])) return `path ${print(path)}`;
  if (parts.type !== undefined && !isSame(json.get('secretType') as Json, parts.type)) {
    return `secretType ${print(json.get('secretType') as Json)}`;
  }
  if (parts.value !== undefined && !isSame(json.get('secretValue') as Json, parts.value)) {
    return `secretValue ${print(json.get('secretValue') as Json)}`;
  }
  return undefined;
}

function wantedOf({ path, revision, type, value, id }: SecretParts): string {
  const parts = [
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(path === undefined ? [] : [`path ${JSON.stringify(path)}`]),
    ...(revision === undefined ? [] : [`revision ${revision}`]),
    ...(type === undefined ? [] : [`secretType ${print(type)}`]),
    ...(value === undefined ? [] : [`secretValue ${print(value)}`]),
  ];
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

export function codeOf({ json }: Answer): string | undefined {
  const code = member(json, 'code');
  return typeof code === 'string' ? code : undefined;
}

function messagesOf({ json }: Answer): string[] {
  const messages = member(json, 'errors') ?? [member(json, 'error') ?? null];
  return Array.isArray(messages) ? messages.map(String) : [];
}

/** Why an answer that is no success has not the documented body; undefined when it has. */
export function shapeProblem(answer: Answer): string | undefined {
  const { json, status: given, headers } = answer;
  if (headers['content-type'] !== JSON_TYPE) return `content-type ${headers['content-type'] ?? 'is missing'}`;
  if (!(json instanceof Map)) return 'a body that is no JSON object';
  const key = given === 400 ? 'errors' : 'error';
  const keys = [...json.keys()].sort().join(', ');
  if (keys !== `code, ${key}`) return `a body with the keys ${keys} instead of code, ${key}`;
  const messages = json.get(key);
  const isProper = given === 400 ? Array.isArray(messages) && messages.length > 0 : typeof messages === 'string';
  return isProper && messagesOf(answer).every((text) => text !== '') ? undefined : `an ${key} without a message`;
}
