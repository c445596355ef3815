// The hosts of an address: names with a port, or folders with a Unix socket; several, separated by commas.
import { existsSync } from 'node:fs';
import { AddressProblem } from './parameters.js';

export interface Host {
  /** As the address has it: what a certificate has to say, and what a password file names. */
  readonly name: string;
  /** What is connected to: a name, an IP address, or the path of a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly isSocket: boolean;
  /** The address names no host. */
  readonly isDefault: boolean;
}

export function hostsOf(given: ReadonlyMap<string, string>): readonly Host[] {
  const names = listOf(given, 'host');
  const addresses = listOf(given, 'hostaddr');
  const ports = listOf(given, 'port').map(portOf);
  const count = Math.max(names.length, addresses.length, 1);
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length) {
    throw new AddressProblem('hostaddr: expected as many as there are hosts');
  }
  if (ports.length > 1 && ports.length !== count) throw new AddressProblem('port: expected one, or one for each host');
  return Array.from({ length: count }, (_, index) => {
    const port = (ports.length > 1 ? ports[index] : ports[0]) ?? 5432;
    return hostOf(names[index] ?? '', addresses[index] ?? '', port);
  });
}

function hostOf(name: string, address: string, port: number): Host {
  if (address) return { name, address, port, isSocket: false, isDefault: false };
  const isDefault = name === '';
  const place = name || defaultFolder();
  if (place.startsWith('@')) throw new AddressProblem('host: abstract Unix sockets are not supported');
  const isSocket = place.startsWith('/');
  return { name: place, address: isSocket ? `${place}/.s.PGSQL.${port}` : place, port, isSocket, isDefault };
}

/** Debian's folder, or that of Postgres itself. */
function defaultFolder(): string {
  const debian = '/var/run/postgresql';
  return existsSync(debian) ? debian : '/tmp';
}

const listOf = (given: ReadonlyMap<string, string>, name: string): string[] => {
  const text = given.get(name);
  return text ? text.split(',').map((part) => part.trim()) : [];
};

function portOf(text: string): number {
  const port = text === '' ? 5432 : /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new AddressProblem('port: expected a number from 1 to 65535');
  return port;
}
