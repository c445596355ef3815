// Laws that hold for any type and any value, through HTTP: stored exactly or refused.
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { JsonObject } from '../../../src/json/exact.js';
import { parseJson } from '../../../src/json/parse.js';
import { canonical } from '../../conformance/generators/canonical.js';
import { typedValue } from '../../conformance/generators/typed-values.js';
import { type Answer, expectRefusal, place } from '../../support/rest/app.js';
import { mutated } from '../../support/rest/mutations.js';
import { comparable, isFaithful } from '../../support/rest/values.js';
import { restSuite } from '../../support/suites.js';

const RUNS = { numRuns: 150 };
// A thousand requests a test: on a busy machine and the embedded database that takes a while.
vi.setConfig({ testTimeout: 120_000 });

const { app, owner } = await restSuite();

const create = (document: object, value?: string) => {
  const secretValue = value === undefined ? '' : `,"secretValue":${value}`;
  const body = `{"path":["${place()}"],"secretType":${JSON.stringify(document)}${secretValue}}`;
  return owner.create(app.world.environmentId, body);
};

const set = (id: string, currentRevision: number, value: string) =>
  owner.update(id, `{"currentRevision":${currentRevision},"secretValue":{"op":"set","value":${value}}}`);

const read = (answer: Answer) => parseJson(answer.text) as JsonObject & { secretType: never; secretValue: never };

/** So that an environment does not fill up with secrets. */
async function discard({ body: { id } }: Answer): Promise<void> {
  const { revision } = (await owner.get(id)).body;
  expect((await owner.remove(id, revision)).status).toBe(200);
}

test('any value of any type is read back as it was created and as it was set', async () => {
  const law = fc.asyncProperty(typedValue(), async ({ document, jsonText, expectedText }) => {
    const created = await create(document, jsonText);
    expect(created.status, created.text).toBe(200);
    const expected = comparable(parseJson(expectedText));
    const answers = [created, await owner.get(created.body.id), await set(created.body.id, 0, jsonText)];
    for (const answer of [...answers, await owner.get(created.body.id)]) {
      const { secretType, secretValue } = read(answer);
      expect(comparable(secretValue)).toEqual(expected);
      expect(comparable(secretType)).toEqual(comparable(parseJson(JSON.stringify(canonical(document)))));
    }
    await discard(created);
  });
  await fc.assert(law, RUNS);
});

test('a damaged value is refused, or read back without anything dropped or altered', async () => {
  const damaged = typedValue().chain(({ document, jsonText }) =>
    mutated(jsonText).map((text) => ({ document, jsonText, text })),
  );
  const outcomes = { refused: 0, kept: 0 };
  const law = fc.asyncProperty(damaged, async ({ document, jsonText, text }) => {
    const made = await create(document, jsonText);
    const before = await owner.get(made.body.id);
    const updated = await set(made.body.id, 0, text);
    const after = await owner.get(made.body.id);
    if (updated.status === 200) {
      outcomes.kept += 1;
      expect(after.text).toBe(updated.text);
      expect(isFaithful(document, parseJson(text), read(after).secretValue)).toBe(true);
    } else {
      outcomes.refused += 1;
      expectRefusal(updated, 400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
      expect(after.text).toBe(before.text);
    }
    await discard(made);
  });
  await fc.assert(law, RUNS);
  expect(outcomes.refused).toBeGreaterThan(10);
  expect(outcomes.kept).toBeGreaterThan(10);
});

test('what is read back can be sent again and reads back as the same text', async () => {
  const law = fc.asyncProperty(typedValue(), async ({ document, jsonText }) => {
    const first = await create(document, jsonText);
    const { secretType, secretValue } = splice(first.text);
    const again = await owner.create(
      app.world.environmentId,
      `{"path":["${place()}"],"secretType":${secretType},"secretValue":${secretValue}}`,
    );
    expect(splice(again.text)).toEqual({ secretType, secretValue });
    await discard(first);
    await discard(again);
  });
  await fc.assert(law, { numRuns: 50 });
});

/** The two members as the text they came in: they are the last two, and no other has an object. */
function splice(text: string): { secretType: string; secretValue: string } {
  const [, rest = ''] = /"secretType":([\s\S]*)\}$/.exec(text) ?? [];
  for (let at = rest.indexOf(',"secretValue":'); at !== -1; at = rest.indexOf(',"secretValue":', at + 1)) {
    const [secretType, secretValue] = [rest.slice(0, at), rest.slice(at + ',"secretValue":'.length)];
    try {
      parseJson(secretType);
      parseJson(secretValue);
      return { secretType, secretValue };
    } catch {}
  }
  throw new Error('an answer without secretType and secretValue at its end');
}
