// GraphiQL's scripts and styles. They are read from the npm package and compressed on first use; only the compressed
// bytes stay in memory.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const PACKAGE = '@graphql-yoga/render-graphiql';

/** The constants in the package's module, each a string literal on a line of its own, and the files they become. */
const CONSTANTS = {
  js: { name: 'graphiql', extension: 'js' },
  css: { name: 'graphiql', extension: 'css' },
  editorWorkerService: { name: 'editor.worker', extension: 'js' },
  jsonWorker: { name: 'json.worker', extension: 'js' },
  graphqlWorker: { name: 'graphql.worker', extension: 'js' },
} as const;

const CONTENT_TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const;

type AssetName = keyof typeof CONSTANTS;

export interface Asset {
  /** File name in the URL. It contains a hash of the content, so that browsers may cache the file forever. */
  file: string;
  hash: string;
  contentType: string;
  /**
   * Compresses on first use, in libuv's thread pool; later calls return the same bytes. Brotli would save a tenth of
   * the bytes, once per browser, but cost this process 40 MB: its encoders need that much, and the allocator never
   * returns it.
   */
  gzipped(): Promise<Uint8Array<ArrayBuffer>>;
  /** For the rare client that does not accept gzip. Decoded from the package for every call; nothing is cached. */
  plain(): ReadableStream<Uint8Array>;
}

export type Assets = Record<AssetName, Asset>;

/** Path of the module in the installed package that contains the constants. */
export function packagedConstants(): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), 'esm/graphiql.js');
}

/** Reads the module's file as data: importing it would keep its 9 MB of strings in memory for good. */
export async function readAssets(path: string): Promise<Assets> {
  const source = await readFile(path);
  const asset = (constant: AssetName) => toAsset(path, source, constant);
  return {
    js: asset('js'),
    css: asset('css'),
    editorWorkerService: asset('editorWorkerService'),
    jsonWorker: asset('jsonWorker'),
    graphqlWorker: asset('graphqlWorker'),
  };
}

function toAsset(path: string, source: Buffer, constant: AssetName): Asset {
  const { name, extension } = CONSTANTS[constant];
  const range = locate(path, source, constant);
  const hash = createHash('sha256').update(source.subarray(range.start, range.end)).digest('hex').slice(0, 16);
  let compressed: Promise<Uint8Array<ArrayBuffer>> | undefined;
  return {
    file: `${name}.${hash}.${extension}`,
    hash,
    contentType: CONTENT_TYPES[extension],
    gzipped() {
      compressed ??= gzip(path, range).catch((error: unknown) => {
        compressed = undefined;
        throw error;
      });
      return compressed;
    },
    plain: () => Readable.toWeb(Readable.from(encoded(path, range))) as ReadableStream<Uint8Array>,
  };
}

interface Range {
  start: number;
  end: number;
}

/** The bytes between the quotes. No literal contains an unescaped `= "` or a line break, so the ends are certain. */
function locate(path: string, source: Buffer, constant: AssetName): Range {
  const opening = `export const ${constant} = "`;
  const start = source.indexOf(opening) + opening.length;
  const newline = source.indexOf('\n', start);
  const end = (newline < 0 ? source.length : newline) - '";'.length;
  if (start < opening.length || source.toString('latin1', end, end + 2) !== '";') {
    throw new Error(
      `GraphiQL cannot be served: ${path} does not have the line \`${opening}…";\`. ` +
        `Install the version of ${PACKAGE} that package.json names.`,
    );
  }
  return { start, end };
}

/** Decodes the literal in chunks that are small enough not to block the event loop for other requests. */
async function* decoded(path: string, { start, end }: Range): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, { start, end: end - 1, encoding: 'utf8', highWaterMark: 1 << 18 })) {
    const text = rest + chunk;
    // No escape sequence contains a comma, so a cut after a comma never splits one.
    const cut = text.lastIndexOf(',') + 1;
    yield JSON.parse(`"${text.slice(0, cut)}"`);
    rest = text.slice(cut);
  }
  yield JSON.parse(`"${rest}"`);
}

async function* encoded(path: string, range: Range): AsyncGenerator<Buffer> {
  for await (const text of decoded(path, range)) if (text !== '') yield Buffer.from(text);
}

async function gzip(path: string, range: Range): Promise<Uint8Array<ArrayBuffer>> {
  const compressor = createGzip();
  const [result] = await Promise.all([buffer(compressor), pipeline(encoded(path, range), compressor)]);
  return new Uint8Array(result);
}
