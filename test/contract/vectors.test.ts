// The contract's vectors, every one, against the pure modules that promise them.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { printAnalysedType } from '../../src/domain/types/analysed-type.js';
import { parseAnalysedType } from '../../src/domain/types/analysed-type-parse.js';
import { canonicalPath, canonicalSegment } from '../../src/domain/types/secret-path.js';
import { checkSecretValue } from '../../src/domain/types/secret-value.js';
import { AppError } from '../../src/errors/errors.js';
import { JsonSyntaxError } from '../../src/json/exact.js';
import { parseJson } from '../../src/json/parse.js';
import { comparable } from '../support/rest/values.js';

interface SegmentCase {
  input: string;
  canonical: string;
  reapplied?: string;
}

interface PathCase {
  input: string[];
  canonical: string[];
  display: string;
  ok: boolean;
}

type TypeCase = { id: string; docText: string } & ({ ok: true; canonicalText: string } | { ok: false });

type ValueCase = { id: string; type: unknown; jsonText: string } & ({ ok: true; outText: string } | { ok: false });

// The shared folder is the source; a clone of the project alone has the copy.
const shared = new URL('../../../shared/contract/vectors/', import.meta.url);
const folder = existsSync(shared) ? shared : new URL('vectors/', import.meta.url);

function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}

const { cases: segments, paths } = vectors<{ cases: SegmentCase[]; paths: PathCase[] }>('canonical-path.json');
const { cases: types } = vectors<{ cases: TypeCase[] }>('type-parsing.json');
const { cases: values } = vectors<{ cases: ValueCase[] }>('value-mapping.json');

test('all vectors are here', () => {
  expect([segments.length, paths.length, types.length, values.length]).toEqual([193, 13, 92, 340]);
});

describe('a segment becomes the lowerCamelCase heck gives it', () => {
  test.each(segments)('$input', ({ input, canonical, reapplied }) => {
    expect(canonicalSegment(input)).toBe(canonical);
    expect(canonicalSegment(canonical)).toBe(reapplied ?? canonical);
  });
});

describe('a path is canonical or refused', () => {
  test.each(paths)('$input', ({ input, canonical, display, ok }) => {
    if (ok) expect(canonicalPath(input)).toEqual({ segments: canonical, text: display });
    else expectRefusal(() => canonicalPath(input), 'INVALID_REQUEST');
  });
});

describe('a type document is read and printed canonically or refused', () => {
  test.each(types)('$id $docText', (vector) => {
    if (vector.ok) {
      const printed = printAnalysedType(parseAnalysedType(parseJson(vector.docText)));
      expect(parseJson(printed)).toEqual(parseJson(vector.canonicalText));
    } else {
      expectRefusal(() => parseAnalysedType(parseJson(vector.docText)), 'INVALID_REQUEST');
    }
  });
});

describe('a value is read back as promised or refused', () => {
  test.each(values)('$id $jsonText', (vector) => {
    const type = parseAnalysedType(parseJson(JSON.stringify(vector.type)));
    if (vector.ok) {
      const text = checkSecretValue(type, parseJson(vector.jsonText));
      expect(comparable(parseJson(text))).toEqual(comparable(parseJson(vector.outText)));
    } else {
      expectRefusal(() => checkSecretValue(type, parseJson(vector.jsonText)), 'AGENT_SECRET_VALUE_TYPE_MISMATCH');
    }
  });
});

/** Duplicate keys are refused already where the text is parsed. */
function expectRefusal(attempt: () => unknown, code: string): void {
  try {
    attempt();
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      expect(error.message).toContain('a key that is new to this object');
      return;
    }
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe(code);
    expect((error as AppError).details.problems?.length).toBeGreaterThan(0);
    return;
  }
  expect.fail('expected a refusal');
}
