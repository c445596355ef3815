// Long texts are parsed in time slices: with the same result, the same refusals, and turns for everything else.
import { expect, test } from 'vitest';
import { JsonDepthError, JsonSyntaxError } from '../../src/json/exact.js';
import { parseJson, parseJsonInSlices } from '../../src/json/parse.js';

const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1.50${'}]'.repeat(levels / 2)}`;
const LONG = {
  'a list of numbers': `[${'1,-2.50,1e5,'.repeat(20_000)}0]`,
  'an object of many keys': `{${Array.from({ length: 20_000 }, (_, n) => `"k${n}":{"__proto__":${n}}`).join()}}`,
  'numbers for keys': `{${Array.from({ length: 20_000 }, (_, n) => `"${n}":"${n}"`).join()}}`,
  'lists in lists': `[${`${nested(250)},`.repeat(100)}[]]`,
  'one long string': `"${'long \\n'.repeat(30_000)}"`,
  'space around one word': `${' \n'.repeat(50_000)}true${' '.repeat(50_000)}`,
};

test.each(Object.entries(LONG))('%s is read as it would be at once', async (_, text) => {
  expect(text.length).toBeGreaterThan(64 * 1024);
  expect(await parseJsonInSlices(text)).toEqual(parseJson(text));
});

test.each(Object.entries(LONG))(
  '%s that is cut off, or goes wrong anywhere, is refused as it would be at once',
  async (_, text) => {
    const broken = [0.3, 0.7, 0.999].flatMap((part) => {
      const at = Math.floor(text.length * part);
      return [
        text.slice(0, at),
        `${text.slice(0, at)}]${text.slice(at)}`,
        `${text.slice(0, at)}\u0001${text.slice(at)}`,
      ];
    });
    for (const wrong of [...broken, `${text} 1`, `[${text},${text.slice(1)}`]) {
      let error: unknown;
      try {
        parseJson(wrong);
      } catch (thrown) {
        error = thrown;
      }
      if (error === undefined) expect(await parseJsonInSlices(wrong)).toEqual(parseJson(wrong));
      else await expect(parseJsonInSlices(wrong)).rejects.toEqual(error);
    }
  },
);

test('the limits of depth and the refusal of doubled keys hold behind any number of slices', async () => {
  const ahead = `[${'1,'.repeat(100_000)}`;
  await expect(parseJsonInSlices(`${ahead}${nested(256)}]`)).rejects.toBeInstanceOf(JsonDepthError);
  await expect(parseJsonInSlices(`${ahead}${nested(254)}]`)).resolves.toHaveLength(100_001);
  await expect(parseJsonInSlices(`${ahead}{"a":1,"a":1}]`)).rejects.toBeInstanceOf(JsonSyntaxError);
});

test('others get their turns while a long text is read, and a short one is read at once', async () => {
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  await parseJsonInSlices(`[${'1,'.repeat(2_000)}1]`);
  expect(turns).toBe(0);
  await parseJsonInSlices(LONG['an object of many keys']);
  isDone = true;
  expect(turns).toBeGreaterThan(2);
});
