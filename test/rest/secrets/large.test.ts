// How large things may be: types and lists are bounded, so that every answer fits into one.
import { expect, test } from 'vitest';
import { expectRefusal, place } from '../../support/rest/app.js';
import { restSuite } from '../../support/suites.js';

const { owner, environmentId } = await restSuite();

/** An Enum whose canonical document has exactly this many bytes. */
function enumOf(bytes: number) {
  const empty = '{"type":"Enum","cases":[""]}'.length;
  return { type: 'Enum', cases: ['e'.repeat(bytes - empty)] };
}

test('a type of 65,536 bytes is stored and comes back, one of a byte more is INVALID_REQUEST', async () => {
  const secretType = enumOf(65_536);
  const made = await owner.made(environmentId, { secretType, secretValue: null });
  expect((await owner.get(made.id)).body.secretType).toEqual(secretType);

  const refused = await owner.create(environmentId, { path: [place()], secretType: enumOf(65_537) });
  expectRefusal(refused, 400, 'INVALID_REQUEST');
  expect(refused.body.errors).toEqual(['secretType: expected at most 65536 bytes in canonical form']);
});

test('bytes count, not characters, and what is left out of the canonical form does not', async () => {
  const wide = { type: 'Enum', cases: ['é'.repeat(32_760)] };
  expectRefusal(await owner.create(environmentId, { path: [place()], secretType: wide }), 400, 'INVALID_REQUEST');
  const padded = { type: 'Str', unknown: 'x'.repeat(70_000) };
  expect((await owner.create(environmentId, { path: [place()], secretType: padded })).status).toBe(200);
});
