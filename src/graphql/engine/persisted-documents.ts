// Persisted (trusted) documents: operations that the service knows in advance, so that a client sends only an id:
// either `documentId`, as in the appendix of GraphQL over HTTP, or Apollo's `extensions.persistedQuery.sha256Hash`.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GraphQLError } from 'graphql';
import type { ErrorCode } from '../../errors/errors.js';
import { isJsonObject, type JsonObject, JsonSyntaxError, type JsonValue } from '../../json/exact.js';
import { decodeUtf8, parseJson } from '../../json/parse.js';
import { malformedRequestError } from './errors.js';

export interface PersistedDocuments {
  /** Document texts by id. An id that is a hash has no `sha256:` prefix here. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether all other documents are refused. */
  readonly only: boolean;
}

/** The manifest of persisted documents is unusable, so the service does not start. */
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
/** Custom ids, without a prefix or with one that begins with `x-`. The specification reserves all other prefixes. */
const CUSTOM_ID = /^(?:x-[\w.~-]+:)?[\w.~-]+$/;

/**
 * Reads a manifest of the form `{"id": "document", …}`. An id that is a SHA-256 hash must be the hash of its document.
 * @throws {ManifestError} that lists the problems. The pipeline checks later whether the documents fit the schema.
 */
export function readManifest(file: string, only: boolean): PersistedDocuments {
  const texts = new Map<string, string>();
  const problems: string[] = [];
  for (const [id, text] of Object.entries(manifestIn(file))) {
    const hash = HASH.exec(id)?.[1];
    const key = hash ?? id;
    if (hash === undefined && !CUSTOM_ID.test(id)) problems.push(`${JSON.stringify(id)} is no document id`);
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
 * The text of the request's document: the one it contains, or the persisted one it names. Null if it has neither. A
 * `query` that is not a string is returned unchanged; the request parser refuses it.
 * @throws {GraphQLError} INVALID_REQUEST for an unknown or malformed id, for two different documents, for a document
 * beside the hash of another, and for a missing id if only persisted documents may run. To a client of Apollo's, which
 * sends only a hash first: PERSISTED_QUERY_NOT_FOUND, and without any manifest PERSISTED_QUERY_NOT_SUPPORTED.
 */
export function documentOf(params: JsonObject, documents: PersistedDocuments | undefined): JsonValue {
  const { query = null, documentId = null } = params;
  const hash = apolloHashIn(params);
  if (!documents) {
    if (hash !== undefined && query === null) throw apolloError('Supported');
    return withHash(query, hash);
  }
  const id = documentId === null ? hash : textOf('documentId', documentId);
  if (id === undefined && !documents.only) return query;
  if (id === undefined) {
    throw malformedRequestError('Only persisted documents are run here: send the id of one as "documentId".');
  }
  const text = documents.texts.get(HASH.exec(id)?.[1] ?? id);
  if (text === undefined) {
    // Clients may send a hash in addition to the document, for servers that know it.
    if (query !== null && !documents.only) return withHash(query, hash);
    if (query === null && documentId === null) throw apolloError('Found');
    throw malformedRequestError('There is no persisted document with this id.');
  }
  if (query !== null && query !== text) {
    throw malformedRequestError('"query" is not the document that the request names: send only one of them.');
  }
  return text;
}

/** The document, if the hash that a client of Apollo's sends along is its own. */
function withHash(query: JsonValue, hash: string | undefined): JsonValue {
  if (hash === undefined || typeof query !== 'string' || sha256(query) === hash) return query;
  throw malformedRequestError('"extensions.persistedQuery.sha256Hash" is not the hash of "query".');
}

/**
 * The words by which Apollo's clients know that they have to send the document. They are no failure to them, so the
 * status is 200, as Apollo's server has it.
 */
function apolloError(what: 'Found' | 'Supported'): GraphQLError {
  const code = `PERSISTED_QUERY_NOT_${what === 'Found' ? 'FOUND' : 'SUPPORTED'}` satisfies ErrorCode;
  return new GraphQLError(`PersistedQueryNot${what}`, { extensions: { code, http: { status: 200 } } });
}

function apolloHashIn({ extensions = null }: JsonObject): string | undefined {
  const persisted = isJsonObject(extensions) ? (extensions.persistedQuery ?? null) : null;
  if (persisted === null) return undefined;
  return textOf('extensions.persistedQuery.sha256Hash', isJsonObject(persisted) ? persisted.sha256Hash : null);
}

function textOf(name: string, value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  throw malformedRequestError(`"${name}" is not a string.`);
}
