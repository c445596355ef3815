// Password files as libpq reads them (~/.pgpass): lines of host:port:database:user:password, with * for any.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface PasswordFor {
  host: string;
  port: number;
  database: string;
  user: string;
}

export const defaultPasswordFile = (): string => join(homedir(), '.pgpass');

/** The password of the first line that fits; undefined without one, or without a readable file. */
export async function findPassword(file: string, wanted: PasswordFor): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const fields = [wanted.host, String(wanted.port), wanted.database, wanted.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const parts = line
      .match(/(?:^|:)(?:[^\\:]|\\.)*/gs)
      ?.map((part) => part.replace(/^:/, '').replace(/\\(.)/gs, '$1'));
    if (parts && parts.length >= 5 && fields.every((field, index) => parts[index] === '*' || parts[index] === field)) {
      return parts[4];
    }
  }
  return undefined;
}
