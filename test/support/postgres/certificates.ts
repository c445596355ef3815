// Certificates for a test: an authority of its own, a server's certificate, and one for a user. Made by openssl.
import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { serverAccount } from './account.js';

const run = promisify(execFile);

export interface Certificates {
  folder: string;
  /** The authority that the server's and the user's certificates are from, and one that has nothing to do with them. */
  root: string;
  strangeRoot: string;
  userCertificate: string;
  userKey: string;
  remove(): Promise<void>;
}

/** `hostname` is the only name in the server's certificate. */
export async function makeCertificates(hostname: string, user: string): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-certificates-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  async function authority(name: string): Promise<void> {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, ...files);
  }
  async function signed(name: string, subject: string, extension: string): Promise<void> {
    await openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    await writeFile(at(`${name}.ext`), extension);
    const by = ['-CA', 'root.crt', '-CAkey', 'root.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...by);
  }
  await authority('root');
  await authority('stranger');
  await signed('server', hostname, `subjectAltName = DNS:${hostname}`);
  await signed('user', user, '');
  return {
    folder,
    root: at('root.crt'),
    strangeRoot: at('stranger.crt'),
    userCertificate: at('user.crt'),
    userKey: at('user.key'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Has a running server of ours speak TLS from now on, and trust users' certificates of the authority. */
export async function useCertificates(adminUrl: string, { folder }: Certificates): Promise<void> {
  const account = serverAccount();
  await chmod(folder, 0o755);
  for (const name of ['server.key', 'server.crt', 'root.crt']) {
    if (account) await chown(join(folder, name), account.uid, account.gid);
  }
  await chmod(join(folder, 'server.key'), 0o600);
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(`alter system set ssl_cert_file = '${join(folder, 'server.crt')}'`);
    await sql.unsafe(`alter system set ssl_key_file = '${join(folder, 'server.key')}'`);
    await sql.unsafe(`alter system set ssl_ca_file = '${join(folder, 'root.crt')}'`);
    await sql.unsafe('alter system set ssl = on');
    await sql`select pg_reload_conf()`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
