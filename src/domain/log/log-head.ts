// The file format for exported log heads. The file is kept away from the database, so that the database can be checked
// against it.
import { isJsonObject, JsonNumber, type JsonValue } from '../../json/exact.js';
import { parseJson } from '../../json/parse.js';
import { printJson } from '../../json/print.js';

/** The state of an environment's log at one revision. The hash commits to every row up to this revision. */
export interface LogHead {
  environmentId: string;
  revision: bigint;
  hash: Uint8Array;
  /** Absent in files from before facts were exported. */
  facts?: FactsHead | undefined;
}

/** What is known about the environment beside its log: how often it was changed, and a hash of what it is. */
export interface FactsHead {
  version: number;
  digest: Uint8Array;
  isSealed: boolean;
}

const VERSION = 1;
const HASH = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The text of a file with one head per line. */
export function printLogHeads(heads: readonly LogHead[], exportedAt: Date): string {
  const lines = heads.map(({ hash, environmentId, revision, facts }) =>
    printJson({ environmentId, revision, hash: hex(hash), ...(facts && { facts: printable(facts) }) }),
  );
  return `{"version":${VERSION},"exportedAt":"${exportedAt.toISOString()}","heads":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

function printable({ version, digest, isSealed }: FactsHead) {
  return { version, digest: hex(digest), isSealed };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The heads in the file, by environment id. Throws an Error that says what is wrong with the text. */
export function parseLogHeads(text: string): Map<string, LogHead> {
  const document = parseJson(text);
  if (!isJsonObject(document)) throw new Error('expected an object');
  const { version, heads } = document;
  if (!(version instanceof JsonNumber) || version.text !== String(VERSION)) {
    throw new Error(`expected "version": ${VERSION}`);
  }
  if (!Array.isArray(heads)) throw new Error('expected a list of "heads"');
  const parsed = heads.map(parseHead);
  const byEnvironment = new Map(parsed.map((head) => [head.environmentId, head]));
  if (byEnvironment.size < parsed.length) throw new Error('expected one head for each environment');
  return byEnvironment;
}

function parseHead(head: JsonValue, index: number): LogHead {
  const { environmentId, revision, hash, facts } = isJsonObject(head) ? head : {};
  if (
    typeof environmentId !== 'string' ||
    !UUID.test(environmentId) ||
    !(revision instanceof JsonNumber) ||
    !/^\d{1,19}$/.test(revision.text) ||
    typeof hash !== 'string' ||
    !HASH.test(hash)
  ) {
    throw new Error(`heads[${index}]: expected an environmentId, a revision and a hash in hexadecimal`);
  }
  const place = { environmentId, revision: BigInt(revision.text), hash: Buffer.from(hash, 'hex') };
  return facts === undefined ? place : { ...place, facts: parseFacts(facts, index) };
}

function parseFacts(facts: JsonValue, index: number): FactsHead {
  const { version, digest, isSealed } = isJsonObject(facts) ? facts : {};
  if (
    !(version instanceof JsonNumber) ||
    !/^\d{1,9}$/.test(version.text) ||
    typeof digest !== 'string' ||
    !HASH.test(digest) ||
    typeof isSealed !== 'boolean'
  ) {
    throw new Error(`heads[${index}].facts: expected a version, a digest in hexadecimal and whether it is sealed`);
  }
  return { version: Number(version.text), digest: Buffer.from(digest, 'hex'), isSealed };
}
