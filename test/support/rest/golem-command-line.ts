// Sends what `golem secret …` of Golem 1.5.9 sends: the same requests in the same order with the same headers, and reads the
// answers as strictly as its generated client. It stops where the tool would stop.

/** How the tool is told which environment is meant. */
export type Place =
  /** A manifest, or the bare name of an environment of one: what is missing is created. */
  | { manifest: { app: string; env: string } }
  /** `app/env`: nothing is created. */
  | { app: string; env: string }
  /** `account/app/env`, or a manifest that names the account: nothing is created. */
  | { account: string; app: string; env: string };

export interface Sent {
  request: string;
  status: number;
}

interface Shape {
  [key: string]: 'string' | 'number' | 'boolean' | 'null' | 'array' | 'any' | Shape;
}

const TOKEN: Shape = { accountId: 'string', createdAt: 'string', expiresAt: 'string', id: 'string' };
const APPLICATION: Shape = { accountId: 'string', id: 'string', name: 'string', revision: 'number' };
const SUMMARY: Shape = {
  compatibilityCheck: 'boolean',
  currentDeployment: 'null',
  diffModelVersion: 'number',
  id: 'string',
  name: 'string',
  revision: 'number',
  rolesFromActiveShares: 'array',
  securityOverrides: 'boolean',
  versionCheck: 'boolean',
};
const ENVIRONMENT: Shape = { applicationId: 'string', ownerAccountId: 'string', ...SUMMARY };
const DETAILS: Shape = {
  account: { email: 'string', id: 'string', name: 'string' },
  application: { id: 'string', name: 'string' },
  environment: SUMMARY,
};
const SECRET: Shape = {
  id: 'string',
  environmentId: 'string',
  path: 'array',
  revision: 'number',
  secretType: 'any',
  secretValue: 'any',
};
const LIST: Shape = { values: 'array' };

/** The model of differences that the tool has. */
const DIFF_MODEL_VERSION = 2;

export interface Value {
  type: object;
  value?: unknown;
}

/** One run of the tool per command, as from a shell. */
export function golemCommandLine({ url, token }: { url: string; token: string }, place: Place) {
  const sent: Sent[] = [];

  async function send(method: string, path: string, body?: object): Promise<{ status: number; body: any }> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: '*/*',
        'x-golem-cli-version': '1.5.9',
        'x-golem-cli-platform': 'x86_64-unknown-linux-gnu',
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    sent.push({ request: `${method} ${path}`, status: response.status });
    if (response.status === 410) throw new Error('server is gone');
    return { status: response.status, body: await response.json() };
  }

  /** Whatever is not 200, or lacks a key, stops the tool. */
  async function must(shape: Shape, method: string, path: string, body?: object): Promise<any> {
    const answer = await send(method, path, body);
    if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    return checked(answer.body, shape);
  }

  /** Undefined for a 404 with the documented body. */
  async function find(shape: Shape, path: string): Promise<any> {
    const answer = await send('GET', path);
    if (answer.status === 404) {
      checked(answer.body, { code: 'string', error: 'string' });
      return undefined;
    }
    if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    return checked(answer.body, shape);
  }

  async function account(): Promise<string> {
    return (await must(TOKEN, 'GET', '/v1/me/token')).accountId;
  }

  async function environment(accountId: string): Promise<string> {
    const found = await resolved(accountId);
    if (found.diffModelVersion !== DIFF_MODEL_VERSION) throw new Error('the server has another version');
    return found.id;
  }

  async function resolved(accountId: string): Promise<any> {
    if ('account' in place) {
      const query = new URLSearchParams({ account_email: place.account, app_name: place.app, env_name: place.env });
      const { values } = await must(LIST, 'GET', `/v1/me/visible-environments?${query}`);
      const last = values.at(-1);
      if (!last) throw new Error('environment not found');
      return checked(last, DETAILS).environment;
    }
    const { app, env } = 'manifest' in place ? place.manifest : place;
    const apps = `/v1/accounts/${accountId}/apps`;
    let application = await find(APPLICATION, `${apps}/${encodeURIComponent(app)}`);
    if (!application && 'manifest' in place) application = await must(APPLICATION, 'POST', apps, { name: app });
    if (!application) throw new Error('application not found');
    const envs = `/v1/apps/${application.id}/envs`;
    let found = await find(ENVIRONMENT, `${envs}/${encodeURIComponent(env)}`);
    if (!found && 'manifest' in place) {
      const settings = { compatibilityCheck: false, versionCheck: false, securityOverrides: false };
      found = await must(ENVIRONMENT, 'POST', envs, { name: env, ...settings });
    }
    if (!found) throw new Error('environment not found');
    return found;
  }

  /** By its path: all are listed, and the one is picked whose path is what the tool itself makes of the argument. */
  async function picked(environmentId: string, path: string): Promise<any> {
    const { values } = await must(LIST, 'GET', `/v1/envs/${environmentId}/agent-secrets`);
    const found = values.find((secret: any) => secret.path.join('.') === canonical(path));
    if (!found) throw new Error('secret not found');
    return checked(found, SECRET);
  }

  /** What a command names: a path of the environment, or an id, for which no environment is looked for. */
  async function named(target: { path: string } | { id: string }): Promise<any> {
    const accountId = await account();
    if ('id' in target) return must(SECRET, 'GET', `/v1/agent-secrets/${target.id}`);
    return picked(await environment(accountId), target.path);
  }

  return {
    sent,
    async list(): Promise<any[]> {
      const environmentId = await environment(await account());
      const { values } = await must(LIST, 'GET', `/v1/envs/${environmentId}/agent-secrets`);
      return values.map((secret: any) => checked(secret, SECRET));
    },
    async create(path: string, { type, value }: Value): Promise<any> {
      const environmentId = await environment(await account());
      const body = { path: path.split('.'), secretType: type, secretValue: value ?? null };
      return must(SECRET, 'POST', `/v1/envs/${environmentId}/agent-secrets`, body);
    },
    get: named,
    async updateValue(target: { path: string } | { id: string }, value?: unknown): Promise<any> {
      const { id, revision } = await named(target);
      const secretValue = value === undefined ? { op: 'unset' } : { op: 'set', value };
      return must(SECRET, 'PATCH', `/v1/agent-secrets/${id}`, { currentRevision: revision, secretValue });
    },
    async delete(target: { path: string } | { id: string }): Promise<any> {
      const { id, revision } = await named(target);
      return must(SECRET, 'DELETE', `/v1/agent-secret/${id}?current_revision=${revision}`);
    },
  };
}

/** The answer, if it has every key with a value of its kind; unknown keys are ignored, as by the tool. */
function checked(answer: any, shape: Shape): any {
  for (const [key, kind] of Object.entries(shape)) {
    if (!Object.hasOwn(answer, key)) throw new Error(`missing field \`${key}\` in ${JSON.stringify(answer)}`);
    const value = answer[key];
    if (typeof kind === 'object') checked(value, kind);
    else if (kind !== 'any' && kindOf(value) !== kind) throw new Error(`\`${key}\` is no ${kind}`);
  }
  return answer;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Of paths whose segments are words of lower-case letters with hyphens, which is all that the test needs. */
function canonical(path: string): string {
  return path.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
