// What the Transit provider promises: bound to its context, named by version, patient with outages, silent about secrets.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newEnvironmentKeys, openEnvironmentKeys } from '../../src/crypto/environment-keys.js';
import { KeyringError } from '../../src/crypto/local-keyring.js';
import { openValue, SealError, sealValue } from '../../src/crypto/sealing.js';
import { openTransitKeyProvider, type TransitOptions } from '../../src/crypto/transit-key-provider.js';
import { AppError } from '../../src/errors/errors.js';
import { startTransitServer, type TransitServer } from '../support/external/transit-server.js';

const KEY = 'agent-secrets';
const dataKey = randomBytes(32);

let server: TransitServer;
beforeEach(async () => {
  server = await startTransitServer();
  await server.admin(`keys/${KEY}`);
});
afterEach(() => server.close());

function options(more: Partial<TransitOptions> = {}): TransitOptions {
  return { url: server.url, mount: 'transit', key: KEY, token: async () => server.token, pauseMs: 1, ...more };
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  const shown = inspect(error, { depth: 9, showHidden: true });
  for (const secret of [server.token, server.rootToken, dataKey.toString('base64'), dataKey.toString('hex')]) {
    expect(shown).not.toContain(secret);
  }
  return error as Error;
}

async function refusalOf(promise: Promise<unknown>): Promise<KeyringError> {
  const error = await errorOf(promise);
  expect(error).toBeInstanceOf(KeyringError);
  expect(error.message).not.toContain('\n');
  return error as KeyringError;
}

/** The cause of an UNAVAILABLE error: the service does not do what it should. */
async function troubleOf(promise: Promise<unknown>): Promise<KeyringError> {
  const error = await errorOf(promise);
  expect(error).toMatchObject({ code: 'UNAVAILABLE', details: { retryAfter: 5 } });
  return refusalOf(Promise.reject(error.cause));
}

async function expectUnavailable(promise: Promise<unknown>, why: string): Promise<void> {
  const error = await errorOf(promise);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'The key service is not reachable, try again later' });
  expect((error.cause as Error).message).toBe(`the key service of TRANSIT_URL is not reachable (${why})`);
}

describe('a wrap', () => {
  test('unwraps in the same context only, whatever the bytes', async () => {
    const provider = await openTransitKeyProvider(options());
    const context = fc.string();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), context, context, async (bytes, from, to) => {
        const wrapped = await provider.wrap(bytes, from);
        expect([...(await provider.unwrap(wrapped, from))]).toEqual([...bytes]);
        if (from !== to) expect((await refusalOf(provider.unwrap(wrapped, to))).reason).toBe('unwrap-refused');
      }),
      { numRuns: 30 },
    );
  });

  test('is the service’s ciphertext, under a master key id that names mount, key and version', async () => {
    const provider = await openTransitKeyProvider(options());
    const wrapped = await provider.wrap(dataKey, 'c');
    expect(wrapped.masterKeyId).toBe(`transit:transit/${KEY}:v1`);
    expect(Buffer.from(wrapped.bytes).toString()).toMatch(/^vault:v1:[\w+/]+=*$/);
    expect(await provider.currentKeyId()).toBe(wrapped.masterKeyId);
    expect(await provider.keyIds()).toEqual([wrapped.masterKeyId]);
  });

  test('that was changed in any byte, cut, or relabelled is refused and named', async () => {
    const provider = await openTransitKeyProvider(options());
    await server.admin(`keys/${KEY}/rotate`);
    const wrapped = await provider.wrap(dataKey, 'environment:e:data:1');
    const { bytes } = wrapped;
    for (let at = 0; at < bytes.length; at += 1) {
      const tampered = Uint8Array.from(bytes);
      // Another letter of the alphabet, so that the text stays one.
      tampered[at] = tampered[at] === 0x41 ? 0x42 : 0x41;
      const error = await refusalOf(provider.unwrap({ ...wrapped, bytes: tampered }, 'environment:e:data:1'));
      expect(error.reason).toBe('unwrap-refused');
      expect(error.message).toContain('it does not unwrap the key of "environment:e:data:1"');
    }
    for (const length of [0, 5, 9, bytes.length - 4]) {
      await refusalOf(provider.unwrap({ ...wrapped, bytes: bytes.subarray(0, length) }, 'environment:e:data:1'));
    }
    const relabelled = { masterKeyId: `transit:transit/${KEY}:v1`, bytes };
    expect((await refusalOf(provider.unwrap(relabelled, 'environment:e:data:1'))).reason).toBe('unwrap-refused');
    const elsewhere = { masterKeyId: 'transit:transit/other:v2', bytes };
    expect((await refusalOf(provider.unwrap(elsewhere, 'environment:e:data:1'))).message).toBe(
      `master key "transit:transit/other:v2": it is not in Transit key transit/${KEY}; set TRANSIT_MOUNT and TRANSIT_KEY to it`,
    );
  });

  test('carries an environment’s keys and values as a local keyring does', async () => {
    const provider = await openTransitKeyProvider(options());
    const stored = await newEnvironmentKeys(provider, 'e1');
    const keys = await openEnvironmentKeys(provider, 'e1', stored);
    const binding = { environmentId: 'e1', agentSecretId: 's1', path: 'a', secretType: '{}', revision: 0n };
    const sealed = sealValue(keys.current, binding, 'hunter2');
    const again = await openEnvironmentKeys(await openTransitKeyProvider(options()), 'e1', stored);
    expect(openValue(again.data(1), binding, sealed)).toBe('hunter2');
    const swapped = stored.map((key) => ({
      ...key,
      wrapped: stored.find(({ purpose }) => purpose !== key.purpose)!.wrapped,
    }));
    expect(await errorOf(openEnvironmentKeys(provider, 'e1', swapped))).toBeInstanceOf(SealError);
    expect(await errorOf(openEnvironmentKeys(provider, 'e2', stored))).toBeInstanceOf(SealError);
  });
});

describe('a rotation in Transit', () => {
  test('is a new current master key; what the old version wrapped still unwraps', async () => {
    const provider = await openTransitKeyProvider(options());
    const old = await provider.wrap(dataKey, 'c');
    await server.admin(`keys/${KEY}/rotate`);
    expect(await provider.currentKeyId()).toBe(`transit:transit/${KEY}:v2`);
    expect((await provider.wrap(dataKey, 'c')).masterKeyId).toBe(`transit:transit/${KEY}:v2`);
    expect(Buffer.from(await provider.unwrap(old, 'c')).equals(dataKey)).toBe(true);
  });

  test('with min_decryption_version raised too early, a refusal says what to do', async () => {
    const provider = await openTransitKeyProvider(options());
    const old = await provider.wrap(dataKey, 'c');
    await server.admin(`keys/${KEY}/rotate`);
    await server.admin(`keys/${KEY}/config`, { min_decryption_version: 2 });
    expect((await refusalOf(provider.unwrap(old, 'c'))).message).toBe(
      `master key "transit:transit/${KEY}:v1": it is below min_decryption_version; ` +
        'lower it until npm run rotate -- master-key has re-wrapped what is under this version',
    );
    await server.admin(`keys/${KEY}/config`, { min_decryption_version: 1 });
    expect(Buffer.from(await provider.unwrap(old, 'c')).equals(dataKey)).toBe(true);
  });
});

describe('requests', () => {
  test('carry token and namespace in headers, and data keys and contexts in the documented fields', async () => {
    const own = await startTransitServer({ mount: 'kms/transit', namespace: 'team-a' });
    try {
      await own.admin(`keys/${KEY}`);
      const token = async () => own.token;
      const provider = await openTransitKeyProvider(
        options({ url: own.url, token, mount: 'kms/transit', namespace: 'team-a' }),
      );
      const wrapped = await provider.wrap(dataKey, 'environment:e:data:1');
      expect(wrapped.masterKeyId).toBe(`transit:team-a/kms/transit/${KEY}:v1`);
      expect(own.requests.at(-1)).toMatchObject({
        method: 'POST',
        path: `/v1/kms/transit/encrypt/${KEY}`,
        headers: { 'x-vault-token': own.token, 'x-vault-namespace': 'team-a', 'x-vault-request': 'true' },
        body: {
          plaintext: dataKey.toString('base64'),
          associated_data: Buffer.from('agent-secrets-gateway:wrap:1:environment:e:data:1').toString('base64'),
        },
      });
    } finally {
      await own.close();
    }
  });

  test('that fail in passing are repeated, no more than twice', async () => {
    const provider = await openTransitKeyProvider(options());
    for (const status of [500, 502, 503, 429, 472]) {
      server.disturb(status, 2);
      expect(Buffer.from(await provider.unwrap(await provider.wrap(dataKey, 'c'), 'c')).equals(dataKey)).toBe(true);
      const before = server.requests.length;
      server.disturb(status, 3);
      await expectUnavailable(provider.wrap(dataKey, 'c'), String(status));
      expect(server.requests.length - before).toBe(3);
    }
  });

  test('that are refused are not repeated', async () => {
    const provider = await openTransitKeyProvider(options());
    const wrapped = await provider.wrap(dataKey, 'c');
    const before = server.requests.length;
    await refusalOf(provider.unwrap(wrapped, 'd'));
    expect(server.requests.length - before).toBe(1);
  });

  test('without an answer in time are UNAVAILABLE', async () => {
    const provider = await openTransitKeyProvider(options({ timeoutMs: 100 }));
    server.disturb('hang', 3);
    await expectUnavailable(provider.wrap(dataKey, 'c'), 'no answer in time');
    expect((await provider.wrap(dataKey, 'c')).masterKeyId).toContain(':v1');
  });

  test('to a frozen service are given up within seconds', async () => {
    const provider = await openTransitKeyProvider(options());
    server.disturb('hang', 10);
    const began = performance.now();
    await expectUnavailable(provider.wrap(dataKey, 'c'), 'no answer in time');
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  test('about a version of the key that the service has lost are UNAVAILABLE, not a fault of what is stored', async () => {
    const provider = await openTransitKeyProvider(options());
    await server.admin(`keys/${KEY}/rotate`);
    const wrapped = await provider.wrap(dataKey, 'c');
    const restored = await startTransitServer();
    try {
      await restored.admin(`keys/${KEY}`);
      const other = await openTransitKeyProvider(options({ url: restored.url, token: async () => restored.token }));
      expect((await troubleOf(other.unwrap(wrapped, 'c'))).reason).toBe('missing');
    } finally {
      await restored.close();
    }
  });

  test('do not follow a redirect, which would take the token elsewhere', async () => {
    const provider = await openTransitKeyProvider(options());
    server.disturb(307, 1, { location: `${server.url}/v1/transit/encrypt/${KEY}` });
    expect((await troubleOf(provider.wrap(dataKey, 'c'))).message).toContain('the service answered 307');
  });

  test('to a sealed service are UNAVAILABLE until it is unsealed', async () => {
    const provider = await openTransitKeyProvider(options());
    server.seal(true);
    await expectUnavailable(provider.wrap(dataKey, 'c'), '503');
    server.seal(false);
    await provider.wrap(dataKey, 'c');
  });

  test('with a token that was renewed in its file go on', async () => {
    let token = server.token;
    const provider = await openTransitKeyProvider(options({ token: async () => token }));
    server.revoke(server.token);
    expect((await troubleOf(provider.wrap(dataKey, 'c'))).reason).toBe('forbidden');
    token = 'hvs.renewed';
    server.allow(token);
    expect((await provider.wrap(dataKey, 'c')).masterKeyId).toContain(':v1');
  });
});

describe('a start', () => {
  const cases: [string, () => Promise<Partial<TransitOptions>>, string][] = [
    [
      'a token that may not use the key',
      async () => ({ token: async () => 'hvs.stranger' }),
      `Transit key transit/${KEY}: permission denied; give a token that may update transit/encrypt/${KEY} and transit/decrypt/${KEY}`,
    ],
    [
      'a key that is not there',
      async () => ({ key: 'none' }),
      'Transit key transit/none: there is no such key; make it, or set TRANSIT_MOUNT and TRANSIT_KEY to yours',
    ],
    [
      'a mount that is not there',
      async () => ({ mount: 'none' }),
      `Transit key none/${KEY}: there is no such key; make it, or set TRANSIT_MOUNT and TRANSIT_KEY to yours`,
    ],
  ];
  test.each(cases)('is refused with %s', async (_, more, message) => {
    expect((await troubleOf(openTransitKeyProvider(options(await more())))).message).toBe(message);
  });

  test('is refused where associated data binds nothing', async () => {
    const old = await startTransitServer({ ignoresAssociatedData: true });
    try {
      await old.admin(`keys/${KEY}`);
      const error = await refusalOf(openTransitKeyProvider(options({ url: old.url, token: async () => old.token })));
      expect(error.message).toContain('it does not bind associated_data');
    } finally {
      await old.close();
    }
  });

  test('is UNAVAILABLE where nobody listens', async () => {
    const gone = await startTransitServer();
    await gone.close();
    await expectUnavailable(openTransitKeyProvider(options({ url: gone.url })), 'ECONNREFUSED');
  });
});
