// TLS to a Postgres, with the meaning that libpq gives to its parameters.
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, createSecureContext, type SecureVersion } from 'node:tls';
import { oneOf } from './choices.js';
import type { Host } from './hosts.js';
import { AddressProblem } from './parameters.js';

const MODES = ['prefer', 'disable', 'allow', 'require', 'verify-ca', 'verify-full'] as const;
const VERSIONS = ['TLSv1.2', 'TLSv1', 'TLSv1.1', 'TLSv1.3'] as const;

export interface Tls {
  /** Whether it is used at all; `try` goes on without it where it does not work. */
  readonly use: 'never' | 'try' | 'always';
  /** Whether TLS begins at once, without being asked for in the protocol of Postgres. */
  readonly isDirect: boolean;
  /** For `tls.connect`. Certificates and keys are read anew each time, because they are replaced before they expire. */
  options(host: Host): ConnectionOptions;
}

export function tlsOf(given: ReadonlyMap<string, string>, hosts: readonly Host[]): Tls {
  const isSystem = given.get('sslrootcert') === 'system';
  const mode = isSystem && !given.get('sslmode') ? 'verify-full' : oneOf(given, 'sslmode', MODES);
  if (isSystem && mode !== 'verify-full') throw new AddressProblem('sslrootcert=system: expected sslmode=verify-full');
  const isDirect = oneOf(given, 'sslnegotiation', ['postgres', 'direct']) === 'direct';
  const use = mode === 'disable' ? 'never' : mode === 'prefer' || mode === 'allow' ? 'try' : 'always';
  if (isDirect && use !== 'always') throw new AddressProblem('sslnegotiation=direct: expected sslmode=require or more');
  const files = {
    sslrootcert: isSystem ? undefined : fileOf(given, 'sslrootcert', 'root.crt'),
    sslcert: fileOf(given, 'sslcert', 'postgresql.crt'),
    sslkey: fileOf(given, 'sslkey', 'postgresql.key'),
  };
  const verifiesName = mode === 'verify-full';
  if (verifiesName && hosts.some(({ name, isSocket }) => !isSocket && name === '')) {
    throw new AddressProblem('sslmode=verify-full: expected host beside hostaddr');
  }
  const passphrase = given.get('sslpassword');
  const sendsName = oneOf(given, 'sslsni', ['1', '0']) === '1';
  const shared = {
    minVersion: oneOf(given, 'ssl_min_protocol_version', VERSIONS) as SecureVersion,
    ...(given.get('ssl_max_protocol_version') && {
      maxVersion: oneOf(given, 'ssl_max_protocol_version', VERSIONS) as SecureVersion,
    }),
    ...(passphrase && { passphrase }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
    // As libpq: whoever has a root certificate wants it to be checked, whatever the mode.
    rejectUnauthorized: mode.startsWith('verify') || files.sslrootcert !== undefined,
    ...(!verifiesName && { checkServerIdentity: () => undefined }),
  };
  const tls: Tls = {
    use,
    isDirect,
    options({ name, address }) {
      const host = name || address;
      return {
        ...shared,
        ca: contentOf('sslrootcert', files.sslrootcert),
        cert: contentOf('sslcert', files.sslcert),
        key: contentOf('sslkey', files.sslkey),
        host,
        ...(sendsName && isIP(host) === 0 && { servername: host }),
      };
    },
  };
  if (use !== 'never') checkFiles(tls, hosts[0] as Host);
  return tls;
}

/** The named file, or that of psql where there is one. */
function fileOf(given: ReadonlyMap<string, string>, name: string, standard: string): string | undefined {
  const file = join(homedir(), '.postgresql', standard);
  return given.get(name) || (existsSync(file) ? file : undefined);
}

function contentOf(name: string, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new AddressProblem(`${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function checkFiles(tls: Tls, host: Host): void {
  try {
    const options = tls.options(host);
    createSecureContext(options);
    // Nonsense would be taken, and then no certificate be trusted.
    if (options.ca !== undefined) new X509Certificate(options.ca as Buffer);
  } catch (error) {
    if (error instanceof AddressProblem) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new AddressProblem(`sslrootcert, sslcert, sslkey or sslpassword: they do not fit or are no PEM (${code})`);
  }
}
