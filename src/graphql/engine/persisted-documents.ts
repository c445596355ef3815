// Persisted (trusted) documents: operations that are known before they are asked for, named by an id instead of sent. As
// in GraphQL over HTTP's appendix (`documentId`) and by Apollo's clients (`extensions.persistedQuery.sha256Hash`).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue } from '../../json/exact.js';
import { decodeUtf8, parseJson } from '../../json/parse.js';
import { malformedRequestError } from './errors.js';

export interface PersistedDocuments {
  /** Texts by id; a hash stands without its prefix. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether these are the only documents that are run. */
  readonly only: boolean;
}

/** The manifest cannot be used: the service does not start. */
export class ManifestError extends Error {
  constructor(problems: readonly string[]) {
    const listed = problems.slice(0, MAX_PROBLEMS);
    if (problems.length > MAX_PROBLEMS) listed.push(`and ${problems.length - MAX_PROBLEMS} more problems`);
    super(`PERSISTED_DOCUMENTS: ${listed.join('; ')}`);
    this.name = 'ManifestError';
  }
}

const MAX_PROBLEMS = 10;
const HASH = /^(?:sha256:)?([0-9a-f]{64})$/;
/** Custom ids, and ids by a method of one's own; other prefixes are reserved. */
const OTHER_ID = /^(?:x-[\w.~-]+:)?[\w.~-]+$/;

/**
 * Reads `{"id": "document", …}`. An id that is a SHA-256 hash must be its document's.
 * @throws {ManifestError} with every problem; whether the documents fit the schema is for the pipeline to say.
 */
export function readManifest(file: string, only: boolean): PersistedDocuments {
  const texts = new Map<string, string>();
  const problems: string[] = [];
  for (const [id, text] of Object.entries(manifestIn(file))) {
    const hash = HASH.exec(id)?.[1];
    const key = hash ?? id;
    if (hash === undefined && !OTHER_ID.test(id)) problems.push(`${JSON.stringify(id)} is no document id`);
    else if (typeof text !== 'string') problems.push(`${id} is not the text of a document`);
    else if (hash !== undefined && sha256(text) !== hash)
      problems.push(`${id} is not the SHA-256 hash of its document`);
    else if (texts.has(key)) problems.push(`${key} is there twice`);
    else texts.set(key, text);
  }
  if (problems.length > 0) throw new ManifestError(problems);
  return { texts, only };
}

function manifestIn(file: string): JsonObject {
  let manifest: JsonValue;
  try {
    manifest = parseJson(decodeUtf8(readFileSync(file)));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ManifestError([`${file} is not valid JSON: ${error.message}`]);
    throw new ManifestError([`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
  if (!isJsonObject(manifest)) throw new ManifestError([`${file} is not a JSON object of documents by id`]);
  return manifest;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The document that a request asks for: its own, or the persisted one it names. Undefined where it has neither.
 * @throws {GraphQLError} INVALID_REQUEST for unknown ids, and for documents of the caller's own where there may be none.
 */
export function documentOf(params: JsonObject, documents: PersistedDocuments | undefined): JsonValue {
  const { query = null } = params;
  const id = documents && idIn(params);
  if (!documents || (id === undefined && !documents.only)) return query;
  if (id === undefined) {
    throw malformedRequestError('Only persisted documents are run here: send the id of one as "documentId".');
  }
  const text = documents.texts.get(HASH.exec(id)?.[1] ?? id);
  if (text === undefined) {
    // A hash sent along for the sake of others.
    if (query !== null && !documents.only) return query;
    throw malformedRequestError('There is no persisted document with this id.');
  }
  if (query !== null && query !== text) {
    throw malformedRequestError('"query" is not the document that the request names: send only one of them.');
  }
  return text;
}

function idIn({ documentId = null, extensions = null }: JsonObject): string | undefined {
  if (documentId !== null) return textOf('documentId', documentId);
  const persisted = isJsonObject(extensions) ? (extensions.persistedQuery ?? null) : null;
  if (persisted === null) return undefined;
  return textOf('extensions.persistedQuery.sha256Hash', isJsonObject(persisted) ? persisted.sha256Hash : null);
}

function textOf(name: string, value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  throw malformedRequestError(`"${name}" is not a string.`);
}
