// Random values of random types, random text, random paths: each comes back as the contract says. What differs is shrunk.
import fc from 'fast-check';
import { canonical } from '../generators/canonical.js';
import { deepType } from '../generators/deep-types.js';
import { analysedTypeDocument, anyString, type TypeDocument, typedValue } from '../generators/typed-values.js';
import { member, parseStrict } from '../json/strict.js';
import { either, refusal, secret, textRefusal } from '../verdict/expected.js';
import { Difference, type Trial } from '../verdict/trial.js';
import type { Case, Surroundings } from './case.js';

/** Runs a property with the seed of the run. The difference it throws names the smallest input that shows it. */
export async function holdsForAll<T>(
  { seed, effort }: Surroundings,
  arbitrary: fc.Arbitrary<T>,
  check: (input: T) => Promise<void>,
  show: (input: T) => string = (input) => `for ${fc.stringify(input)}`,
): Promise<void> {
  const property = fc.asyncProperty(arbitrary, check);
  const details = await fc.check(property, {
    seed,
    numRuns: effort,
    interruptAfterTimeLimit: 30_000,
  });
  if (!details.failed || details.counterexample === null) return;
  const error = details.errorInstance;
  const smallest = `${show(details.counterexample[0])} (seed ${details.seed}, shrunk ${details.numShrinks} times)`;
  if (!(error instanceof Difference)) throw error;
  throw new Difference(`${error.wants} ${smallest}`, error.got, error.answer);
}

async function roundTrip(
  t: Trial,
  { secrets }: Surroundings,
  typeText: string,
  valueText: string,
  read: string,
  type: unknown,
) {
  const parts = { type: parseStrict(JSON.stringify(type)), value: parseStrict(read) };
  const body = `{"path":["${secrets.place()}"],"secretType":${typeText},"secretValue":${valueText}}`;
  // The original writes null for what a type does not have; its values may differ as section 8 declares.
  const isOriginal = t.profile === 'golem-1.5.9';
  const expected = (revision: number) => secret(isOriginal ? { revision } : { revision, ...parts });
  const created = t.expect(await secrets.create(t, body), expected(0));
  const id = member(created.json, 'id') as string;
  t.expect(await secrets.get(t, id), expected(0));
  const set = `{"currentRevision":0,"secretValue":{"op":"set","value":${valueText}}}`;
  t.expect(await secrets.update(t, id, set), expected(1));
  t.expect(await secrets.remove(t, id, 1), secret({ revision: 2 }));
}

export const RANDOM: readonly Case[] = [
  {
    id: 'random/values',
    section: 'values.md',
    title: 'Any value of any type, in any spelling, reads back as values.md says',
    async run(t, surroundings) {
      const show = ({ document, jsonText }: { document: object; jsonText: string }) =>
        `for ${JSON.stringify(document)} with the value ${jsonText}`;
      const check = ({
        document,
        jsonText,
        expectedText,
      }: {
        document: TypeDocument;
        jsonText: string;
        expectedText: string;
      }) => roundTrip(t, surroundings, JSON.stringify(document), jsonText, expectedText, canonical(document));
      await holdsForAll(surroundings, typedValue(), check, show);
    },
  },
  {
    id: 'random/strings',
    section: 'values.md',
    title: 'Any text comes back character by character, as a value and as a name in a type',
    async run(t, surroundings) {
      await holdsForAll(surroundings, anyString(), async (text) => {
        const type = { type: 'Variant', name: text, cases: [{ name: text, typ: { type: 'Str' } }] };
        const value = `{${JSON.stringify(text)}:${JSON.stringify(text)}}`;
        await roundTrip(t, surroundings, JSON.stringify(type), value, value, type);
      });
    },
  },
  {
    id: 'random/misfits',
    section: 'values.md',
    title: 'A value of one type is refused for another, or read back; nothing else, and never an error of the target',
    async run(t, surroundings) {
      const { secrets } = surroundings;
      const pair = fc.tuple(analysedTypeDocument(), typedValue());
      await holdsForAll(surroundings, pair, async ([document, { jsonText }]) => {
        const body = `{"path":["${secrets.place()}"],"secretType":${JSON.stringify(document)},"secretValue":${jsonText}}`;
        const answer = await secrets.create(t, body);
        t.expect(answer, either(secret({ revision: 0 }), refusal(400, 'AGENT_SECRET_VALUE_TYPE_MISMATCH')));
        if (answer.status === 200) await secrets.remove(t, member(answer.json, 'id') as string, 0);
      });
    },
  },
  {
    id: 'random/deep-types',
    section: '8.15',
    title: 'However deep a type is, it is refused, or every answer with it can be read by strict clients',
    async run(t, surroundings) {
      const { secrets } = surroundings;
      await holdsForAll(
        { ...surroundings, effort: Math.min(surroundings.effort, 20) },
        deepType(),
        async ({ typeText, valueText }) => {
          const body = `{"path":["${secrets.place()}"],"secretType":${typeText},"secretValue":${valueText}}`;
          const created = await secrets.create(t, body);
          t.expect(created, either(secret({ revision: 0 }), refusal(400, 'INVALID_REQUEST')), {
            number: 1,
            golem: either(secret({ revision: 0 }), textRefusal(400)),
          });
          await secrets.list(t);
          if (created.status === 200) await secrets.remove(t, member(created.json, 'id') as string, 0);
        },
      );
    },
  },
];
