// Requests that are too much: each limit says which it is and its value, as a request error and never as a bug.
import { describe, expect, test } from 'vitest';
import { CANARY, CANARY_NUMBER } from '../../support/canary.js';
import { firstEvent } from '../../support/graphql/client.js';
import { type RawAnswer, RESPONSE_JSON, send, sendQuery, withConfig } from '../../support/graphql/http.js';
import { createSecret, type Secret } from '../../support/graphql/secrets.js';
import { createTokenAs } from '../../support/graphql/token-scopes.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token } = await graphqlSuite();

/** One clear error that names the limit, as a request error and in the type that was asked for. */
function expectRefused(answer: RawAnswer, message: RegExp, status = 400, code = 'INVALID_REQUEST') {
  expect(answer.errors).toHaveLength(1);
  expect(answer.errors[0]?.message).toMatch(message);
  expect(answer.errors[0]?.extensions?.code).toBe(code);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toContain(RESPONSE_JSON);
  expect(answer.data).toBeUndefined();
}

const names = (count: number, name: (index: number) => string) =>
  Array.from({ length: count }, (_, n) => name(n)).join(' ');

/** Selections as deep as asked, over a cycle of the schema. */
function deep(levels: number): string {
  const cycle = ['viewer', 'applications', 'edges', 'node', 'environments', 'edges', 'node', 'application'];
  const at = (level: number) => (level < 4 ? cycle[level] : cycle[4 + ((level - 4) % 4)]) as string;
  return `{ ${names(levels - 1, (level) => `${at(level)} {`)} id ${'}'.repeat(levels)}`;
}

describe('nested pages', () => {
  const nested = (
    a: number | string,
    b: number | string,
    c: number | string,
  ) => `query ${[a, b, c].includes('$n') ? '($n: Int)' : ''} { viewer { applications(first: ${a}) {
    edges { node { environments(first: ${b}) { edges { node { agentSecrets(first: ${c}) { edges { node { id } } } } } } } } } } }`;

  test('multiply, and their product is limited, whatever there is to read', async () => {
    expectRefused(
      await sendQuery(app, token, nested(200, 200, 200)),
      /could have 8040200 items .* 500000 .*GRAPHQL_MAX_NODES/,
    );
    expect((await sendQuery(app, token, nested(10, 50, 200))).errors).toEqual([]);
  });

  test('count by variables and in fragments, as often as these are spread', async () => {
    expectRefused(await sendQuery(app, token, nested('$n', '$n', '$n'), { n: 200 }), /GRAPHQL_MAX_NODES/);
    const fragment =
      'fragment P on Account { applications(first: 200) { edges { node { environments(first: 200) { edges { node { id } } } } } } }';
    const query = (count: number) => `{ ${names(count, (n) => `a${n}: viewer { ...P }`)} } ${fragment}`;
    expect((await sendQuery(app, token, query(2))).errors).toEqual([]);
    expectRefused(await sendQuery(app, token, query(20)), /could have 804000 items/);
  });

  test('count by whatever they are asked for: fragments, default values, GET, a subscription', async () => {
    const page = (first: string, selection: string) =>
      `applications(first: ${first}) { ${selection.replace('NODE', 'environments(first: 200) { edges { node { agentSecrets(first: 200) { edges { node { id } } } } } }')} }`;
    const inline = `{ viewer { ${page('200', '... { edges { node { NODE } } }')} } }`;
    const named = `{ viewer { ${page('200', '...Edges')} } } fragment Edges on ApplicationConnection {
      ${'edges { node { environments(first: 200) { ...Rows } } }'} }
      fragment Rows on EnvironmentConnection { edges { node { agentSecrets(first: 200) { ...Leaves } } } }
      fragment Leaves on AgentSecretConnection { edges { node { id } } }`;
    const byDefault = `query ($n: Int = 200) { viewer { ${page('$n', 'edges { node { NODE } }')} } }`;
    for (const query of [inline, named, byDefault]) {
      expectRefused(await sendQuery(app, token, query), /could have 8040200 items/);
    }
    const plain = nested(200, 200, 200);
    const url = `http://localhost/graphql?query=${encodeURIComponent(plain)}`;
    const got = await app.fetch(
      new Request(url, { headers: { accept: RESPONSE_JSON, authorization: `Bearer ${token}` } }),
    );
    expect([got.status, await got.text()]).toEqual([400, expect.stringContaining('could have 8040200 items')]);
    const stream = `subscription ($e: UUID!) { agentSecretChanges(environmentId: $e) { changes { agentSecret { environment { application { ${names(
      13,
      (n) =>
        `a${n}: environments(first: 200) { edges { node { agentSecrets(first: 200) { edges { node { id } } } } } }`,
    )} } } } } } }`;
    const { data, errors } = await firstEvent(app, token, stream, { e: world.environmentId });
    expect([data ?? null, errors]).toMatchObject([
      null,
      [{ message: expect.stringContaining('could have 522600 items') }],
    ]);
  });

  test('the cost of an operation is told to those who ask for it', async () => {
    const { id } = (await createSecret(app, token, {
      environmentId: world.environmentId,
      path: ['cost'],
      secretType: { type: 'Str' },
      secretValue: 'value',
    })) as Secret;
    const query = `{ nodes(ids: ["${id}", "${id}"]) { ... on AgentSecret { secretValue } } }`;
    const body = JSON.stringify({ query, extensions: { cost: true } });
    const { extensions } = JSON.parse((await send(app, { token, body })).text);
    expect(extensions).toEqual({
      cost: {
        nodes: 2,
        maxNodes: 500_000,
        answerBytes: expect.any(Number),
        maxAnswerBytes: app.config.maxResponseBytes,
        values: 1,
      },
    });
    const withHeader = await send(app, {
      token,
      body: JSON.stringify({ query }),
      headers: { 'x-graphql-cost': 'true' },
    });
    expect(JSON.parse(withHeader.text).extensions.cost.nodes).toBe(2);
    expect((await sendQuery(app, token, query)).text).not.toContain('extensions');
  });
});

describe('repetition', () => {
  const repeated = (count: number, selection: string) => `{ ${names(count, () => selection)} }`;

  test.each([
    ['a field', 'viewer { id }'],
    ['a field in inline fragments', '... on Query { viewer { id } }'],
    ['an alias', 'me: viewer { id }'],
  ])('of %s in one place is limited before it costs anything', async (_, selection) => {
    const started = process.cpuUsage();
    expectRefused(await sendQuery(app, token, repeated(150, selection)), /more than 100 times in one place/);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1_000).toBeLessThan(100);
  });

  test('up to the limit is fine', async () => {
    expect((await sendQuery(app, token, repeated(100, 'viewer { id }'))).errors).toEqual([]);
  });
});

describe('depth', () => {
  test('up to the limit is fine, one level more is refused', async () => {
    const fine = await sendQuery(app, token, deep(app.config.maxDepth));
    expect([fine.status, fine.errors]).toEqual([200, []]);
    expectRefused(await sendQuery(app, token, deep(app.config.maxDepth + 1)), /depth limit of 12\b/);
  });

  test('counts through fragments, named and inline', async () => {
    const spread = `{ viewer { applications { edges { node { ...A } } } } }
      fragment A on Application { environments { edges { node { ...B } } } }
      fragment B on Environment { application { environments { edges { node { ...C } } } } }
      fragment C on Environment { application { environments { edges { node { id } } } } }`;
    expectRefused(await sendQuery(app, token, spread), /depth limit of 12\b/);
    const inline = deep(13)
      .replaceAll('{ edges {', '{ ... { edges {')
      .replace(/\}+$/, (end) => `${end}}}}`);
    expect((await sendQuery(app, token, inline)).errors[0]?.message).toMatch(/depth limit of 12\b|nested/);
  });

  test('never stands in the way of introspection tools', async () => {
    const ofType = (levels: number): string => (levels === 0 ? 'name' : `name ofType { ${ofType(levels - 1)} }`);
    const document = `{ __schema { types { fields { args { type { ${ofType(9)} } } } } } }`;
    expect((await sendQuery(app, token, document)).errors).toEqual([]);
  });

  test.each([101, 5_000, 20_000])('of %i levels is refused, not a bug', async (levels) => {
    for (const door of [app, withConfig(app, { maxTokens: 20_000, maxDepth: 100 })]) {
      expectRefused(await sendQuery(door, token, deep(levels)), /(depth|[Tt]oken) limit of \d+\b|nested too deeply/);
    }
    const open = await sendQuery(app, token, '{ a '.repeat(levels));
    expect([open.status, open.errors[0]?.extensions?.code]).toEqual([400, 'INVALID_REQUEST']);
  });
});

describe('tokens', () => {
  /** A document of exactly so many tokens. */
  const ofTokens = (count: number) => {
    const kinds = 'Str '.repeat(count - 24);
    return `{ environment(id: "${world.environmentId}") { agentSecrets(filter: { typeKinds: [${kinds}] }) { totalCount } } }`;
  };

  test('up to the limit are fine, one more is refused', async () => {
    const { maxTokens } = app.config;
    const fine = await sendQuery(app, token, ofTokens(maxTokens));
    expect([fine.status, fine.errors]).toEqual([200, []]);
    expectRefused(await sendQuery(app, token, ofTokens(maxTokens + 1)), /[Tt]oken limit of 2000\b/);
  });

  test('that repeat one field a thousand times are refused, not a bug', async () => {
    const { status, errors } = await sendQuery(app, token, `{ viewer { ${'id '.repeat(1_900)} } }`);
    expect([status, errors[0]?.extensions?.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test('of a huge literal are refused without a word of it', async () => {
    for (const literal of [`[${`${CANARY_NUMBER} `.repeat(3_000)}]`, `{${names(3_000, (n) => `k${n}: "c4n4ry"`)}}`]) {
      const input = `environmentId: "${world.environmentId}", path: ["a"], secretType: { type: "Str" }, secretValue: ${literal}`;
      const document = `mutation { createAgentSecret(input: { ${input} }) { __typename } }`;
      expectRefused(await sendQuery(app, token, document), /[Tt]oken limit of 2000\b/);
    }
  });
});

describe('aliases', () => {
  test('up to the limit are fine, one more is refused', async () => {
    const { maxAliases } = app.config;
    const fine = await sendQuery(app, token, `{ ${names(maxAliases, (n) => `a${n}: viewer { id }`)} }`);
    expect([fine.status, fine.errors]).toEqual([200, []]);
    const many = await sendQuery(app, token, `{ ${names(maxAliases + 1, (n) => `a${n}: viewer { id }`)} }`);
    expectRefused(many, /[Aa]lias(es)? limit of 30\b/);
  });

  test('by the thousand are refused', async () => {
    const document = `{ ${names(10_000, (n) => `a${n}: viewer { id }`)} }`;
    expectRefused(await sendQuery(app, token, document), /limit of \d+\b/);
    expectRefused(
      await sendQuery(withConfig(app, { maxTokens: 200_000 }), token, document),
      /[Aa]lias(es)? limit of 30\b/,
    );
  });

  test('hidden in fragments count as often as they are spread', async () => {
    const document = `{ ${'viewer { ...A } '.repeat(4)} } fragment A on Account { ${names(10, (n) => `a${n}: id`)} }`;
    expectRefused(await sendQuery(app, token, document), /[Aa]lias(es)? limit of 30\b/);
  });
});

describe('fragments', () => {
  const chain = (count: number) =>
    `{ viewer { ...F0 } } ${names(count, (n) => `fragment F${n} on Account { ...F${n + 1} }`)} fragment F${count} on Account { id }`;

  test.each([300, 3_000])('%i deep are refused, not a bug', async (count) => {
    for (const door of [app, withConfig(app, { maxTokens: 20_000 }), withConfig(app, { maxTokens: 200_000 })]) {
      const answer = await sendQuery(door, token, chain(count));
      expect(answer.status).toBeLessThan(500);
      expect(answer.errors.map(({ extensions }) => extensions?.code)).not.toContain('INTERNAL_UNKNOWN');
    }
  });

  test.each([
    ['itself', '{ viewer { ...A } } fragment A on Account { ...A }'],
    ['itself by another', '{ viewer { ...A } } fragment A on Account { ...B } fragment B on Account { ...A }'],
    [
      'itself below a field',
      `{ viewer { applications { edges { node { ...A } } } } }
      fragment A on Application { environments { edges { node { application { ...A } } } } }`,
    ],
    ['itself without being used', '{ viewer { id } } fragment A on Account { ...A }'],
  ])('that spread %s are refused', async (_, document) => {
    const { status, errors } = await sendQuery(app, token, document);
    expect([status, errors[0]?.extensions?.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(errors.map(({ message }) => message).join()).toMatch(/within itself|never used|depth limit of \d+/);
  });
});

test('limits hold however often a document is sent, whichever of its operations is asked for', async () => {
  const fine = 'query Fine { viewer { id } }';
  const rest = { headers: { accept: RESPONSE_JSON }, token };
  for (const [bad, limit] of [
    [`query Bad ${deep(13)}`, /depth limit of 12\b/],
    [`query Bad { ${names(31, (n) => `a${n}: viewer { id }`)} }`, /[Aa]lias(es)? limit of 30\b/],
    [`query Bad { viewer { ${'id '.repeat(1_999)} } }`, /[Tt]oken limit of 2000\b/],
  ] as const) {
    for (const operationName of ['Fine', 'Fine', 'Bad', 'Bad', 'Fine', undefined]) {
      const query = operationName === undefined ? bad : `${fine} ${bad}`;
      const search = `?${new URLSearchParams({ query, ...(operationName ? { operationName } : {}) })}`;
      expectRefused(await send(app, { body: JSON.stringify({ query, operationName }), ...rest }), limit);
      expectRefused(await send(app, { method: 'GET', search, ...rest }), limit);
    }
  }
});

describe('page size', () => {
  test.each([201, 2 ** 31 - 1])('of %i is refused, naming the limit', async (first) => {
    const document = `{ environment(id: "${world.environmentId}") { agentSecrets(first: ${first}) { totalCount } } }`;
    const { status, errors } = await sendQuery(app, token, document);
    expect([status, errors[0]?.message]).toEqual([200, 'first: expected 0 to 200 items per page']);
  });
});

describe('the body', () => {
  const TOO_LARGE = [413, 'PAYLOAD_TOO_LARGE'] as const;
  const door = () => withConfig(app, { maxBodyBytes: 2_000 });
  const bodyOf = (bytes: number) => {
    const body = JSON.stringify({ query: '{ viewer { id } }', variables: { unused: '' } });
    return body.replace('""', `"${'c4n4ry'.repeat(bytes).slice(0, bytes - body.length)}"`);
  };
  const streamed = (body: string) =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < body.length; at += 500) controller.enqueue(Buffer.from(body.slice(at, at + 500)));
        controller.close();
      },
    });

  test('may have as many bytes as are allowed and not one more, announced or not', async () => {
    for (const spelled of [(body: string) => body, streamed]) {
      const fine = await send(door(), { body: spelled(bodyOf(2_000)), token });
      expect([fine.status, fine.errors]).toEqual([200, []]);
      expectRefused(await send(door(), { body: spelled(bodyOf(2_001)), token }), /\b2000\b/, ...TOO_LARGE);
      expectRefused(await send(door(), { body: spelled(bodyOf(200_000)), token }), /\b2000\b/, ...TOO_LARGE);
    }
  });

  test('is read no further than the limit', async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(Buffer.alloc(1_000, ' '));
        if (pulled > 10_000) controller.error(new Error('read to the end'));
      },
    });
    expectRefused(await send(door(), { body: endless, token }), /\b2000\b/, ...TOO_LARGE);
    expect(pulled).toBeLessThan(20);
  });

  test('is counted in bytes, not in characters', async () => {
    const body = JSON.stringify({ query: '{ viewer { id } }', variables: { unused: '世'.repeat(1_000) } });
    expectRefused(await send(door(), { body, token }), /\b2000\b/, ...TOO_LARGE);
  });

  test.each([300, 5_000, 100_000])(
    'with JSON %i levels deep is refused, naming the depth that is allowed',
    async (levels) => {
      for (const [open, close] of [
        ['[', ']'],
        ['{"c4n4ry":', '}'],
      ] as const) {
        const variables = `{"value":${open.repeat(levels)}1${close.repeat(levels)}}`;
        const body = `{"query":"query ($value: SecretValue) { viewer { id } }","variables":${variables}}`;
        expectRefused(
          await send(app, { body, token }),
          /\b256\b|may have \d+ bytes/,
          body.length > app.config.maxBodyBytes ? 413 : 400,
          body.length > app.config.maxBodyBytes ? 'PAYLOAD_TOO_LARGE' : 'INVALID_REQUEST',
        );
      }
    },
  );
});

describe('variables that are wrong all over', () => {
  const CREATE = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
  const input = (change: object) => ({
    input: { environmentId: world.environmentId, path: ['a'], secretType: { type: 'Str' }, ...change },
  });
  const many = <T>(item: (n: number) => T) => Array.from({ length: 60_000 }, (_, n) => item(n));
  const FLOODS: Record<string, () => [query: string, variables: object]> = {
    'elements of a list': () => [CREATE, input({ path: many(() => 424242424242) })],
    'keys of an input': () => [CREATE, input(Object.fromEntries(many((n) => [`c4n4ry${n}`, 1])))],
    'items of a type': () => [CREATE, input({ secretType: { type: 'Tuple', items: many(() => ({})) } })],
    'names of a type': () => [CREATE, input({ secretType: { type: 'Enum', cases: many(() => 1_234) } })],
    'variables that there are not': () => [CREATE, Object.fromEntries(many((n) => [`n${n}`, n]))],
    'enum values': () => [
      'query ($kinds: [AnalysedTypeKind!]) { environment { agentSecrets(filter: { typeKinds: $kinds }) { totalCount } } }',
      { kinds: many(() => 'c4n4ry') },
    ],
    'keys of another value': () => ['query ($id: UUID!) { environment(id: $id) { id } }', { id: many(() => ({})) }],
  };

  test.each(Object.entries(FLOODS))('are answered in a few words: %s', async (_, flood) => {
    const [query, variables] = flood();
    const body = JSON.stringify({ query, variables });
    expect(body.length).toBeGreaterThan(150_000);
    const before = process.cpuUsage();
    const { status, text, errors } = await send(app, { body, token });
    const { user, system } = process.cpuUsage(before);
    expect([status, text.length < 30_000]).toEqual([400, true]);
    expect(errors.length).toBeLessThanOrEqual(51);
    for (const { extensions } of errors) expect(extensions?.code).toBe('INVALID_REQUEST');
    expect(CANARY.test(text)).toBe(false);
    // A body of this size takes some milliseconds to read; listing and printing every problem took seconds.
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });

  test('from a caller without a credential are not even read: nothing is asked of the database', async () => {
    const before = app.queries();
    const [query, variables] = (FLOODS['elements of a list'] as () => [string, object])();
    await send(app, { body: JSON.stringify({ query, variables }) });
    await send(app, { body: JSON.stringify({ query, variables: input({ path: many(String) }) }) });
    expect(app.queries()).toBe(before);
  });
});

test('values and types nested deeper than any may be are refused by their door, not by the stack', async () => {
  const document = (type: string, value: string) => `mutation { createAgentSecret(input: {
    environmentId: "${world.environmentId}", path: ["deep"], secretType: ${type}, secretValue: ${value} }) {
    __typename ... on Refusal { code }
  } }`;
  const lists = (levels: number) => `${'{ type: "List", inner: '.repeat(levels)}{ type: "Str" }${'}'.repeat(levels)}`;
  const door = withConfig(app, { maxTokens: 20_000 });
  const deepType = await sendQuery(door, token, document(lists(1_000), '[]'));
  expect(deepType.errors[0]?.extensions?.code).toBe('INVALID_REQUEST');
  expect(deepType.errors[0]?.message).toMatch(/at most 64 levels/);
  const deepValue = await sendQuery(
    door,
    token,
    document('{ type: "Str" }', `${'['.repeat(5_000)}${']'.repeat(5_000)}`),
  );
  expect(deepValue.data?.createAgentSecret.code ?? deepValue.errors[0]?.extensions?.code).toMatch(
    /^(AGENT_SECRET_VALUE_TYPE_MISMATCH|INVALID_REQUEST)$/,
  );
});

test('up to 1,000 fields may fail, each with its error; with more the answer is one refusal', async () => {
  const { secret: metadata } = await createTokenAs(app, token, { scopes: ['METADATA'] });
  const { id } = (await createSecret(app, token, {
    environmentId: world.environmentId,
    path: ['sealed'],
    secretType: { type: 'Str' },
    secretValue: 'v',
  })) as Secret;
  const ids = Array.from({ length: 100 }, () => id);
  const query = (count: number) =>
    `query ($ids: [ID!]!) { ${names(count, (n) => `a${n}: nodes(ids: $ids) { ... on AgentSecret { id secretValue } }`)} }`;
  const some = await sendQuery(app, metadata, query(10), { ids });
  expect(some.errors).toHaveLength(1_000);
  expect(some.data.a0[0]).toEqual({ id, secretValue: null });
  const { data, errors } = await sendQuery(app, metadata, query(11), { ids });
  expect(data).toBeUndefined();
  expect(errors).toEqual([
    {
      message: `More than 1000 fields of the answer fail: ${some.errors[0]?.message}`,
      extensions: { code: 'AUTH_FORBIDDEN' },
    },
  ]);
});
