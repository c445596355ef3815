// Secret paths in canonical form: every spelling of a segment becomes the same lowerCamelCase text, and the segments
// joined by dots identify the path.
import { invalidRequest } from '../../errors/refusals.js';

const MAX_SEGMENTS = 16;
export const MAX_PATH_BYTES = 1024;

/**
 * A path in canonical form. `text` holds the segments joined by dots and identifies the path, because no segment
 * contains a dot.
 */
export interface SecretPath {
  readonly segments: string[];
  readonly text: string;
}

/**
 * Converts a path from the caller's spelling into canonical form. Never apply it to its own result, because it is not
 * idempotent: `a_b_c` becomes `aBC`, but `aBC` becomes `aBc`.
 * @throws {AppError} INVALID_REQUEST when the path is too long or too short, or when a segment has neither letters nor
 * digits.
 */
export function canonicalPath(segments: readonly string[]): SecretPath {
  if (segments.length < 1 || segments.length > MAX_SEGMENTS) {
    throw invalidRequest(`path: expected 1 to ${MAX_SEGMENTS} segments`);
  }
  const canonical = segments.map((segment) => toLowerCamelCase(segment, MAX_PATH_BYTES));
  const problems = canonical.flatMap((segment, index) =>
    segment === '' ? [`path[${index}]: expected at least one letter or digit`] : [],
  );
  const text = canonical.join('.');
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) {
    problems.push(`path: expected at most ${MAX_PATH_BYTES} UTF-8 bytes`);
  }
  if (problems.length > 0) {
    throw invalidRequest(...problems);
  }
  return { segments: canonical, text };
}

/** The segments of a path, given its canonical text. */
export function segmentsOf(text: string): string[] {
  return text.split('.');
}

/**
 * One segment in lowerCamelCase, exactly as `to_lower_camel_case` of the Rust crate heck 0.5 converts it, because a
 * path must mean the same here as in Golem. Empty when the segment has neither letters nor digits.
 */
export function canonicalSegment(segment: string): string {
  return toLowerCamelCase(segment, Number.POSITIVE_INFINITY);
}

// Runs of characters that Rust calls alphanumeric. Everything else, including lone surrogates, is only a separator.
const RUNS = /[\p{Alphabetic}\p{N}]+/gu;

// Splits a run into words. A word ends where upper case follows lower case (`api|Key`; uncased characters belong to the
// case before them), and before the last of several upper-case letters when lower case follows it (`XML|Http`).
const WORDS =
  /[^\p{Lowercase}\p{Uppercase}]*(?:\p{Uppercase}(?:[^\p{Lowercase}\p{Uppercase}]|\p{Uppercase}(?!\p{Lowercase}))*)?(?:\p{Lowercase}\P{Uppercase}*)?/gu;

/**
 * Stops as soon as the result has more than `maxCharacters` characters, because the caller then refuses the path
 * anyway.
 */
function toLowerCamelCase(segment: string, maxCharacters: number): string {
  let result = '';
  for (const [run] of segment.matchAll(RUNS)) {
    // Every character of a run adds at least one character to the result, and takes at most two code units. So this
    // many code units are enough to exceed the limit.
    for (const [word] of run.slice(0, 2 * (maxCharacters + 1)).matchAll(WORDS)) {
      result += result === '' ? lowercase(word) : capitalize(word);
      if (result.length > maxCharacters) {
        return result;
      }
    }
  }
  return result;
}

function capitalize(word: string): string {
  const [first = ''] = word;
  return first.toUpperCase() + lowercase(word.slice(first.length));
}

/**
 * Lowercases one word. A sigma takes its final form at the end of the word and nowhere else; `toLowerCase` alone would
 * look at the neighbouring characters instead.
 */
function lowercase(word: string): string {
  const lower = word.replaceAll('Σ', 'σ').toLowerCase();
  return word.endsWith('Σ') ? `${lower.slice(0, -1)}ς` : lower;
}
