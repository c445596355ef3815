// As whom, and in which folder, a temporary Postgres may run: it refuses root, and its account must reach its files.
import { readFileSync } from 'node:fs';
import { chown, mkdtemp, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Account {
  uid: number;
  gid: number;
}

/** Undefined: run as ourselves. By name, because initdb refuses a bare number without an entry in /etc/passwd. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid >= 0);
  const account =
    accounts.find(({ name }) => name === 'postgres') ?? accounts.find(({ name }) => name === 'nobody') ?? accounts[0];
  if (account === undefined) throw new Error('Postgres refuses to run as root, and /etc/passwd names nobody else');
  return { uid: account.uid, gid: account.gid };
}

/** A new folder that belongs to the account and that it can reach. */
export async function serverFolder(account: Account | undefined): Promise<string> {
  const preferred = await realpath(tmpdir());
  // Root's TMPDIR may lie below a private folder.
  const root = account === undefined || (await everyoneMayEnter(preferred)) ? preferred : '/tmp';
  const folder = await mkdtemp(join(root, 'agent-secrets-postgres-'));
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

async function everyoneMayEnter(folder: string): Promise<boolean> {
  if (((await stat(folder)).mode & 0o001) === 0) return false;
  return dirname(folder) === folder || everyoneMayEnter(dirname(folder));
}
