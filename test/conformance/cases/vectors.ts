// The contract's vectors, each a case: types, values created and set, path segments, whole paths.
import { readFileSync } from 'node:fs';
import { type Json, member, parseStrict } from '../json/strict.js';
import { anything, type Expected, refusal, secret } from '../verdict/expected.js';
import type { Declared } from '../verdict/trial.js';
import { type Case, malformed } from './case.js';

/** The compiled kit runs one folder below its sources. */
const FOLDER = ['../../contract/vectors/', '../../../contract/vectors/'].map((path) => new URL(path, import.meta.url));

function read<T>(file: string): T {
  for (const folder of FOLDER) {
    try {
      return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`the vectors are missing: ${file}`);
}

interface TypeVector {
  id: string;
  docText: string;
  ok: boolean;
  canonicalText: string;
}
interface ValueVector {
  id: string;
  type: object;
  jsonText: string;
  ok: boolean;
  outText: string;
  /** How the original differs, in words. */
  upstream?: string;
}
interface SegmentVector {
  input: string;
  canonical: string;
  reapplied?: string;
}
interface PathVector {
  input: string[];
  canonical: string[];
  display: string;
  ok: boolean;
}

export function vectorCases(): Case[] {
  const segments = read<{ cases: SegmentVector[]; paths: PathVector[] }>('canonical-path.json');
  return [
    ...read<{ cases: TypeVector[] }>('type-parsing.json').cases.map(typeCase),
    ...read<{ cases: ValueVector[] }>('value-mapping.json').cases.map(valueCase),
    ...segments.cases.map(segmentCase),
    ...segments.paths.map(pathCase),
  ];
}

function typeCase({ id, docText, ok, canonicalText }: TypeVector): Case {
  return {
    id: `types/${id}`,
    section: 'values.md',
    title: ok ? 'A type is taken and shown in canonical form' : 'A type document is refused',
    async run(t, { secrets }) {
      const created = await secrets.create(t, `{"path":["${secrets.place()}"],"secretType":${docText}}`);
      if (!ok) {
        t.expect(created, malformed().contract, malformed().declared);
        return;
      }
      const type = parseStrict(canonicalText);
      const expected = secret({ revision: 0, type });
      const declared = { number: 8, golem: withNulls(type) };
      t.expect(created, expected, declared);
      t.expect(await secrets.get(t, member(created.json, 'id') as string), expected, declared);
    },
  };
}

/** The original writes null for what a type document does not have. */
function withNulls(type: Json): Expected {
  const plain = secret({ revision: 0, type });
  return {
    wants: `${plain.wants}, absent keys of the type as null`,
    mismatch(answer) {
      if (!(answer.json instanceof Map)) return 'no object';
      const shown = new Map(
        [...answer.json].map(([key, value]) => [key, key === 'secretType' ? withoutNulls(value) : value]),
      );
      return plain.mismatch({ ...answer, json: shown });
    },
  };
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!(value instanceof Map)) return value;
  return new Map([...value].filter(([, item]) => item !== null).map(([key, item]) => [key, withoutNulls(item)]));
}

function valueCase(vector: ValueVector): Case {
  const { id, type, jsonText, ok } = vector;
  return {
    id: `values/${id}`,
    section: 'values.md',
    title: ok ? 'A value is read back as it was given' : 'A value that does not fit is refused',
    async run(t, { secrets }) {
      const { expected, declared } = expectationOf(vector);
      const typeText = JSON.stringify(type);
      const body = `{"path":["${secrets.place()}"],"secretType":${typeText},"secretValue":${jsonText}}`;
      // At the top level of a create, null is no value.
      const isNone = jsonText.trim() === 'null';
      const created = await secrets.create(t, body);
      t.expect(created, isNone ? secret({ revision: 0, value: null }) : expected(0), declared);
      const ownId = member(created.json, 'id');
      const made = typeof ownId === 'string' ? { id: ownId } : await secrets.made(t, { typeText, valueText: 'null' });
      const before = member(created.json, 'secretValue') ?? null;
      const set = `{"currentRevision":0,"secretValue":{"op":"set","value":${jsonText}}}`;
      const updated = t.expect(await secrets.update(t, made.id, set), expected(1), declared);
      if (updated.status === 200 && ok) t.expect(await secrets.get(t, made.id), expected(1), declared);
      if (updated.status !== 200) t.expect(await secrets.get(t, made.id), secret({ revision: 0, value: before }));
    },
  };
}

function expectationOf({ ok, outText, jsonText, upstream }: ValueVector): {
  expected: (revision: number) => Expected;
  declared: Declared | undefined;
} {
  const number = upstream?.includes('duplicate') ? 7 : 3;
  // What the original makes of it was not recorded, only that it differs.
  const declared = upstream === undefined ? undefined : { number, golem: anything() };
  if (ok) return { expected: (revision) => secret({ revision, value: parseStrict(outText) }), declared };
  // Duplicate keys are refused already where the body is read.
  const code = hasDuplicateKeys(jsonText) ? 'INVALID_REQUEST' : 'AGENT_SECRET_VALUE_TYPE_MISMATCH';
  return { expected: () => refusal(400, code), declared };
}

function hasDuplicateKeys(text: string): boolean {
  try {
    parseStrict(text);
    return false;
  } catch (error) {
    return (error as Error).message.endsWith('a key twice');
  }
}

function segmentCase({ input, canonical, reapplied }: SegmentVector, index: number): Case {
  return {
    id: `paths/segment-${index + 1}`,
    section: '7',
    title: canonical === '' ? 'A segment that is empty after conversion is refused' : 'A segment is converted once',
    async run(t, { secrets }) {
      const create = (segment: string) => {
        const first = secrets.place();
        const body = `{"path":${JSON.stringify([first, segment])},"secretType":{"type":"Bool"}}`;
        return secrets.create(t, body).then((answer) => ({ answer, first }));
      };
      const { answer, first } = await create(input);
      if (canonical === '') {
        t.expect(answer, refusal(400, 'INVALID_REQUEST'), { number: 6, golem: anything() });
        return;
      }
      t.expect(answer, secret({ path: [first, canonical] }));
      const again = await create(canonical);
      t.expect(again.answer, secret({ path: [again.first, reapplied ?? canonical] }));
    },
  };
}

function pathCase({ input, canonical, display, ok }: PathVector, index: number): Case {
  return {
    id: `paths/path-${index + 1}`,
    section: '7',
    title: ok ? 'A path is converted segment by segment, and named in full where it is taken' : 'A path is refused',
    async run(t, { secrets }) {
      const first = secrets.place();
      // What is refused goes out as it is; what is taken belongs into the kit's own place.
      const path = ok ? [first, ...input] : input;
      const body = `{"path":${JSON.stringify(path)},"secretType":{"type":"Bool"}}`;
      const created = await secrets.create(t, body);
      if (!ok) {
        t.expect(created, refusal(400, 'INVALID_REQUEST'), { number: 6, golem: anything() });
        return;
      }
      t.expect(created, secret({ path: [first, ...canonical] }));
      const message = `Agent secret for path ${first}.${display} already exists in environment`;
      t.expect(await secrets.create(t, body), refusal(409, 'AGENT_SECRET_ALREADY_EXISTS', message));
    },
  };
}
