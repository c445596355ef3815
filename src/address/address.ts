// Where a Postgres is, and how to reach it: made of one text and the variables that psql reads, with what psql would do.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { oneOf, secondsOf } from './choices.js';
import { type Host, hostsOf } from './hosts.js';
import { withVariables } from './names.js';
import { AddressProblem, parametersOf } from './parameters.js';
import { defaultPasswordFile, findPassword } from './password-file.js';
import { type Tls, tlsOf } from './tls.js';

const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type Target = (typeof TARGETS)[number];

export interface Address {
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly database: string;
  /** Looked for anew at each connection, where it is in a file: it may have been changed. Empty: none. */
  password(host: Host): Promise<string>;
  readonly tls: Tls;
  readonly target: Target;
  /** Whether the hosts are tried in an order of chance. */
  readonly isShuffled: boolean;
  /** For each host; undefined: the service's own limit, 0: none. */
  readonly connectTimeoutSeconds: number | undefined;
  /** After so much silence the system asks whether the other side is still there; 0: never. */
  readonly keepAliveSeconds: number;
  /** What is sent when a session starts. */
  readonly startup: Readonly<Record<string, string>>;
}

/** Throws an AddressProblem, which names what is wrong without quoting it. */
export function addressOf(text: string, env: NodeJS.ProcessEnv = {}): Address {
  const given = withVariables(parametersOf(text), env);
  const hosts = hostsOf(given);
  const user = given.get('user') || userInfo().username;
  const database = given.get('dbname') || user;
  oneOf(given, 'channel_binding', ['disable', 'prefer']);
  oneOf(given, 'gssencmode', ['disable', 'prefer']);
  if (!/^(utf-?8|unicode|auto)$/i.test(given.get('client_encoding') ?? 'auto')) {
    throw new AddressProblem('client_encoding: the service speaks UTF8 only');
  }
  const keepAlive = oneOf(given, 'keepalives', ['1', '0']) === '0' ? 0 : (secondsOf(given, 'keepalives_idle') ?? 60);
  const application =
    given.get('application_name') || given.get('fallback_application_name') || 'agent-secrets-gateway';
  const options = given.get('options');
  return Object.freeze({
    hosts,
    user,
    database,
    password: passwords(given, { user, database }),
    tls: tlsOf(given, hosts),
    target: oneOf(given, 'target_session_attrs', TARGETS),
    isShuffled: oneOf(given, 'load_balance_hosts', ['disable', 'random']) === 'random',
    connectTimeoutSeconds: secondsOf(given, 'connect_timeout'),
    keepAliveSeconds: keepAlive,
    startup: { application_name: application, ...(options && { options }) },
  });
}

function passwords(
  given: ReadonlyMap<string, string>,
  wanted: { user: string; database: string },
): Address['password'] {
  const password = given.get('password');
  if (password !== undefined) return async () => password;
  const named = given.get('passfile');
  if (named !== undefined) checkPasswordFile(named);
  const file = named ?? defaultPasswordFile();
  return async ({ name, address, port, isSocket, isDefault }) => {
    if (named === undefined && !(existsSync(file) && isPrivate(file))) return '';
    const host = isSocket && isDefault ? 'localhost' : name || address;
    return (await findPassword(file, { host, port, ...wanted })) ?? '';
  };
}

function checkPasswordFile(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new AddressProblem(`passfile: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (!isPrivate(file)) throw new AddressProblem(`passfile: others may read ${file}; make it 0600`);
}

const isPrivate = (file: string): boolean => (statSync(file).mode & 0o077) === 0;
