// Credentials, the order of checks, and who sees what.
import { refusal, secret, status, textRefusal } from '../verdict/expected.js';
import { type Case, malformed, STR, UNKNOWN_ID, unauthorised } from './case.js';

const UNKNOWN_TOKEN = 'conformance-unknown-token-0000';
const unknownToken = refusal(401, 'AUTH_UNAUTHORIZED', 'Could not authenticate user using token');

export const CALLERS: readonly Case[] = [
  {
    id: 'credentials/missing',
    section: '4',
    title: 'Without a credential, and with one that is badly formed, every operation is 401',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const { contract, declared } = unauthorised;
      t.expect(await secrets.list(t, { token: null }), contract, declared);
      t.expect(await secrets.create(t, `{"path":["${secrets.place()}"],${STR}}`, { token: null }), contract, declared);
      t.expect(await secrets.get(t, id, { token: null }), contract, declared);
      t.expect(await secrets.update(t, id, '{"currentRevision":0}', { token: null }), contract, declared);
      t.expect(await secrets.remove(t, id, 0, { token: null }), contract, declared);
      t.expect(await secrets.get(t, id, { token: 'short' }), contract, declared);
      t.expect(
        await secrets.get(t, id, { token: null, headers: [['authorization', 'Basic eDp5']] }),
        contract,
        declared,
      );
      t.expect(await secrets.get(t, id), secret({ revision: 0 }));
    },
  },
  {
    id: 'credentials/unknown',
    section: '4',
    title: 'An unknown token is 401, in the header and in the cookie, and a well-formed cookie wins over the header',
    async run(t, { secrets }) {
      const { id } = await secrets.made(t);
      const cookie = (token: string) => [['cookie', `GOLEM_SESSION=${token}`]] as const;
      const declared = { number: 1, golem: textRefusal(401) };
      t.expect(await secrets.get(t, id, { token: UNKNOWN_TOKEN }), unknownToken, declared);
      t.expect(await secrets.get(t, id, { token: null, headers: cookie(UNKNOWN_TOKEN) }), unknownToken, declared);
      t.expect(await secrets.get(t, id, { headers: cookie(UNKNOWN_TOKEN) }), unknownToken, declared);
      t.expect(await secrets.get(t, id, { headers: cookie('no-token!') }), secret({ id }));
    },
  },
  {
    id: 'order/route-before-credential',
    section: '5',
    title: 'Route and method come before the credential',
    async run(t) {
      const unknown = await t.send({ method: 'GET', path: '/v1/nothing', token: null });
      t.expect(unknown, refusal(404, 'NOT_FOUND'), { number: 1, golem: status(404) });
      const method = await t.send({ method: 'PUT', path: `/v1/agent-secrets/${UNKNOWN_ID}`, token: null });
      t.expect(method, refusal(405, 'METHOD_NOT_ALLOWED'), { number: 1, golem: status(405) });
    },
  },
  {
    id: 'order/credential-before-form',
    section: '5',
    title: 'The credential comes before everything that is wrong with the request',
    async run(t, { secrets }) {
      const early = { number: 2, golem: textRefusal(400) };
      const anonymous = { token: null };
      t.expect(await secrets.create(t, '{', anonymous), unauthorised.contract, early);
      t.expect(await secrets.get(t, 'no-uuid', anonymous), unauthorised.contract, early);
      t.expect(await secrets.update(t, UNKNOWN_ID, '{}', anonymous), unauthorised.contract, early);
      t.expect(await secrets.remove(t, UNKNOWN_ID, 'x', anonymous), unauthorised.contract, early);
    },
  },
  {
    id: 'order/form-before-visibility',
    section: '5',
    title: 'The form of the request comes before whether its environment or secret exists',
    async run(t) {
      const { contract, declared } = malformed();
      const environment = `/v1/envs/${UNKNOWN_ID}/agent-secrets`;
      t.expect(await t.send({ method: 'POST', path: environment, body: '{' }), contract, declared);
      t.expect(await t.send({ method: 'POST', path: environment, body: `{"path":"x",${STR}}` }), contract, declared);
      const one = `/v1/agent-secrets/${UNKNOWN_ID}`;
      t.expect(await t.send({ method: 'PATCH', path: one, body: '{"currentRevision":-1}' }), contract, declared);
    },
  },
  {
    id: 'order/visibility-before-value',
    section: '5',
    title: 'Whether it exists comes before the revision and the value',
    async run(t, { secrets }) {
      const body = `{"path":["${secrets.place()}"],"secretType":{"type":"U8"},"secretValue":"x"}`;
      const noEnvironment = refusal(404, 'ENVIRONMENT_NOT_FOUND', `Environment ${UNKNOWN_ID} not found`);
      t.expect(await t.send({ method: 'POST', path: `/v1/envs/${UNKNOWN_ID}/agent-secrets`, body }), noEnvironment);
      t.expect(await t.send({ method: 'GET', path: `/v1/envs/${UNKNOWN_ID}/agent-secrets` }), noEnvironment);
      const noSecret = refusal(404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${UNKNOWN_ID} not found`);
      const set = '{"currentRevision":9,"secretValue":{"op":"set","value":"x"}}';
      t.expect(await secrets.update(t, UNKNOWN_ID, set), noSecret);
      t.expect(await secrets.get(t, UNKNOWN_ID), noSecret);
      t.expect(await secrets.remove(t, UNKNOWN_ID, 0), noSecret);
    },
  },
  {
    id: 'order/value-and-path',
    section: '5',
    title: 'On create a wrong value is told before a taken path, on update a stale revision before a wrong value',
    async run(t, { secrets }) {
      const { id, path } = await secrets.made(t, { typeText: '{"type":"U8"}', valueText: '1' });
      const create = (value: string) =>
        secrets.create(t, `{"path":["${path[0]}"],"secretType":{"type":"U8"},"secretValue":${value}}`);
      const mismatch = refusal(400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
      t.expect(await create('"x"'), mismatch);
      t.expect(await create('1'), refusal(409, 'AGENT_SECRET_ALREADY_EXISTS'));
      const set = (revision: number) => `{"currentRevision":${revision},"secretValue":{"op":"set","value":"x"}}`;
      t.expect(await secrets.update(t, id, set(9)), refusal(409, 'CONCURRENT_UPDATE'));
      t.expect(await secrets.update(t, id, set(0)), mismatch);
      t.expect(await secrets.get(t, id), secret({ revision: 0 }));
    },
  },
];

/** They need tokens of others, and are run where those were given. */
export const OTHERS: readonly Case[] = [
  {
    id: 'visibility/stranger',
    section: '6',
    title: 'Whoever has no share of the environment is told that nothing is there',
    needs: 'strangerToken',
    async run(t, { secrets, strangerToken }) {
      const { id } = await secrets.made(t);
      const as = { token: strangerToken as string };
      const noEnvironment = refusal(404, 'ENVIRONMENT_NOT_FOUND', `Environment ${secrets.environmentId} not found`);
      t.expect(await secrets.list(t, as), noEnvironment);
      t.expect(await secrets.create(t, `{"path":["${secrets.place()}"],${STR}}`, as), noEnvironment);
      const noSecret = refusal(404, 'AGENT_SECRET_NOT_FOUND', `Agent secret ${id} not found`);
      t.expect(await secrets.get(t, id, as), noSecret);
      t.expect(await secrets.update(t, id, '{"currentRevision":0}', as), noSecret);
      t.expect(await secrets.remove(t, id, 0, as), noSecret);
      t.expect(await secrets.get(t, id), secret({ revision: 0 }));
    },
  },
  {
    id: 'visibility/viewer',
    section: '6',
    title: 'A viewer may neither list nor create (403), and is not told of a secret (404)',
    needs: 'viewerToken',
    async run(t, { secrets, viewerToken }) {
      const { id } = await secrets.made(t);
      const as = { token: viewerToken as string };
      const forbidden = (action: string) =>
        refusal(403, 'AUTH_FORBIDDEN', `The environment action ${action}AgentSecret is not allowed`);
      t.expect(await secrets.list(t, as), forbidden('View'));
      t.expect(await secrets.create(t, `{"path":["${secrets.place()}"],${STR}}`, as), forbidden('Create'));
      const noSecret = refusal(404, 'AGENT_SECRET_NOT_FOUND');
      t.expect(await secrets.get(t, id, as), noSecret);
      t.expect(await secrets.update(t, id, '{"currentRevision":0}', as), noSecret);
      t.expect(await secrets.remove(t, id, 0, as), noSecret);
    },
  },
];
