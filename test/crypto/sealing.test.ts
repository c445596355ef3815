// What sealing promises: exact round trips, refusal of anything else, and lengths that tell little.
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataKey } from '../../src/crypto/data-key.js';
import { additionalData, type SealBinding } from '../../src/crypto/seal-binding.js';
import { openValue, SEAL_ALGORITHMS, SealError, sealedKeyVersion, sealValue } from '../../src/crypto/sealing.js';
import { portableXchacha20Poly1305, sodiumProblem, xchacha20Poly1305 } from '../../src/crypto/xchacha20-poly1305.js';
import { sealInFormat1 } from '../support/format-1.js';

const dataKey = freshKey(3);
const binding: SealBinding = {
  environmentId: '018f0000-0000-7000-8000-0000000000aa',
  agentSecretId: '018f0000-0000-7000-8000-0000000000bb',
  path: 'pay.key',
  secretType: '{"type":"Str"}',
  revision: 7n,
};
const NONCE_BYTES = { 'xchacha20-poly1305': 24, 'aes-256-gcm': 12 };
/** Header, nonce and tag: what a sealed value costs besides its padded text. */
const FRAME = 1 + 4 + NONCE_BYTES['xchacha20-poly1305'] + 16;

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 2_000, size: 'max' }),
  fc.json(),
);
const id = fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('a', 'aa', '1:', ''));
const anyBinding = fc.record({
  environmentId: id,
  agentSecretId: id,
  path: id,
  secretType: id,
  revision: fc.bigInt(0n, 2n ** 63n - 1n),
});
const algorithm = fc.constantFrom(...SEAL_ALGORITHMS);
const keyVersion = fc.integer({ min: 1, max: 0xffff_ffff });

function freshKey(version: number): DataKey {
  return new DataKey(version, randomBytes(32));
}

function refusalOf(act: () => unknown): SealError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(SealError);
    return error as SealError;
  }
  throw new Error('expected a refusal');
}

describe('round trip', () => {
  test('any well-formed text comes back exactly, under any binding and key version', () => {
    fc.assert(
      fc.property(text, anyBinding, keyVersion, algorithm, (plaintext, at, version, chosen) => {
        const key = new DataKey(version, dataKey.bytes);
        const sealed = sealValue(key, at, plaintext, chosen);
        expect(openValue(key, at, sealed)).toBe(plaintext);
        expect(sealedKeyVersion(sealed)).toBe(version);
      }),
    );
  });

  test.each([0, 1, 59, 60, 61, 1019, 1020, 1021, 1276, 1277, 65_536, 1_000_000])(
    'a text of %i bytes survives',
    (length) => {
      const plaintext = 'x'.repeat(length);
      for (const chosen of SEAL_ALGORITHMS) {
        expect(openValue(dataKey, binding, sealValue(dataKey, binding, plaintext, chosen))).toBe(plaintext);
      }
    },
  );

  test('a value of an earlier version of the service opens, whatever path and type say', () => {
    const key = new DataKey(
      3,
      Uint8Array.from({ length: 32 }, (_, index) => index),
    );
    const sealed = Buffer.from(
      '01000000031e5b8dc760c04a71efd05aa502365941593c6b60e96f5fad55d5a1fe7d33bb75e7f5dfd0731107e2cb0493854e945e0a00d2768f' +
        'b45278f7fa8664551aa607aef7138ed058868445fc21076fca2a0b175fa4ca9d5b899a663721e05f',
      'hex',
    );
    expect(openValue(key, binding, sealed)).toBe('"sk-sample-0000"');
    expect(openValue(key, { ...binding, path: 'db', secretType: '{}' }, sealed)).toBe('"sk-sample-0000"');
    refusalOf(() => openValue(key, { ...binding, revision: 8n }, sealed));
    expect(openValue(key, binding, sealInFormat1(key, binding, 'ours'))).toBe('ours');
  });

  test('a longer binding than any before, and a short one behind it', () => {
    const long = { ...binding, secretType: 'x'.repeat(100_000) };
    const sealed = [sealValue(dataKey, long, 'one'), sealValue(dataKey, binding, 'two')] as const;
    expect(openValue(dataKey, long, sealed[0])).toBe('one');
    expect(openValue(dataKey, binding, sealed[1])).toBe('two');
    refusalOf(() => openValue(dataKey, { ...long, secretType: `${long.secretType}x` }, sealed[0]));
  });

  test('zero characters at the end of a text are not taken for padding', () => {
    expect(openValue(dataKey, binding, sealValue(dataKey, binding, 'a\0\0'))).toBe('a\0\0');
  });

  test('opens a plain Uint8Array and a view into a larger buffer, and leaves the bytes alone', () => {
    const sealed = sealValue(dataKey, binding, 'hunter2');
    const plain = Uint8Array.from(sealed);
    const view = new Uint8Array(sealed.length + 20).subarray(9, 9 + sealed.length);
    view.set(sealed);
    for (const bytes of [sealed, plain, view, Buffer.from(sealed)]) {
      expect(openValue(dataKey, binding, bytes)).toBe('hunter2');
      expect(openValue(dataKey, binding, bytes)).toBe('hunter2');
      expect(sealedKeyVersion(bytes)).toBe(3);
    }
  });

  test('a text with a lone surrogate is refused, never altered', () => {
    const surrogate = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));
    fc.assert(
      fc.property(text, surrogate, text, (before, lone, after) => {
        const error = refusalOf(() => sealValue(dataKey, binding, `${before}x${lone}x${after}`));
        expect(error.message).toContain('lone surrogates');
        expect(error.message).toContain(binding.agentSecretId);
      }),
    );
  });
});

describe('refusals', () => {
  test.each(SEAL_ALGORITHMS)('every single flipped bit is refused: %s', (chosen) => {
    const sealed = sealValue(dataKey, binding, 'canary-5f1c', chosen);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const tampered = Uint8Array.from(sealed);
      tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(refusalOf(() => openValue(dataKey, binding, tampered)).message).not.toContain('canary');
    }
  });

  test('any flipped bit of any value is refused', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(7), algorithm, (plaintext, at, bit, chosen) => {
        const sealed = sealValue(dataKey, binding, plaintext, chosen);
        const index = at % sealed.length;
        sealed[index] = (sealed[index] ?? 0) ^ (1 << bit);
        refusalOf(() => openValue(dataKey, binding, sealed));
      }),
    );
  });

  test('any shortened, lengthened or made-up value is refused', () => {
    const sealed = sealValue(dataKey, binding, 'x'.repeat(200));
    for (let length = 0; length < sealed.length; length += 1) {
      refusalOf(() => openValue(dataKey, binding, sealed.subarray(0, length)));
    }
    refusalOf(() => openValue(dataKey, binding, Buffer.concat([sealed, Buffer.alloc(1)])));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        refusalOf(() => openValue(dataKey, binding, bytes));
        for (const format of [1, 2, 3, 4]) {
          refusalOf(() => openValue(dataKey, binding, Buffer.concat([Buffer.of(format, 0, 0, 0, 3), bytes])));
        }
      }),
    );
  });

  test('a value moved to another environment, secret, path, type or revision is refused', () => {
    const isSame = (from: SealBinding, to: SealBinding) =>
      Object.entries(from).every(([name, value]) => to[name as keyof SealBinding] === value);
    fc.assert(
      fc.property(text, anyBinding, anyBinding, algorithm, (plaintext, from, to, chosen) => {
        fc.pre(!isSame(from, to));
        const sealed = sealValue(dataKey, from, plaintext, chosen);
        refusalOf(() => openValue(dataKey, to, sealed));
      }),
    );
  });

  test('no two bindings, formats or keys have the same additional data', () => {
    const encoded = (format: number, key: DataKey, at: SealBinding) =>
      Buffer.from(additionalData(format, key, at)).toString('hex');
    fc.assert(
      fc.property(anyBinding, fc.constantFrom(...Object.keys(binding)), id, (at, name, other) => {
        fc.pre(at[name as keyof SealBinding] !== other);
        const changed = { ...at, [name]: name === 'revision' ? at.revision ^ 1n : other };
        expect(encoded(2, dataKey, changed)).not.toBe(encoded(2, dataKey, at));
        // A part that gives its end to the part behind it.
        const { path, secretType } = at;
        const moved = { ...at, path: path.slice(0, -1), secretType: path.slice(-1) + secretType };
        if (path !== '') expect(encoded(2, dataKey, moved)).not.toBe(encoded(2, dataKey, at));
      }),
    );
    const same = encoded(2, dataKey, binding);
    expect(encoded(2, new DataKey(3, dataKey.bytes), binding)).toBe(same);
    expect(encoded(3, dataKey, binding)).not.toBe(same);
    expect(encoded(2, new DataKey(4, dataKey.bytes), binding)).not.toBe(same);
    expect(encoded(2, freshKey(3), binding)).not.toBe(same);
  });

  test('a value is not taken for one of another format', () => {
    for (const chosen of SEAL_ALGORITHMS) {
      for (const format of [1, 2, 3]) {
        const sealed = sealValue(dataKey, binding, 'x'.repeat(100), chosen);
        if (sealed[0] === format) continue;
        sealed[0] = format;
        refusalOf(() => openValue(dataKey, binding, sealed));
      }
    }
  });

  test.each([
    ['environment', { ...binding, environmentId: '018f0000-0000-7000-8000-0000000000ac' }],
    ['secret', { ...binding, agentSecretId: '018f0000-0000-7000-8000-0000000000bc' }],
    ['path', { ...binding, path: 'db.key' }],
    ['type', { ...binding, secretType: '{"type":"U16"}' }],
    ['revision', { ...binding, revision: 8n }],
    ['a negative revision', { ...binding, revision: binding.revision - 2n ** 64n }],
    ['a revision equal in its low 64 bits', { ...binding, revision: binding.revision + 2n ** 64n }],
    ['swapped ids', { ...binding, environmentId: binding.agentSecretId, agentSecretId: binding.environmentId }],
  ])('another binding is refused: %s', (_, other) => {
    for (const chosen of SEAL_ALGORITHMS) {
      const sealed = sealValue(dataKey, binding, 'canary-5f1c', chosen);
      refusalOf(() => openValue(dataKey, other, sealed));
    }
  });

  test('nothing is sealed for a revision that Postgres cannot have', () => {
    for (const revision of [-1n, 2n ** 63n]) {
      const error = refusalOf(() => sealValue(dataKey, { ...binding, revision }, 'v'));
      expect(error.message).toContain('its revision is out of range');
    }
  });

  test('ids that only differ in where they are divided, or in a lone surrogate, are different bindings', () => {
    const pairs: [string, string, string, string][] = [
      ['ab', 'c', 'a', 'bc'],
      ['1:a', 'b', '1', ':ab'],
      ['\ud800', 'b', '\ud801', 'b'],
    ];
    for (const [environmentId, agentSecretId, otherEnvironment, otherSecret] of pairs) {
      const sealed = sealValue(dataKey, { ...binding, environmentId, agentSecretId }, 'v');
      const other = { ...binding, environmentId: otherEnvironment, agentSecretId: otherSecret };
      refusalOf(() => openValue(dataKey, other, sealed));
    }
  });

  test('another key of the same version is refused, naming version and secret', () => {
    const sealed = sealValue(dataKey, binding, 'canary-5f1c');
    const error = refusalOf(() => openValue(freshKey(3), binding, sealed));
    expect(error.message).toBe(
      'value of agent secret 018f0000-0000-7000-8000-0000000000bb in environment 018f0000-0000-7000-8000-0000000000aa' +
        ' (data key version 3): it was changed, moved from another row, or sealed under another key',
    );
    expect(error.subject).toEqual({
      keyVersion: 3,
      environmentId: binding.environmentId,
      agentSecretId: binding.agentSecretId,
    });
    expect(inspect(error)).not.toContain('canary');
  });

  test('a key of another version is refused, naming both versions', () => {
    const sealed = sealValue(dataKey, binding, 'v');
    const error = refusalOf(() => openValue(new DataKey(4, dataKey.bytes), binding, sealed));
    expect(error.message).toContain('(data key version 3): it needs that key, not version 4');
  });

  test('the key version is part of what is authenticated', () => {
    const sealed = sealValue(dataKey, binding, 'v');
    sealed[4] = 4;
    refusalOf(() => openValue(new DataKey(4, dataKey.bytes), binding, sealed));
  });

  test('a key version is only read from what looks like a sealed value', () => {
    for (const bytes of [new Uint8Array(0), Buffer.alloc(200), Buffer.alloc(200, 4), Buffer.of(2, 0, 0, 0, 1)]) {
      refusalOf(() => sealedKeyVersion(bytes));
    }
  });
});

test('without the binary of libsodium, XChaCha20-Poly1305 is the same', async () => {
  expect(sodiumProblem, 'this machine has the binary').toBeUndefined();
  const portable = await portableXchacha20Poly1305();
  const bytes = fc.uint8Array({ maxLength: 2_000 });
  const nonces = new Set<string>();
  fc.assert(
    fc.property(bytes, bytes, fc.nat(), (plaintext, aad, at) => {
      for (const [from, to] of [[portable, xchacha20Poly1305] as const, [xchacha20Poly1305, portable] as const]) {
        const nonce = new Uint8Array(24);
        const body = Buffer.concat([plaintext, Buffer.alloc(16)]);
        from.encrypt(dataKey, aad, nonce, body);
        nonces.add(String(nonce));
        expect(to.decrypt(dataKey, aad, nonce, body)).toEqual(Buffer.from(plaintext));
        body[at % body.length]! ^= 1;
        expect(to.decrypt(dataKey, aad, nonce, body)).toBeUndefined();
      }
    }),
  );
  expect(nonces.size).toBe(200);
});

test('no print of a key shows its bytes', () => {
  const bytes = randomBytes(32);
  const key = new DataKey(3, bytes);
  const printed = `${inspect(key, { showHidden: true, getters: true })}${JSON.stringify(key)}`;
  expect(printed).toContain('3');
  for (const hidden of [bytes.toString('hex'), bytes.toString('base64'), [...bytes.subarray(0, 8)].join(', ')]) {
    expect(printed).not.toContain(hidden);
  }
});

describe('what a stored value tells', () => {
  test('texts of up to 60 bytes are equally long when sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 15 }), (plaintext) => {
        expect(sealValue(dataKey, binding, plaintext).length).toBe(FRAME + 64);
      }),
    );
  });

  test('a length tells its bucket only: 64 bytes up to 1 KiB, 256 above', () => {
    for (let length = 0; length <= 4_096; length += 1) {
      const body = sealValue(dataKey, binding, 'x'.repeat(length)).length - FRAME;
      const step = length + 4 <= 1_024 ? 64 : 256;
      expect(body % step).toBe(0);
      expect(body - (length + 4)).toBeGreaterThanOrEqual(0);
      expect(body - (length + 4)).toBeLessThan(step);
    }
  });

  test('a value of 64 KiB grows by less than half a per cent', () => {
    expect(sealValue(dataKey, binding, 'x'.repeat(65_536)).length).toBeLessThan(65_536 * 1.005);
  });

  test('no nonce repeats, and equal texts never look equal', () => {
    const nonces = new Set<string>();
    const bodies = new Set<string>();
    for (let n = 0; n < 20_000; n += 1) {
      const sealed = Buffer.from(sealValue(dataKey, binding, 'same'));
      nonces.add(sealed.toString('hex', 5, 29));
      bodies.add(sealed.toString('hex', 29));
    }
    expect(nonces.size).toBe(20_000);
    expect(bodies.size).toBe(20_000);
  });

  test.each([
    ['xchacha20-poly1305', 2],
    ['aes-256-gcm', 3],
  ] as const)(
    'has the documented layout: format, key version, nonce, ciphertext, tag; no plaintext: %s',
    (chosen, format) => {
      const sealed = Buffer.from(sealValue(new DataKey(0x0102_0304, dataKey.bytes), binding, 'canary-5f1c', chosen));
      expect([...sealed.subarray(0, 5)]).toEqual([format, 1, 2, 3, 4]);
      expect(sealed.length).toBe(5 + NONCE_BYTES[chosen] + 64 + 16);
      expect(sealed.includes('canary')).toBe(false);
      // Not a slice of a shared pool, which would keep neighbours' bytes within reach.
      expect(sealValue(dataKey, binding, 'v').buffer.byteLength).toBe(FRAME + 64);
    },
  );
});
