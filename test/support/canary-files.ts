// Searches files for canaries: logs and the folders of both databases, in plain text and in the usual encodings.
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CANARY } from './canary.js';

const CHUNK = 8 * 1024 * 1024;
/** The overlap is longer than any canary, so that no canary is cut in two. */
const OVERLAP = 256;

/** Cheap to look for; whether it is a canary is then decided by the text around it. */
const HINTS = ['c4n4ry', '424242424242', '4.24242424242', 'kn4ry', 'true,false,false,true,false,true'].map((text) =>
  Buffer.from(text),
);

/** The same in hexadecimal (how Postgres prints bytes), in UTF-16 and in base64, wherever its three bytes begin. */
const HIDDEN = ['c4n4ry', '424242424242'].flatMap((text) => [
  Buffer.from(Buffer.from(text).toString('hex')),
  Buffer.from(text, 'utf16le'),
  ...['', 'x', 'xx'].map((before) => {
    const encoded = Buffer.from(before + text).toString('base64');
    // The first characters and the last belong in part to what stands around.
    return Buffer.from(encoded.slice(before === '' ? 0 : before.length + 1, -4));
  }),
]);

interface Search {
  /** The search looks for these instead of canaries. */
  texts?: readonly string[];
  /** The search covers only files that have been written since then. */
  since?: number;
}

/** Finds canaries in a folder or a file, and returns the path, the position, and the surrounding text. */
export async function leaksInFiles(path: string, { texts, since = 0 }: Search = {}): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR') return undefined;
      throw error;
    },
  );
  const files = entries?.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)) ?? [path];
  const look = texts ? occurrencesOf(texts) : leaksIn;
  const leaks: string[] = [];
  for (const file of files) {
    // A running server removes files from time to time.
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }));
    if (mtimeMs >= since) leaks.push(...(await leaksInFile(file, look)));
  }
  return leaks;
}

async function leaksInFile(path: string, look: (bytes: Buffer) => string[]): Promise<string[]> {
  const leaks: string[] = [];
  const file = await open(path).catch(() => undefined);
  if (!file) return leaks;
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(CHUNK, size) + OVERLAP);
    for (let position = 0; ; position += CHUNK) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      leaks.push(...look(buffer.subarray(0, bytesRead)).map((leak) => `${path} at ${position}: ${leak}`));
      if (bytesRead < buffer.length || leaks.length > 20) return leaks;
    }
  } finally {
    await file.close();
  }
}

/** Searches a text in the same way. */
export function leaksInText(text: string): string[] {
  return leaksIn(Buffer.from(text));
}

function leaksIn(bytes: Buffer): string[] {
  const leaks = HIDDEN.filter((hidden) => bytes.includes(hidden)).map((hidden) => `in disguise: ${hidden}`);
  for (const hint of HINTS) {
    for (let at = bytes.indexOf(hint); at !== -1; at = bytes.indexOf(hint, at + hint.length)) {
      const around = bytes.subarray(Math.max(0, at - 40), at + 100).toString('latin1');
      if (!CANARY.test(bytes.subarray(at, at + 100).toString('latin1'))) continue;
      leaks.push(around.replace(/[^\x20-\x7e]+/g, '·'));
      if (leaks.length > 5) return leaks;
    }
  }
  return leaks;
}

function occurrencesOf(texts: readonly string[]): (bytes: Buffer) => string[] {
  return (bytes) => texts.filter((text) => bytes.includes(text));
}
