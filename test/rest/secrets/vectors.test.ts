// The contract's vectors through HTTP, every one: types, values created and set, path segments, whole paths.
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { parseJson } from '../../../src/json/parse.js';
import { type Answer, eachOf, expectRefusal } from '../../support/rest/app.js';
import { comparable } from '../../support/rest/values.js';
import { restSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';

// Hundreds of requests a test: on a busy machine and the embedded database that takes a while.
vi.setConfig({ testTimeout: 120_000 });

const { app, owner } = await restSuite();

const freshEnvironment = () => createEnvironment(app, app.world.people.owner.token, app.world.applicationId);

function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../contract/vectors/${file}`, import.meta.url), 'utf8')) as T;
}

interface ValueCase {
  id: string;
  type: object;
  jsonText: string;
  ok: boolean;
  outText: string;
}

const TYPES = vectors<{ cases: { id: string; docText: string; ok: boolean; canonicalText: string }[] }>(
  'type-parsing.json',
).cases;
const VALUES = vectors<{ cases: ValueCase[] }>('value-mapping.json').cases;
const SEGMENTS = vectors<{ cases: { input: string; canonical: string; reapplied?: string }[] }>('canonical-path.json');
const PATHS = vectors<{ paths: { input: string[]; canonical: string[]; display: string; ok: boolean }[] }>(
  'canonical-path.json',
).paths;

/** Runs every vector and fails with the whole list of those that are not as they should be. */
async function expectAll<T>(cases: readonly T[], check: (vector: T, index: number) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  await eachOf(cases, async (vector, index) => {
    await check(vector, index).catch((error: unknown) => {
      failures.push(`${JSON.stringify(vector).slice(0, 300)}\n${error instanceof Error ? error.message : error}`);
    });
  });
  expect(failures.join('\n\n')).toBe('');
}

const member = (answer: Answer, key: string) =>
  comparable((parseJson(answer.text) as Record<string, never>)[key] ?? null);

test('types are shown in canonical form or refused', async () => {
  expect(TYPES).toHaveLength(92);
  const environmentId = await freshEnvironment();
  await expectAll(TYPES, async ({ docText, ok, canonicalText }, index) => {
    const created = await owner.create(environmentId, `{"path":["v${index}"],"secretType":${docText}}`);
    if (!ok) return expectRefusal(created, 400, 'INVALID_REQUEST');
    expect(created.status, created.text).toBe(200);
    for (const answer of [created, await owner.get(created.body.id)]) {
      expect(member(answer, 'secretType')).toEqual(comparable(parseJson(canonicalText)));
    }
  });
});

/** Duplicate keys are refused already where the body is parsed. */
function expectValueRefused(answer: Answer): void {
  const isDuplicate =
    answer.body.code === 'INVALID_REQUEST' && answer.text.includes('a key that is new to this object');
  expectRefusal(answer, 400, isDuplicate ? 'INVALID_REQUEST' : 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
}

test('values given at creation are read back as promised or refused', async () => {
  expect(VALUES).toHaveLength(340);
  const environmentId = await freshEnvironment();
  await expectAll(VALUES, async ({ type, jsonText, ok, outText }, index) => {
    const body = `{"path":["v${index}"],"secretType":${JSON.stringify(type)},"secretValue":${jsonText}}`;
    const created = await owner.create(environmentId, body);
    // At the top level of create, null is no value.
    const isNone = jsonText.trim() === 'null';
    if (!ok && !isNone) return expectValueRefused(created);
    expect(created.status, created.text).toBe(200);
    for (const answer of [created, await owner.get(created.body.id)]) {
      expect(member(answer, 'secretValue')).toEqual(comparable(parseJson(isNone ? 'null' : outText)));
    }
  });
});

test('values set by an update are read back as promised or refused, and a refused one changes nothing', async () => {
  const environmentId = await freshEnvironment();
  await expectAll(VALUES, async ({ type, jsonText, ok, outText }, index) => {
    const made = await owner.made(environmentId, { path: [`v${index}`], secretType: type, secretValue: null });
    const set = `{"currentRevision":0,"secretValue":{"op":"set","value":${jsonText}}}`;
    const updated = await owner.update(made.id, set);
    const read = await owner.get(made.id);
    if (!ok) {
      expectValueRefused(updated);
      expect(read.body).toMatchObject({ revision: 0, secretValue: null });
      return;
    }
    expect(updated.status, updated.text).toBe(200);
    for (const answer of [updated, read]) {
      expect(member(answer, 'secretValue')).toEqual(comparable(parseJson(outText)));
    }
  });
});

test('segments become the canonical ones, once and again', async () => {
  expect(SEGMENTS.cases).toHaveLength(193);
  const [environmentId, again] = [await freshEnvironment(), await freshEnvironment()];
  const create = (environment: string, path: string[]) =>
    owner.create(environment, { path, secretType: { type: 'Bool' } });
  await expectAll(SEGMENTS.cases, async ({ input, canonical, reapplied }, index) => {
    const created = await create(environmentId, [`v${index}`, input]);
    if (canonical === '') return expectRefusal(created, 400, 'INVALID_REQUEST', /^path\[1\]: /);
    expect(created.status, created.text).toBe(200);
    expect(created.body.path).toEqual([`v${index}`, canonical]);
    expect((await owner.get(created.body.id)).body.path).toEqual([`v${index}`, canonical]);
    expect((await create(again, [`v${index}`, canonical])).body.path).toEqual([`v${index}`, reapplied ?? canonical]);
  });
});

test('paths are canonical or refused, and a taken one is named by its display form', async () => {
  expect(PATHS).toHaveLength(13);
  await expectAll(PATHS, async ({ input, canonical, display, ok }) => {
    const environmentId = await freshEnvironment();
    const body = { path: input, secretType: { type: 'Bool' } };
    const created = await owner.create(environmentId, body);
    if (!ok) return expectRefusal(created, 400, 'INVALID_REQUEST', /^path/);
    expect(created.body.path, created.text).toEqual(canonical);
    const message = `Agent secret for path ${display} already exists in environment`;
    expectRefusal(await owner.create(environmentId, body), 409, 'AGENT_SECRET_ALREADY_EXISTS', message);
  });
});
