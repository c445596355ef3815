// Secret paths: every spelling of a segment becomes one lowerCamelCase form, and the dotted text names the path.
import { invalidRequest } from '../../errors/refusals.js';

const MAX_SEGMENTS = 16;
const MAX_BYTES = 1024;

/** A path in canonical form. `text`, its segments joined by dots, identifies it: no segment holds a dot. */
export interface SecretPath {
  readonly segments: string[];
  readonly text: string;
}

/**
 * Brings a path, as a caller spells it, into canonical form. Never apply it to its own result: `a_b_c` becomes `aBC`, but
 * `aBC` becomes `aBc`.
 * @throws {AppError} INVALID_REQUEST when the path is too long or too short, or segments have neither letters nor digits.
 */
export function canonicalPath(segments: readonly string[]): SecretPath {
  if (segments.length < 1 || segments.length > MAX_SEGMENTS) {
    throw invalidRequest(`path: expected 1 to ${MAX_SEGMENTS} segments`);
  }
  const canonical = segments.map((segment) => toLowerCamelCase(segment, MAX_BYTES));
  const problems = canonical.flatMap((segment, index) =>
    segment === '' ? [`path[${index}]: expected at least one letter or digit`] : [],
  );
  const text = canonical.join('.');
  if (Buffer.byteLength(text) > MAX_BYTES) {
    problems.push(`path: expected at most ${MAX_BYTES} UTF-8 bytes`);
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
 * One segment in lowerCamelCase, as `to_lower_camel_case` of the Rust crate heck 0.5 has it: a path must mean here what it
 * means to Golem. Empty when the segment has neither letters nor digits.
 */
export function canonicalSegment(segment: string): string {
  return toLowerCamelCase(segment, Number.POSITIVE_INFINITY);
}

// What Rust calls alphanumeric; all else only separates, lone surrogates included.
const RUNS = /[\p{Alphabetic}\p{N}]+/gu;

// Within a run, a word ends where upper case follows lower case (`api|Key`; uncased characters go with the case before
// them), and before the last of several upper-case letters when lower case follows it (`XML|Http`).
const WORDS =
  /[^\p{Lowercase}\p{Uppercase}]*(?:\p{Uppercase}(?:[^\p{Lowercase}\p{Uppercase}]|\p{Uppercase}(?!\p{Lowercase}))*)?(?:\p{Lowercase}\P{Uppercase}*)?/gu;

/** Gives up once the result has more characters than are `enough` to refuse it, whatever is left of the segment. */
function toLowerCamelCase(segment: string, maxCharacters: number): string {
  let result = '';
  for (const [run] of segment.matchAll(RUNS)) {
    // Every character of a run gives at least one, so that this many code units settle the matter.
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

/** Sigma is final where it ends the word and nowhere else; left alone, `toLowerCase` looks at its neighbours. */
function lowercase(word: string): string {
  const lower = word.replaceAll('Σ', 'σ').toLowerCase();
  return word.endsWith('Σ') ? `${lower.slice(0, -1)}ς` : lower;
}
