// Every member of every result union: how it is reached, and what a refusal tells.
import { type GraphQLNamedType, getNamedType, isUnionType } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import type { Database } from '../../../src/store/engine/client.js';
import { CANARY_NUMBER, canary } from '../../support/canary.js';
import { fillApplications, fillShares, fillTokens } from '../../support/fill.js';
import { ask } from '../../support/graphql/client.js';
import { createSecret, deleteSecret, done, updateSecret } from '../../support/graphql/secrets.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, share, unique } from '../../support/world.js';

const app = await appSuite();
let token: string;
let applicationId: string;
let environmentId: string;
let planId: string;
beforeAll(async () => {
  planId = await plan(1_000, 2, 40);
  const owner = await createAccount(app, unique('owner'));
  token = owner.token;
  await mutate('updateAccount', `id: "${owner.id}", planId: "${planId}"`);
  applicationId = await createApplication(app, token);
  environmentId = await createEnvironment(app, token, applicationId);
});

/** Asks for everything a refusal of this mutation may tell, and for the id of what it makes. */
function selectionOf(field: string): string {
  return membersOf(schema.getMutationType()?.getFields()[field]?.type as GraphQLNamedType);
}

function membersOf(union: GraphQLNamedType): string {
  if (!isUnionType(union)) return '__typename';
  const members = union.getTypes().map((type) => {
    const { id, problems, results, plan } = type.getFields();
    const changes = results ? `results { ${membersOf(getNamedType(results.type))} }` : '';
    return `... on ${type.name} { __typename ${id ? 'id' : ''} ${plan ? 'plan { id }' : ''} ${problems ? 'problems' : ''} ${changes} }`;
  });
  return `${members.join(' ')} ... on Refusal { code message }`;
}

async function mutate(field: string, input: string, as = app.operatorToken): Promise<any> {
  return (await ask(app, as, `mutation { ${field}(input: { ${input} }) { ${selectionOf(field)} } }`))[field];
}

async function plan(environments: number, secrets: number, bytes: number): Promise<string> {
  const limits = `maxEnvironments: ${environments}, maxSecretsPerEnvironment: ${secrets}, maxValueBytes: ${bytes}`;
  return (await mutate('createPlan', `name: "${unique('plan')}", ${limits}`)).plan.id;
}

const named = (name: string) => `name: ${JSON.stringify(name)}`;
/** Refused as a name, and recognisable. */
const badName = () => named(`${canary()} with spaces`);
const taken = async (field: string, input: (name: string) => string, as?: string) => {
  const name = unique('taken');
  await mutate(field, input(name), as);
  return mutate(field, input(name), as);
};
const secretIn = (environment: string, input: object = {}) =>
  createSecret(app, token, { environmentId: environment, path: [unique('s')], secretType: { type: 'Str' }, ...input });
const freshSecret = async () => (await done(secretIn(await createEnvironment(app, token, applicationId)))).id;
const freshEnvironment = () => createEnvironment(app, token, applicationId);
const limits = (first: number) => `maxEnvironments: ${first}, maxSecretsPerEnvironment: 1, maxValueBytes: 1`;
const inApplication = (input: string) => `applicationId: "${applicationId}", ${input}`;
const shareWith = (rest: string) =>
  mutate('createEnvironmentShare', `environmentId: "${environmentId}", ${rest}`, token);
const guest = () => createAccount(app, unique('guest'));

/** How each member of each union comes about. */
const WAYS: Record<string, Record<string, () => Promise<any>>> = {
  CreateAccountResult: {
    CreateAccountPayload: () => mutate('createAccount', named(unique('a'))),
    AlreadyExists: () => taken('createAccount', named),
    InvalidRequest: () => mutate('createAccount', badName()),
  },
  UpdateAccountResult: {
    UpdateAccountPayload: async () => mutate('updateAccount', `id: "${(await guest()).id}", roles: []`),
    AlreadyExists: async () => {
      const email = `${unique('a')}@example.com`;
      await mutate('updateAccount', `id: "${(await guest()).id}", email: "${email}"`);
      return mutate('updateAccount', `id: "${(await guest()).id}", email: "${email}"`);
    },
    InvalidRequest: async () => mutate('updateAccount', `id: "${(await guest()).id}", email: "${canary()}"`),
  },
  DeleteAccountResult: {
    DeleteAccountPayload: async () => mutate('deleteAccount', `id: "${(await guest()).id}"`),
    InvalidRequest: () => mutate('deleteAccount', NO_ID),
  },
  RevokeTokenResult: {
    RevokeTokenPayload: async () => {
      const passing = (await guest()).token;
      const { currentToken } = await ask(app, passing, '{ currentToken { id } }');
      return mutate('revokeToken', `id: "${currentToken.id}"`, passing);
    },
    InvalidRequest: () => mutate('revokeToken', NO_ID, token),
  },
  DeleteApplicationResult: {
    DeleteApplicationPayload: async () =>
      mutate('deleteApplication', `id: "${await createApplication(app, token)}"`, token),
    InvalidRequest: () => mutate('deleteApplication', NO_ID, token),
  },
  DeleteEnvironmentResult: {
    DeleteEnvironmentPayload: async () => mutate('deleteEnvironment', `id: "${await freshEnvironment()}"`, token),
    InvalidRequest: () => mutate('deleteEnvironment', NO_ID, token),
  },
  UpdateEnvironmentShareResult: {
    UpdateEnvironmentSharePayload: async () =>
      mutate('updateEnvironmentShare', `id: "${await freshShare()}", roles: []`, token),
    InvalidRequest: () => mutate('updateEnvironmentShare', `${NO_ID}, roles: []`, token),
  },
  DeleteEnvironmentShareResult: {
    DeleteEnvironmentSharePayload: async () => mutate('deleteEnvironmentShare', `id: "${await freshShare()}"`, token),
    InvalidRequest: () => mutate('deleteEnvironmentShare', NO_ID, token),
  },
  CreatePlanResult: {
    CreatePlanPayload: () => mutate('createPlan', `${named(unique('p'))}, ${limits(1)}`),
    AlreadyExists: () => taken('createPlan', (name) => `${named(name)}, ${limits(1)}`),
    InvalidRequest: () => mutate('createPlan', `${named(unique('p'))}, ${limits(2_000_000_000)}`),
  },
  UpdatePlanResult: {
    UpdatePlanPayload: () => mutate('updatePlan', `id: "${planId}", maxEnvironments: 1000`),
    AlreadyExists: async () => {
      const name = unique('p');
      await mutate('createPlan', `${named(name)}, ${limits(1)}`);
      return mutate('updatePlan', `id: "${planId}", ${named(name)}`);
    },
    InvalidRequest: () => mutate('updatePlan', `id: "${planId}", maxEnvironments: 2000000000`),
  },
  DeletePlanResult: {
    DeletePlanPayload: async () => mutate('deletePlan', `id: "${await plan(1, 1, 1)}"`),
    InvalidRequest: () => mutate('deletePlan', `id: "${planId}"`),
  },
  CreateTokenResult: {
    CreateTokenPayload: () => mutate('createToken', named('t'), token),
    InvalidRequest: () => mutate('createToken', badName(), token),
    LimitExceeded: async () => {
      const rich = await guest();
      await fillTokens(app, rich.id, 1_000);
      return mutate('createToken', named('t'), rich.token);
    },
  },
  CreateApplicationResult: {
    CreateApplicationPayload: () => mutate('createApplication', named(unique('a')), token),
    AlreadyExists: () => taken('createApplication', named, token),
    InvalidRequest: () => mutate('createApplication', badName(), token),
    LimitExceeded: async () => {
      const rich = await guest();
      await fillApplications(app, rich.id, 1_000);
      return mutate('createApplication', named('a'), rich.token);
    },
  },
  UpdateApplicationResult: {
    UpdateApplicationPayload: async () =>
      mutate('updateApplication', `id: "${applicationId}", ${named(unique('a'))}`, token),
    AlreadyExists: async () => {
      const name = unique('a');
      await createApplication(app, token, name);
      return mutate('updateApplication', `id: "${applicationId}", ${named(name)}`, token);
    },
    InvalidRequest: () => mutate('updateApplication', `id: "${applicationId}", ${badName()}`, token),
  },
  CreateEnvironmentResult: {
    CreateEnvironmentPayload: () => mutate('createEnvironment', inApplication(named(unique('e'))), token),
    AlreadyExists: () => taken('createEnvironment', (name) => inApplication(named(name)), token),
    InvalidRequest: () => mutate('createEnvironment', inApplication(badName()), token),
    LimitExceeded: async () => {
      const poor = await createAccount(app, unique('poor'));
      await mutate('updateAccount', `id: "${poor.id}", planId: "${await plan(0, 1, 1)}"`);
      const application = await createApplication(app, poor.token);
      return mutate('createEnvironment', `applicationId: "${application}", ${named('e')}`, poor.token);
    },
  },
  UpdateEnvironmentResult: {
    UpdateEnvironmentPayload: async () =>
      mutate('updateEnvironment', `id: "${environmentId}", ${named(unique('e'))}`, token),
    AlreadyExists: async () => {
      const name = unique('e');
      await createEnvironment(app, token, applicationId, name);
      return mutate('updateEnvironment', `id: "${environmentId}", ${named(name)}`, token);
    },
    InvalidRequest: () => mutate('updateEnvironment', `id: "${environmentId}", ${badName()}`, token),
  },
  CreateEnvironmentShareResult: {
    CreateEnvironmentSharePayload: async () => shareWith(`accountId: "${(await guest()).id}", roles: []`),
    AlreadyExists: async () => {
      const { name } = await guest();
      await shareWith(`accountName: "${name}", roles: [VIEWER]`);
      return shareWith(`accountName: "${name}", roles: [VIEWER]`);
    },
    InvalidRequest: () => shareWith(`accountName: "${canary()}", accountId: "${environmentId}", roles: []`),
    LimitExceeded: async () => {
      const environment = await freshEnvironment();
      await fillShares(app, environment, 1_000);
      const input = `environmentId: "${environment}", accountId: "${(await guest()).id}", roles: []`;
      return mutate('createEnvironmentShare', input, token);
    },
  },
  CreateAgentSecretResult: {
    CreateAgentSecretPayload: async () =>
      mutate('createAgentSecret', `environmentId: "${await freshEnvironment()}", path: ["a"], ${STR}`, token),
    AgentSecretAlreadyExists: async () => {
      const environment = await freshEnvironment();
      await done(secretIn(environment, { path: ['a'] }));
      return secretIn(environment, { path: ['A'], secretValue: canary() });
    },
    AgentSecretValueTypeMismatch: () => secretIn(environmentId, { secretValue: [canary(), BigInt(CANARY_NUMBER)] }),
    InvalidRequest: () => secretIn(environmentId, { path: ['.', '-'], secretValue: canary() }),
    LimitExceeded: () => secretIn(environmentId, { secretValue: canary().repeat(5) }),
    IdempotencyKeyReused: async () =>
      mutate(
        'createAgentSecret',
        `environmentId: "${await freshEnvironment()}", path: ["a"], ${STR}, ${await usedKey()}`,
        token,
      ),
    ConcurrentUpdate: async () => {
      const environment = await freshEnvironment();
      const { id } = await done(secretIn(environment, { path: ['a'] }));
      // The path was taken when the insert looked, and is free again when the reason is looked up.
      return before(
        '"maxSecrets"',
        () => deleteSecret(app, token, { id, currentRevision: 0 }),
        () => secretIn(environment, { path: ['a'], secretValue: canary() }),
      );
    },
  },
  UpdateAgentSecretResult: {
    UpdateAgentSecretPayload: async () =>
      mutate('updateAgentSecret', `id: "${await freshSecret()}", currentRevision: 0`, token),
    AgentSecretValueTypeMismatch: () => setValue({ value: [canary()] }),
    InvalidRequest: () => setValue({ valueText: `"${canary()}` }),
    LimitExceeded: () => setValue({ value: canary().repeat(5) }),
    IdempotencyKeyReused: async () =>
      mutate('updateAgentSecret', `id: "${await freshSecret()}", currentRevision: 0, ${await usedKey()}`, token),
    ConcurrentUpdate: async () => updateSecret(app, token, { id: await freshSecret(), currentRevision: 7 }),
  },
  DeleteAgentSecretResult: {
    DeleteAgentSecretPayload: async () => remove(`id: "${await freshSecret()}", currentRevision: 0`),
    ConcurrentUpdate: async () => deleteSecret(app, token, { id: await freshSecret(), currentRevision: 7 }),
    InvalidRequest: async () => remove(`id: "${await freshSecret()}", currentRevision: 0, ${BAD_KEY}`),
    IdempotencyKeyReused: async () => remove(`id: "${await freshSecret()}", currentRevision: 0, ${await usedKey()}`),
  },
  RestoreAgentSecretResult: {
    RestoreAgentSecretPayload: async () => restore(`id: "${await freshSecret()}", toRevision: 0, currentRevision: 0`),
    InvalidRequest: async () => restore(`id: "${await freshSecret()}", toRevision: 0, currentRevision: 0, ${BAD_KEY}`),
    ConcurrentUpdate: async () => restore(`id: "${await freshSecret()}", toRevision: 0, currentRevision: 7`),
    AgentSecretRevisionNotFound: async () => restore(`id: "${await freshSecret()}", toRevision: 7, currentRevision: 0`),
    AgentSecretValueDestroyed: async () => restore(`id: "${await destroyed()}", toRevision: 0, currentRevision: 2`),
    AgentSecretAlreadyExists: async () => restore(`id: "${await replaced()}", toRevision: 0, currentRevision: 1`),
    LimitExceeded: async () => restore(`id: "${await crowdedOut()}", toRevision: 0, currentRevision: 1`),
    IdempotencyKeyReused: async () =>
      restore(`id: "${await freshSecret()}", toRevision: 0, currentRevision: 0, ${await usedKey()}`),
  },
  DestroyAgentSecretRevisionResult: {
    DestroyAgentSecretRevisionPayload: async () =>
      destroy(`id: "${await secretWithPast()}", revision: 0, currentRevision: 1`),
    InvalidRequest: async () => destroy(`id: "${await secretWithPast()}", revision: 1, currentRevision: 1`),
    ConcurrentUpdate: async () => destroy(`id: "${await secretWithPast()}", revision: 0, currentRevision: 7`),
    AgentSecretRevisionNotFound: async () =>
      destroy(`id: "${await secretWithPast()}", revision: 7, currentRevision: 1`),
    AgentSecretValueDestroyed: async () => destroy(`id: "${await destroyed()}", revision: 0, currentRevision: 2`),
    IdempotencyKeyReused: async () =>
      destroy(`id: "${await secretWithPast()}", revision: 0, currentRevision: 1, ${await usedKey()}`),
  },
  ApplyAgentSecretChangesResult: {
    ApplyAgentSecretChangesPayload: async () => apply(await freshEnvironment(), `{ create: { path: ["a"], ${STR} } }`),
    InvalidRequest: async () => apply(await freshEnvironment(), ''),
    ConcurrentUpdate: async () =>
      apply(await freshEnvironment(), `{ create: { path: ["a"], ${STR} } }`, 'expectedEnvironmentRevision: 7'),
    IdempotencyKeyReused: async () =>
      apply(await freshEnvironment(), `{ create: { path: ["a"], ${STR} } }`, await usedKey()),
  },
  AgentSecretChangeResult: {
    AgentSecretRevision: async () => changed(await freshEnvironment(), `{ create: { path: ["a"], ${STR} } }`),
    PlannedAgentSecret: async () =>
      (await apply(await freshEnvironment(), `{ create: { path: ["a"], ${STR} } }`, 'dryRun: true')).results[0],
    InvalidRequest: async () => changed(await freshEnvironment(), `{ create: { path: ["."], ${STR} } }`),
    AgentSecretNotFound: async () =>
      changed(await freshEnvironment(), `{ delete: { id: "${environmentId}", currentRevision: 0 } }`),
    AgentSecretRevisionNotFound: () =>
      changeOf(freshSecret(), (id) => `{ restore: { id: "${id}", toRevision: 7, currentRevision: 0 } }`),
    ConcurrentUpdate: () => changeOf(freshSecret(), (id) => `{ delete: { id: "${id}", currentRevision: 7 } }`),
    AgentSecretValueTypeMismatch: async () =>
      changed(await freshEnvironment(), `{ create: { path: ["a"], ${STR}, secretValue: ["${canary()}"] } }`),
    AgentSecretValueDestroyed: () =>
      changeOf(destroyed(), (id) => `{ restore: { id: "${id}", toRevision: 0, currentRevision: 2 } }`),
    AgentSecretAlreadyExists: () =>
      changeOf(replaced(), (id) => `{ restore: { id: "${id}", toRevision: 0, currentRevision: 1 } }`),
    LimitExceeded: async () =>
      changed(await freshEnvironment(), `{ create: { path: ["a"], ${STR}, secretValue: "${canary().repeat(5)}" } }`),
  },
};

/** Refused as an id, and recognisable. */
const NO_ID = `id: "${canary()}"`;
const freshShare = async () => share(app, token, environmentId, (await guest()).id, ['VIEWER']);
const STR = 'secretType: { type: "Str" }';
const BAD_KEY = `idempotencyKey: "no key"`;
const remove = (input: string) => mutate('deleteAgentSecret', input, token);
const restore = (input: string) => mutate('restoreAgentSecret', input, token);
const destroy = (input: string) => mutate('destroyAgentSecretRevision', input, token);
const apply = (environment: string, changes: string, more = '') =>
  mutate('applyAgentSecretChanges', `environmentId: "${environment}", changes: [${changes}], ${more}`, token);

/** What a change set answers to its only change. */
async function changed(environment: string, change: string): Promise<any> {
  const { results } = await apply(environment, change);
  return results[0];
}

async function changeOf(made: Promise<string>, change: (id: string) => string): Promise<any> {
  const id = await made;
  const document = 'query ($id: UUID!) { agentSecret: agentSecretRevision(id: $id, revision: 0) { environmentId } }';
  return changed((await ask(app, token, document, { id })).agentSecret.environmentId, change(id));
}

/** A key that another request has used. */
async function usedKey(): Promise<string> {
  const idempotencyKey = unique('key');
  await done(updateSecret(app, token, { id: await freshSecret(), currentRevision: 0, idempotencyKey }));
  return `idempotencyKey: "${idempotencyKey}"`;
}

/** A secret at revision 1, whose value is not that of revision 0. */
async function secretWithPast(): Promise<string> {
  const { id } = await done(secretIn(await freshEnvironment(), { secretValue: canary() }));
  await done(updateSecret(app, token, { id, currentRevision: 0, secretValue: { op: 'SET', value: 'b' } }));
  return id;
}

/** A secret at revision 2, whose revision 0 has lost its value. */
async function destroyed(): Promise<string> {
  const id = await secretWithPast();
  await destroy(`id: "${id}", revision: 0, currentRevision: 1`);
  return id;
}

/** A deleted secret at revision 1, at whose path another one lives. */
async function replaced(): Promise<string> {
  const environment = await freshEnvironment();
  const { id } = await done(secretIn(environment, { path: ['a'] }));
  await done(deleteSecret(app, token, { id, currentRevision: 0 }));
  await done(secretIn(environment, { path: ['a'] }));
  return id;
}

/** A deleted secret at revision 1, in an environment that is full without it. */
async function crowdedOut(): Promise<string> {
  const environment = await freshEnvironment();
  const { id } = await done(secretIn(environment));
  await done(deleteSecret(app, token, { id, currentRevision: 0 }));
  await done(secretIn(environment));
  await done(secretIn(environment));
  return id;
}

async function setValue(change: object) {
  const secretValue = { op: 'SET', ...change };
  return updateSecret(app, token, { id: await freshSecret(), currentRevision: 0, secretValue });
}

/** Does `work`, and `interruption` right before its first statement that contains `text`. */
async function before<T>(text: string, interruption: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  const services = app.services as { db: Database };
  const { db } = services;
  services.db = {
    ...db,
    async row(statement, input) {
      if (services.db !== db && statement.text.includes(text)) {
        services.db = db;
        await interruption();
      }
      return db.row(statement, input);
    },
  };
  try {
    return await work();
  } finally {
    services.db = db;
  }
}

const unions = Object.values(schema.getTypeMap()).filter(isUnionType);

test('there is a way to every member of every result union', () => {
  const members = unions.map((union) => [
    union.name,
    union
      .getTypes()
      .map(({ name }) => name)
      .sort(),
  ]);
  expect(
    Object.entries(WAYS)
      .map(([union, ways]) => [union, Object.keys(ways).sort()])
      .sort(),
  ).toEqual(members.sort());
});

describe.each(Object.entries(WAYS))('%s', (_, ways) => {
  test.each(Object.entries(ways))('answers %s', async (name, way) => {
    const result = await way();
    expect(result.__typename).toBe(name);
    const isRefusal = 'code' in result;
    expect(isRefusal).toBe(implementsRefusal(name));
    if (!isRefusal) return;
    expect(result.code.replaceAll('_', '').toLowerCase()).toBe(name.toLowerCase());
    expect(result.message).not.toBe('');
    if ('problems' in result) expect(result.problems).not.toEqual([]);
  });
});

function implementsRefusal(name: string): boolean {
  const refusal = schema.getType('Refusal') as never;
  return schema.getPossibleTypes(refusal).some((type) => type.name === name);
}
