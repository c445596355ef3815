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
}

const VERSION = 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The text of a file with one head per line. */
export function printLogHeads(heads: readonly LogHead[], exportedAt: Date): string {
  const lines = heads.map(({ hash, environmentId, revision }) =>
    printJson({ environmentId, revision, hash: Buffer.from(hash).toString('hex') }),
  );
  return `{"version":${VERSION},"exportedAt":"${exportedAt.toISOString()}","heads":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
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
  const { environmentId, revision, hash } = isJsonObject(head) ? head : {};
  if (
    typeof environmentId !== 'string' ||
    !UUID.test(environmentId) ||
    !(revision instanceof JsonNumber) ||
    !/^\d{1,19}$/.test(revision.text) ||
    typeof hash !== 'string' ||
    !/^[0-9a-f]{64}$/.test(hash)
  ) {
    throw new Error(`heads[${index}]: expected an environmentId, a revision and a hash in hexadecimal`);
  }
  return { environmentId, revision: BigInt(revision.text), hash: Buffer.from(hash, 'hex') };
}
