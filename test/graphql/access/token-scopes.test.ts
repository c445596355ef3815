// What a token's scopes allow: every root field with every set of scopes, every field that shows a value, and no way to more.
import { getNamedType, isObjectType } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.js';
import { canary } from '../../support/canary.js';
import { ask, graphql } from '../../support/graphql/client.js';
import { createSecret, done, environmentRevision, updateSecret } from '../../support/graphql/secrets.js';
import {
  ALL_SCOPES,
  call,
  createTokenAs,
  permitted,
  ROOT_CASES,
  SCOPE_SETS,
  type Scope,
  scopeOf,
  scopeOfCase,
  tokenWith,
} from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment, unique } from '../../support/world.js';

const { app, world, token: owner } = await graphqlSuite();
const tokens = { owner: new Map<string, string>(), operator: new Map<string, string>() };
beforeAll(async () => {
  for (const who of ['owner', 'operator'] as const) {
    for (const scopes of SCOPE_SETS) {
      tokens[who].set(scopes.join(), await tokenWith(app, world.people[who].token, { scopes }));
    }
  }
});

const tokenOf = (scopes: readonly Scope[], who: 'owner' | 'operator' = 'owner') =>
  tokens[who].get(scopes.join()) as string;

test('it is decided for every root field which scope it needs, and each has a case', () => {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}).map((field) => `${type?.name}.${field}`));
  expect(fields.filter((field) => scopeOf(field) === undefined)).toEqual([]);
  const covered = new Set(ROOT_CASES.map(({ name }) => name.split(' ')[0]));
  expect([...covered].sort()).toEqual(fields.sort());
});

describe.each(ROOT_CASES)('$name', (accessCase) => {
  const needed = scopeOfCase(accessCase) as Scope;
  const who = permitted(accessCase);

  test(`needs the scope ${needed} and no other`, async () => {
    const expected = SCOPE_SETS.map((scopes) => [
      scopes.join(),
      needed === 'METADATA' || scopes.includes(needed) ? 'ok' : 'AUTH_FORBIDDEN',
    ]);
    const answers: string[][] = [];
    let variables = await accessCase.variables(app, world);
    for (const scopes of SCOPE_SETS) {
      const outcome = await call(app, tokenOf(scopes, who), accessCase.document, variables);
      answers.push([scopes.join(), outcome]);
      // What was refused has changed nothing: the next one meets the very same thing.
      if (outcome === 'ok') variables = await accessCase.variables(app, world);
    }
    expect(answers).toEqual(expected);
  });
});

test('without the scope ADMIN a token may still end itself', async () => {
  const { secret, token } = await createTokenAs(app, owner, { scopes: ['METADATA'] });
  await ask(app, secret, 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { __typename } }', { id: token.id });
  expect(await call(app, secret, '{ viewer { id } }', {})).toBe('AUTH_UNAUTHORIZED');
});

describe('values', () => {
  const SEALED = ['METADATA', 'WRITE', 'ADMIN'] as const;
  let id: string;
  let path: string;
  let value: string;
  let at: number;
  beforeAll(async () => {
    value = unique('plain');
    const secretType = { type: 'Str' };
    const input = { environmentId: world.environmentId, path: [unique('s')], secretType, secretValue: 'the first' };
    ({ id, pathText: path } = await done(createSecret(app, owner, input)));
    await done(updateSecret(app, owner, { id, currentRevision: 0, secretValue: { op: 'SET', value } }));
    at = await environmentRevision(app, owner, world.environmentId);
  });

  /** Every field of the schema that shows one. */
  const SHOWING = ['AgentSecret', 'AgentSecretRevision', 'PlannedAgentSecret'].flatMap((type) =>
    ['secretValue', 'secretValueText'].map((field) => `${type}.${field}`),
  );
  test('are shown by the fields that are tried here, and by no other', () => {
    const shown = Object.values(schema.getTypeMap()).flatMap((type) =>
      !isObjectType(type)
        ? []
        : Object.values(type.getFields()).flatMap((field) =>
            getNamedType(field.type).name === 'SecretValue' || field.name.startsWith('secretValue')
              ? [`${type.name}.${field.name}`]
              : [],
          ),
    );
    expect(shown.sort()).toEqual(SHOWING.sort());
  });

  const BOTH = 'secretValue secretValueText';
  const WAYS: Record<string, string> = {
    agentSecret: `agentSecret(id: $id) { ${BOTH} }`,
    'agentSecret at a revision': `agentSecretRevision(id: $id, revision: 1) { ${BOTH} }`,
    node: `node(id: $node) { ... on AgentSecret { ${BOTH} } }`,
    nodes: `nodes(ids: [$node]) { ... on AgentSecret { ${BOTH} } }`,
    'agentSecrets in pages': `environment(id: $env) { agentSecrets(filter: { pathPrefix: $path }) { edges { node { ${BOTH} } } } }`,
    allAgentSecrets: `environment(id: $env) { allAgentSecrets { ${BOTH} } }`,
    'agentSecret at a path': `environment(id: $env) { agentSecret(pathText: $path) { ${BOTH} } }`,
    'an environment of the past': `environment(id: $env) { snapshot(revision: $at) { allAgentSecrets { ${BOTH} } } }`,
    revisions: `agentSecret(id: $id) { revisions(first: 1) { edges { node { ${BOTH} } } } }`,
    'the secret of a revision': `agentSecret(id: $id) { revisions(first: 1) { edges { node { agentSecret { ${BOTH} } } } } }`,
    'under other names': `a: agentSecret(id: $id) { v: secretValue } b: agentSecret(id: $id) { secretValue: path ...F }`,
  };
  const documentOf = (selection: string) =>
    `query ($id: UUID!, $node: ID!, $env: UUID, $path: String, $at: Revision!) { now: environment(id: $env) { snapshot(revision: $at) { id } } ${selection} u: agentSecret(id: $id) { id }
      n: node(id: $node) { id } e: environment(id: $env) { agentSecret(pathText: $path) { id } } }
    ${selection.includes('...F') ? 'fragment F on AgentSecret { t: secretValueText }' : ''}`;
  const variables = () => ({ id, node: id, env: world.environmentId, path, at });

  test.each(Object.entries(WAYS))('by %s need the scope REVEAL', async (_, selection) => {
    for (const token of [tokenOf(['REVEAL']), tokenOf(ALL_SCOPES)]) {
      expect(JSON.stringify(await ask(app, token, documentOf(selection), variables()))).toContain(value);
    }
    for (const token of [tokenOf(['METADATA']), tokenOf(SEALED)]) {
      const answer = await graphql(app, token, documentOf(selection), variables());
      expect(new Set(answer.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['AUTH_FORBIDDEN']));
      expect(JSON.stringify(answer)).not.toContain(value);
      expect(answer.data).toMatchObject({ u: { id }, n: { id }, e: { agentSecret: { id } } });
    }
  });

  test('are not needed for anything else there is to know of a secret', async () => {
    const fields = `id pathText revision secretType secretTypeText hasValue valueState createdAt lastReadAt
      revisions { edges { node { revision change valueState } } }`;
    const document = `query ($id: UUID!, $env: UUID) { agentSecret(id: $id) { ${fields} }
      environment(id: $env) { agentSecretsTag agentSecrets { totalCount } reads { edges { node { path } } } } }`;
    const { agentSecret } = await ask(app, tokenOf(['METADATA']), document, variables());
    expect(agentSecret).toMatchObject({ id, hasValue: true, valueState: 'PRESENT' });
  });

  test('are echoed to the writer that has just sent them, and no other one is', async () => {
    const token = tokenOf(SEALED);
    const sent = unique('sent');
    const secret = { environmentId: world.environmentId, path: [unique('s')], secretType: { type: 'Str' } };
    const input = { ...secret, secretValue: sent, idempotencyKey: unique('key') };
    const created = await done(createSecret(app, token, input));
    expect(created).toMatchObject({ secretValue: sent, secretValueText: JSON.stringify(sent) });
    // Repeated, it is answered from the log, and is an echo all the same.
    expect(await done(createSecret(app, token, input))).toMatchObject({ id: created.id, secretValue: sent });
    const again = unique('again');
    const updated = await done(
      updateSecret(app, token, { id: created.id, currentRevision: 0, secretValue: { op: 'SET', value: again } }),
    );
    expect(updated.secretValue).toBe(again);
    const keep = `mutation ($id: UUID!) { updateAgentSecret(input: { id: $id, currentRevision: 1 }) {
      ... on AgentSecretPayload { agentSecret { revision secretValue } } } }`;
    const kept = await graphql<any>(app, token, keep, { id: created.id });
    expect(kept.errors).toMatchObject([{ extensions: { code: 'AUTH_FORBIDDEN' } }]);
    expect(kept.data.updateAgentSecret.agentSecret).toEqual({ revision: 2, secretValue: null });
    const restore = `mutation ($id: UUID!) { restoreAgentSecret(input: { id: $id, toRevision: 0, currentRevision: 2 }) {
      ... on AgentSecretPayload { agentSecret { revision secretValueText } } } }`;
    const restored = await graphql<any>(app, token, restore, { id: created.id });
    expect(restored.data.restoreAgentSecret.agentSecret).toEqual({ revision: 3, secretValueText: null });
    expect(JSON.stringify([kept, restored])).not.toMatch(new RegExp(`${sent}|${again}`));
  });
});

describe('a new token', () => {
  test('has no scope that the token which makes it has not', async () => {
    const makers = SCOPE_SETS.filter((scopes) => scopes.includes('ADMIN'));
    for (const maker of makers) {
      for (const scope of ALL_SCOPES) {
        const created = await createTokenAs(app, tokenOf(maker), { scopes: [scope] });
        const isSubset = scope === 'METADATA' || maker.includes(scope);
        if (!isSubset) expect(created).toEqual({ code: 'AUTH_FORBIDDEN' });
        else expect(new Set(created.token.scopes)).toEqual(new Set(['METADATA', scope]));
      }
      const { token } = await createTokenAs(app, tokenOf(maker), {});
      expect(new Set(token.scopes)).toEqual(new Set(['METADATA', ...maker]));
    }
  });

  test('has the scope METADATA in any case, and each scope once', async () => {
    expect((await createTokenAs(app, owner, { scopes: [] })).token.scopes).toEqual(['METADATA']);
    const { token } = await createTokenAs(app, owner, { scopes: ['WRITE', 'WRITE'] });
    expect(token.scopes).toEqual(['METADATA', 'WRITE']);
  });

  test('ends no later than the token that makes it', async () => {
    const end = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const [sooner, own, later] = [end(1), end(2), end(3)];
    const maker = await tokenWith(app, owner, { expiresAt: own });
    expect((await createTokenAs(app, maker, {})).token.expiresAt).toBe(own);
    expect((await createTokenAs(app, maker, { expiresAt: sooner })).token.expiresAt).toBe(sooner);
    expect(await createTokenAs(app, maker, { expiresAt: later })).toEqual({ code: 'AUTH_FORBIDDEN' });
  });
});

describe('a guess at the value of a write with a known idempotency key', () => {
  test('tells a token that may not write nothing', async () => {
    const secret = { environmentId: world.environmentId, path: [unique('s')], secretType: { type: 'Str' } };
    const input = { ...secret, secretValue: canary(), idempotencyKey: unique('key') };
    await done(createSecret(app, owner, input));
    for (const secretValue of [input.secretValue, canary()]) {
      for (const token of [tokenOf(['METADATA']), tokenOf(['REVEAL'])]) {
        const document =
          'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
        const { errors } = await graphql(app, token, document, { input: { ...input, secretValue } });
        expect(errors).toMatchObject([{ extensions: { code: 'AUTH_FORBIDDEN' } }]);
      }
    }
  });

  test('tells one that may write, but would not be shown the value, no more than it would learn without the key', async () => {
    const elsewhere = await createEnvironment(app, owner, world.applicationId);
    const { environmentId } = world;
    const path = unique('s').replace('-', '');
    const limits = [
      { scopes: ['WRITE'] as const },
      { scopes: ['WRITE'] as const, pathPrefixes: [path] },
      { pathPrefixes: ['other'] },
      { environmentId: elsewhere },
    ];
    const limited = await Promise.all(limits.map((some) => tokenWith(app, owner, some)));
    const input = { environmentId, path: [path], secretType: { type: 'Str' }, secretValue: canary() };
    const key = unique('key');
    await done(createSecret(app, owner, { ...input, idempotencyKey: key }));
    const document = `mutation ($input: CreateAgentSecretInput!) {
      createAgentSecret(input: $input) { __typename ... on Refusal { message } } }`;
    const answer = (token: string, secretValue: string, idempotencyKey?: string) =>
      graphql<any>(app, token, document, { input: { ...input, secretValue, idempotencyKey } });
    for (const token of limited) {
      const without = await answer(token, canary());
      expect(await answer(token, input.secretValue, key)).toEqual(without);
      expect(await answer(token, canary(), key)).toEqual(without);
    }
    expect((await answer(owner, input.secretValue, key)).data).toMatchObject({
      createAgentSecret: { __typename: 'CreateAgentSecretPayload' },
    });
  });
});
