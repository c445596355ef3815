// PgBouncer as Debian has it, with the configuration that the page about databases shows, in front of a test's Postgres.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { read } from '../../docs/pages.js';
import { freePort, until } from '../../server/process/client.js';
import { serverAccount, serverFolder } from './account.js';

export interface PgBouncer {
  /** The URL of the database through it. */
  url: string;
  stop(): Promise<void>;
}

/** Whether it is installed. */
export function hasPgBouncer(): boolean {
  try {
    execFileSync('pgbouncer', ['--version'], { env: withSbin(), stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function startPgBouncer(databaseUrl: string): Promise<PgBouncer> {
  const url = new URL(databaseUrl);
  const account = serverAccount();
  const folder = await serverFolder(account);
  const port = await freePort();
  const users = join(folder, 'userlist.txt');
  const place = `host=${url.hostname} port=${url.port} dbname=${url.pathname.slice(1)}`;
  const [, shown = ''] = /```ini\n([\s\S]*?)```/.exec(read('docs/databases.md')) ?? [];
  const configuration = shown
    .replace(/^secrets = .*/m, `secrets = ${place}`)
    .replace(/^listen_addr = .*/m, 'listen_addr = 127.0.0.1')
    .replace(/^listen_port = .*/m, `listen_port = ${port}`)
    .replace(/^auth_file = .*/m, `auth_file = ${users}`);
  await writeFile(join(folder, 'pgbouncer.ini'), `${configuration}\nunix_socket_dir =\n`);
  await writeFile(users, `"${url.username}" "${url.password}"\n`, { mode: 0o600 });
  if (account) await chown(users, account.uid, account.gid);
  const child = spawn('pgbouncer', ['-q', join(folder, 'pgbouncer.ini')], {
    cwd: folder,
    env: withSbin(),
    stdio: ['ignore', 'ignore', 'ignore'],
    ...account,
  });
  const ended = once(child, 'exit');
  async function stop(): Promise<void> {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await until('PgBouncer listens', async () => {
      const socket = connect(port, '127.0.0.1');
      const isOpen = once(socket, 'connect').then(
        () => true,
        () => false,
      );
      return isOpen.finally(() => socket.destroy());
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: Object.assign(url, { host: `127.0.0.1:${port}`, pathname: '/secrets' }).href, stop };
}

/** Debian keeps it where only root looks for programs. */
function withSbin(): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH}:/usr/sbin` };
}
