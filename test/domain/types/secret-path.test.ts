// Paths: one canonical form for every spelling, exactly heck's, and limits that hold whatever is thrown at them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalPath, canonicalSegment, segmentsOf } from '../../../src/domain/types/secret-path.js';
import { AppError } from '../../../src/errors/errors.js';

describe('canonicalSegment', () => {
  test.each([
    ['Σ', 'ς'],
    ['ΣΣ', 'σς'],
    ['aΣ_Σb', 'aΣΣb'],
    ['ΑΣΒ', 'ασβ'],
    ['a_ΑΣ', 'aΑς'],
    ['a_\u0390x', 'a\u0399\u0308\u0301x'],
    ['ABC1def', 'abc1def'],
    ['abc1Def', 'abc1Def'],
    ['1Ab', '1ab'],
    ['XMLHttp', 'xmlHttp'],
    ['\ud800api\udc00key', 'apiKey'],
    ['𐐀𐐨𐐀', '𐐨𐐨𐐀'],
  ])('makes %j %j, as heck does', (input, canonical) => {
    expect(canonicalSegment(input)).toBe(canonical);
  });

  test('agrees with a literal transcription of heck on any input', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        'A',
        'B',
        '1',
        '_',
        '-',
        'Σ',
        'σ',
        'ς',
        'ß',
        'ŉ',
        'ǅ',
        'İ',
        'ⅳ',
        'Ⓐ',
        'ª',
        '²',
        '中',
        '\u0301',
        '𐐀',
        '𐐨',
      ),
      fc.string({ unit: 'binary', maxLength: 2 }),
    );
    const segment = fc.array(piece, { maxLength: 10 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(segment, (input) => {
        expect(canonicalSegment(input)).toBe(heck(input));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('canonicalPath', () => {
  test('takes 1 to 16 segments', () => {
    const path = (length: number) => Array.from({ length }, () => 'a');
    expect(canonicalPath(path(16)).segments).toHaveLength(16);
    expect(problems(path(0))).toEqual(['path: expected 1 to 16 segments']);
    expect(problems(path(17))).toEqual(['path: expected 1 to 16 segments']);
  });

  test('names every segment that comes out empty', () => {
    expect(problems(['', 'a', '🔑', '..'])).toEqual([
      'path[0]: expected at least one letter or digit',
      'path[2]: expected at least one letter or digit',
      'path[3]: expected at least one letter or digit',
    ]);
  });

  test('takes 1,024 bytes of dotted text, not one more, counted as UTF-8 and after conversion', () => {
    const tooLong = ['path: expected at most 1024 UTF-8 bytes'];
    expect(canonicalPath(['a'.repeat(1024)]).text).toHaveLength(1024);
    expect(canonicalPath(['a', 'b'.repeat(1022)]).text).toHaveLength(1024);
    expect(canonicalPath(['é'.repeat(512)]).text).toHaveLength(512);
    expect(canonicalPath([`${'_'.repeat(5000)}a`])).toEqual({ segments: ['a'], text: 'a' });
    expect(problems(['a'.repeat(1025)])).toEqual(tooLong);
    expect(problems(['a', 'b'.repeat(1023)])).toEqual(tooLong);
    expect(problems(['é'.repeat(513)])).toEqual(tooLong);
    expect(problems([`a_${'ΐ'.repeat(512)}`])).toEqual(tooLong);
  });

  test('is identified by its text, which gives the segments back', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 16 }), (input) => {
        const converted = input.map(canonicalSegment);
        fc.pre(converted.every((segment) => segment !== ''));
        const { segments, text } = canonicalPath(input);
        expect(segments).toEqual(converted);
        expect(segmentsOf(text)).toEqual(segments);
      }),
    );
  });

  test('refuses monsters quickly', () => {
    const started = performance.now();
    for (const piece of ['a', 'aB', 'AB', '_', '_a', '中', '𐐀', '\ud800', 'Σ']) {
      expect(() => canonicalPath([piece.repeat(1_000_000)])).toThrow(AppError);
      expect(() => canonicalPath(Array.from({ length: 100_000 }, () => piece))).toThrow(AppError);
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('never tells what the path holds', () => {
    const error = refusal([`hunter2${'x'.repeat(2000)}`, '🔑', 'hunter2']);
    expect(JSON.stringify([error.message, error.details])).not.toMatch(/hunter|🔑|xx/);
  });
});

function refusal(path: readonly string[]): AppError {
  try {
    canonicalPath(path);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

function problems(path: readonly string[]): readonly string[] | undefined {
  const error = refusal(path);
  expect(error.code).toBe('INVALID_REQUEST');
  return error.details.problems;
}

/** heck 0.5.0, `transform` and `to_lower_camel_case`, statement by statement. */
function heck(input: string): string {
  const words: string[] = [];
  for (const run of input.split(/[^\p{Alphabetic}\p{N}]/u)) {
    const chars = Array.from(run);
    let init = 0;
    let mode = 'boundary';
    chars.forEach((c, i) => {
      const next = chars[i + 1];
      if (next === undefined) {
        words.push(chars.slice(init).join(''));
        return;
      }
      const nextMode = isLowercase(c) ? 'lowercase' : isUppercase(c) ? 'uppercase' : mode;
      if (nextMode === 'lowercase' && isUppercase(next)) {
        words.push(chars.slice(init, i + 1).join(''));
        init = i + 1;
        mode = 'boundary';
      } else if (mode === 'uppercase' && isUppercase(c) && isLowercase(next)) {
        words.push(chars.slice(init, i).join(''));
        init = i;
        mode = 'boundary';
      } else {
        mode = nextMode;
      }
    });
  }
  return words
    .map((word, index) => {
      const [first = '', ...rest] = word;
      return index === 0 ? lowercase([first, ...rest]) : first.toUpperCase() + lowercase(rest);
    })
    .join('');
}

function lowercase(chars: readonly string[]): string {
  return chars.map((c, i) => (c === 'Σ' && i === chars.length - 1 ? 'ς' : c.toLowerCase())).join('');
}

function isLowercase(char: string): boolean {
  return /^\p{Lowercase}$/u.test(char);
}

function isUppercase(char: string): boolean {
  return /^\p{Uppercase}$/u.test(char);
}
