// Subscriptions in parts of one answer, as Apollo's clients ask for them and read them.
import { describe, expect, test } from 'vitest';
import { createSecret, done } from '../../support/graphql/secrets.js';
import { graphqlSuite } from '../../support/suites.js';

const { app, world, token } = await graphqlSuite();
const { environmentId } = world;

/** What Apollo Client 4 sends. */
const ACCEPT =
  'multipart/mixed;boundary="graphql";subscriptionSpec="1.0",application/graphql-response+json,application/json;q=0.9';
const CHANGES = `subscription ($environmentId: UUID!, $after: Revision) {
  agentSecretChanges(environmentId: $environmentId, after: $after) { environmentRevision }
}`;

function open(query: string, variables: object, as = token): Promise<Response> {
  return app.fetch(
    new Request('http://localhost/graphql', {
      method: 'POST',
      headers: { accept: ACCEPT, 'content-type': 'application/json', authorization: `Bearer ${as}` },
      body: JSON.stringify({ query, variables }),
    }),
  );
}

/** Reads as Apollo Client does: a part is there when the boundary behind it is. */
async function* parts(response: Response): AsyncGenerator<any> {
  const delimiter = '\r\n--graphql';
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    buffer += decoder.decode(chunk, { stream: true });
    for (let end = buffer.indexOf(delimiter); end !== -1; end = buffer.indexOf(delimiter)) {
      const part = buffer.slice(0, end);
      buffer = buffer.slice(end + delimiter.length);
      const start = part.indexOf('\r\n\r\n');
      if (start === -1) continue;
      expect(part.slice(0, start)).toContain('content-type: application/json');
      yield JSON.parse(part.slice(start));
    }
    if (buffer.startsWith('--')) return;
  }
  throw new Error('the answer ended without its last boundary');
}

describe('a subscription of Apollo’s', () => {
  test('is told every change in a part of its own, past ones and live ones', async () => {
    const make = (path: string) =>
      done(createSecret(app, token, { environmentId, path: [path], secretType: { type: 'Str' }, secretValue: 'a' }));
    await make('first');
    const response = await open(CHANGES, { environmentId, after: 0 });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('multipart/mixed;boundary="graphql";subscriptionSpec="1.0"');
    expect(response.headers.get('cache-control')).toContain('no-store');
    const stream = parts(response);
    expect((await stream.next()).value).toEqual({});
    const revision = async () => {
      for (;;) {
        const { value } = await stream.next();
        if ('payload' in value) return value.payload;
      }
    };
    expect(await revision()).toEqual({ data: { agentSecretChanges: { environmentRevision: 1 } } });
    await make('second');
    expect(await revision()).toEqual({ data: { agentSecretChanges: { environmentRevision: 2 } } });
    await stream.return(undefined);
  });

  test('that may not begin is one answer in JSON', async () => {
    const response = await open(CHANGES, { environmentId, after: 0 }, world.people.stranger.token);
    expect(response.headers.get('content-type')).toMatch(/^application\/graphql-response\+json/);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'ENVIRONMENT_NOT_FOUND' } }] });
  });

  test('ends with an error of the transport when the service stops, so that its client comes back', async () => {
    const response = await open(CHANGES, { environmentId, after: 0 });
    const stream = parts(response);
    for (let told = 0; told < 2; ) if ('payload' in (await stream.next()).value) told += 1;
    await app.services.feed.close();
    const rest: any[] = [];
    for await (const part of stream) if ('payload' in part) rest.push(part);
    expect(rest).toEqual([
      {
        payload: null,
        errors: [{ message: expect.any(String), extensions: expect.objectContaining({ code: 'UNAVAILABLE' }) }],
      },
    ]);
  });
});

test('a query of such a client is one answer in JSON', async () => {
  const response = await open('{ viewer { id } }', {});
  expect(response.headers.get('content-type')).toMatch(/^application\/graphql-response\+json/);
  expect(await response.json()).toEqual({ data: { viewer: { id: world.people.owner.id } } });
});
