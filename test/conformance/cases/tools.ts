// What Golem's own tools call besides (section 9). Answers are compared byte for byte, as far as they can be known.

import { type Json, member } from '../json/strict.js';
import type { Answer } from '../target/http.js';
import { type Expected, refusal } from '../verdict/expected.js';
import type { Trial } from '../verdict/trial.js';
import { type Case, malformed, UNKNOWN_ID, unauthorised } from './case.js';

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const MOMENT = String.raw`[+]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00`;
const SETTINGS = '"compatibilityCheck":(?:true|false),"currentDeployment":null,"diffModelVersion":2';
const FLAGS = '"securityOverrides":(?:true|false),"versionCheck":(?:true|false)';
const ROLES = '\\[(?:"(?:admin|deployer|viewer)"(?:,(?!\\])|(?=\\])))*\\]';

/** A 200 whose body is exactly this text. */
function body(wants: string, pattern: string): Expected {
  return {
    wants: `200 ${wants}`,
    mismatch: ({ status, text }) => {
      if (status !== 200) return `status ${status}`;
      return new RegExp(`^${pattern}$`).test(text) ? undefined : `the body ${text}`;
    },
  };
}

const tokenBody = `\\{"accountId":"${ID}","createdAt":"${MOMENT}","expiresAt":"${MOMENT}","id":"${ID}"\\}`;
const application = (name: string, account = ID) =>
  body('with the application', `\\{"accountId":"${account}","id":"${ID}","name":"${name}","revision":\\d+\\}`);
const environment = (name: string, applicationId = ID) =>
  body(
    'with the environment',
    `\\{"applicationId":"${applicationId}",${SETTINGS},"id":"${ID}","name":"${name}","ownerAccountId":"${ID}","revision":\\d+,"rolesFromActiveShares":${ROLES},${FLAGS}\\}`,
  );
const visible = (name: string) =>
  `\\{"account":\\{"email":"(?:[^"\\\\]|\\\\.)*","id":"${ID}","name":"[^"]*"\\},"application":\\{"id":"${ID}","name":"[^"]*"\\},"environment":\\{${SETTINGS},"id":"${ID}","name":"${name}","revision":\\d+,"rolesFromActiveShares":${ROLES},${FLAGS}\\}\\}`;

const LIST = body('with environments', `\\{"values":\\[(?:${visible('[^"]*')}(?:,(?!\\])|(?=\\])))*\\]\\}`);

/** The application and the environment that the kit keeps for itself, and makes in its first run. */
export const KEPT = 'conformance';

const SETTINGS_OF_NEW =
  '{"name":"conformance","compatibilityCheck":false,"versionCheck":false,"securityOverrides":false}';

const idOf = (answer: Answer, key = 'id') => String(member(answer.json, key));
const get = (t: Trial, path: string) => t.send({ method: 'GET', path });
const post = (t: Trial, path: string, text: string) => t.send({ method: 'POST', path, body: text });

/** Finds the kit's own application and environment, or makes them: the calls that the original's tools make, in their order. */
export async function keptEnvironment(
  t: Trial,
): Promise<{ accountId: string; applicationId: string; environmentId: string }> {
  const token = t.expect(await get(t, '/v1/me/token'), body('with the token', tokenBody));
  const accountId = idOf(token, 'accountId');
  const app = await foundOrMade(t, `/v1/accounts/${accountId}/apps`, `{"name":"${KEPT}"}`);
  t.expect(app, application(KEPT, accountId));
  const applicationId = idOf(app);
  const env = await foundOrMade(t, `/v1/apps/${applicationId}/envs`, SETTINGS_OF_NEW);
  t.expect(env, environment(KEPT, applicationId));
  return { accountId, applicationId, environmentId: idOf(env) };
}

async function foundOrMade(t: Trial, path: string, text: string): Promise<Answer> {
  const found = await get(t, `${path}/${KEPT}`);
  if (found.status !== 404) return found;
  const made = await post(t, path, text);
  // Another case, or another run, has made it meanwhile.
  return made.status === 409 ? get(t, `${path}/${KEPT}`) : made;
}

export const TOOLS: readonly Case[] = [
  {
    id: 'tools/token',
    section: '9',
    title: 'A token says whose it is and when it ends; an unknown one is 401',
    async run(t) {
      t.expect(await get(t, '/v1/me/token'), body('with the token', tokenBody));
      const unknown = await t.send({ method: 'GET', path: '/v1/me/token', token: 'conformance-unknown-token-0000' });
      t.expect(unknown, refusal(401, 'AUTH_UNAUTHORIZED', 'Token not found'));
      const { contract, declared } = unauthorised;
      t.expect(await t.send({ method: 'GET', path: '/v1/me/token', token: null }), contract, declared);
    },
  },
  {
    id: 'tools/kept-environment',
    section: '9',
    title: 'An application and an environment are found by their names, or made; made twice they are 409',
    async run(t) {
      const { accountId, applicationId, environmentId } = await keptEnvironment(t);
      const app = await get(t, `/v1/accounts/${accountId}/apps/${KEPT}`);
      t.must(idOf(app) === applicationId, `the id ${applicationId}`, idOf(app), app);
      const env = t.expect(await get(t, `/v1/apps/${applicationId}/envs/${KEPT}`), environment(KEPT, applicationId));
      t.must(idOf(env) === environmentId, `the id ${environmentId}`, idOf(env), env);
      const taken = [
        await post(t, `/v1/accounts/${accountId}/apps`, `{"name":"${KEPT}"}`),
        await post(t, `/v1/apps/${applicationId}/envs`, SETTINGS_OF_NEW),
      ];
      for (const answer of taken) t.must(answer.status === 409, 'status 409', `status ${answer.status}`, answer);
      const again = await keptEnvironment(t);
      t.must(again.environmentId === environmentId, 'the same environment as before', again.environmentId);
    },
  },
  {
    id: 'tools/unknown',
    section: '9',
    title: 'Unknown names and ids are 404 with the message that tools show',
    async run(t) {
      const { accountId, applicationId } = await keptEnvironment(t);
      const noApp = refusal(404, 'APPLICATION_NOT_FOUND', 'Application not found for name nope');
      t.expect(await get(t, `/v1/accounts/${accountId}/apps/nope`), noApp);
      const noEnv = refusal(404, 'ENVIRONMENT_NOT_FOUND', 'Environment not found for name nope');
      t.expect(await get(t, `/v1/apps/${applicationId}/envs/nope`), noEnv);
      for (const path of [`/v1/accounts/${UNKNOWN_ID}/apps/${KEPT}`, `/v1/apps/${UNKNOWN_ID}/envs/${KEPT}`]) {
        const answer = await get(t, path);
        t.must(answer.status === 404, 'status 404', `status ${answer.status}`, answer);
      }
      const { contract, declared } = malformed();
      t.expect(await get(t, '/v1/accounts/x/apps/nope'), contract, declared);
    },
  },
  {
    id: 'tools/visible-environments',
    section: '9',
    title: 'Visible environments are listed, by account, application and environment name; of none the list is empty',
    async run(t) {
      const { environmentId } = await keptEnvironment(t);
      const all = '/v1/me/visible-environments';
      t.expect(await get(t, all), LIST);
      const named = await get(t, `${all}?app_name=${KEPT}&env_name=${KEPT}`);
      t.expect(
        named,
        body('with one kept environment or more', `\\{"values":\\[${visible(KEPT)}(?:,${visible(KEPT)})*\\]\\}`),
      );
      t.must(named.text.includes(environmentId), `the environment ${environmentId} among them`, 'others', named);
      const none = body('with none', '\\{"values":\\[\\]\\}');
      for (const name of ['account_email', 'app_name', 'env_name'])
        t.expect(await get(t, `${all}?${name}=nope-${UNKNOWN_ID}`), none);
      // What is shown as the email is what finds the environment.
      const [first] = member(named.json, 'values') as Json[];
      const email = encodeURIComponent(String(member(member(first, 'account'), 'email')));
      const ofAccount = await get(t, `${all}?account_email=${email}&app_name=${KEPT}&env_name=${KEPT}`);
      t.must(
        ofAccount.text.includes(environmentId),
        `the environment ${environmentId} among those of its account`,
        'others',
        ofAccount,
      );
    },
  },
  {
    id: 'tools/stranger',
    section: '9',
    title: 'Whoever has no share is told of neither the application nor the environment',
    needs: 'strangerToken',
    async run(t, { strangerToken }) {
      const { accountId, applicationId, environmentId } = await keptEnvironment(t);
      const as = (method: string, path: string, text?: string) =>
        t.send({ method, path, token: strangerToken as string, ...(text === undefined ? {} : { body: text }) });
      for (const path of [`/v1/accounts/${accountId}/apps/${KEPT}`, `/v1/apps/${applicationId}/envs/${KEPT}`]) {
        const answer = await as('GET', path);
        t.must(answer.status === 404, 'status 404', `status ${answer.status}`, answer);
      }
      const made = await as('POST', `/v1/apps/${applicationId}/envs`, SETTINGS_OF_NEW);
      t.must(made.status === 403 || made.status === 404, 'status 403 or 404', `status ${made.status}`, made);
      const seen = await as('GET', '/v1/me/visible-environments');
      t.expect(seen, LIST);
      t.must(!seen.text.includes(environmentId), 'other environments', 'the one that is not shared', seen);
    },
  },
  {
    id: 'tools/malformed',
    section: '9',
    title: 'What is no name, or no JSON, makes nothing',
    async run(t) {
      const { accountId, applicationId } = await keptEnvironment(t);
      const { contract, declared } = malformed();
      for (const text of ['{', '{}', '{"name":1}', '{"name":null}']) {
        t.expect(await post(t, `/v1/accounts/${accountId}/apps`, text), contract, declared);
        t.expect(await post(t, `/v1/apps/${applicationId}/envs`, text), contract, declared);
      }
    },
  },
];
