// Opens sockets for the driver: to the first host of an address that can be reached and is what the address asks for.
import { Duplex } from 'node:stream';
import postgres from 'postgres';
import type { Address } from './address.js';
import { ConnectionRefusal, dial } from './dial.js';
import type { Host } from './hosts.js';

export interface Sockets {
  /** What the driver calls for each connection. It never rejects: see `dead`. */
  open(): Promise<Duplex>;
  /** The password for the host of the last socket. */
  password(): Promise<string>;
  /** Ends attempts that are under way. */
  close(): void;
}

/** With one primary among the hosts, the last one found is tried first: the one before it may not answer for long. */
const lastPrimary = new WeakMap<Address, Host>();

export function socketsTo(address: Address, connectTimeoutSeconds: number): Sockets {
  const closing = new AbortController();
  let host = address.hosts[0] as Host;

  async function open(): Promise<Duplex> {
    const failures: { host: Host; error: unknown }[] = [];
    for (const attempt of attemptsOf(address)) {
      const signal = withTimeout(closing.signal, connectTimeoutSeconds);
      try {
        if (attempt.target !== 'any') await check(address, attempt.host, attempt.target, signal, connectTimeoutSeconds);
        const socket = await dial(address, attempt.host, signal);
        host = attempt.host;
        if (attempt.target === 'read-write' || attempt.target === 'primary') lastPrimary.set(address, host);
        return socket;
      } catch (error) {
        if (closing.signal.aborted) break;
        failures.push({ host: attempt.host, error });
      }
    }
    return dead(failureOf(failures));
  }

  return {
    open,
    password: () => address.password(host),
    close: () => closing.abort(new ConnectionRefusal('the connection is closed', 'CONNECT_CLOSED')),
  };
}

interface Attempt {
  host: Host;
  target: Exclude<Address['target'], 'prefer-standby'>;
}

function attemptsOf(address: Address): Attempt[] {
  const { target } = address;
  const last = target === 'read-write' || target === 'primary' ? lastPrimary.get(address) : undefined;
  const hosts = address.hosts.filter((host) => host !== last);
  if (address.isShuffled) {
    for (let index = hosts.length - 1; index > 0; index -= 1) {
      const other = Math.floor(Math.random() * (index + 1));
      [hosts[index], hosts[other]] = [hosts[other] as Host, hosts[index] as Host];
    }
  }
  if (last) hosts.unshift(last);
  const each = (wanted: Attempt['target']) => hosts.map((host) => ({ host, target: wanted }));
  return target === 'prefer-standby' ? [...each('standby'), ...each('any')] : each(target);
}

/**
 * Asks the server, over a connection of its own, whether it is what is wanted. The driver can do it as well, but takes a
 * standby for a server that can be written to.
 */
async function check(
  address: Address,
  host: Host,
  target: Exclude<Attempt['target'], 'any'>,
  signal: AbortSignal,
  connectTimeoutSeconds: number,
): Promise<void> {
  const client = postgres({
    ...identityOf(address, host),
    connect_timeout: connectTimeoutSeconds,
    pass: () => address.password(host),
    socket: () => dial(address, host, signal).catch(dead),
    onnotice: () => {},
    connection: address.startup,
  } as postgres.Options<never>);
  const end = () => client.end({ timeout: 0 }).catch(() => {});
  signal.addEventListener('abort', end);
  try {
    const [row] = await client.unsafe('select pg_is_in_recovery() as standby, current_setting($1) as read_only', [
      'transaction_read_only',
    ]);
    const isStandby = row?.standby === true;
    const isReadOnly = row?.read_only === 'on';
    const isWanted = {
      primary: !isStandby,
      standby: isStandby,
      'read-write': !isReadOnly,
      'read-only': isReadOnly,
    }[target];
    if (!isWanted) {
      const state = isStandby ? 'a standby' : isReadOnly ? 'read-only' : 'a primary that can be written to';
      throw new ConnectionRefusal(`it is ${state}`, 'CONNECT_TARGET');
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', end);
    await end();
  }
}

/** What the driver would otherwise take from variables, or guess. */
export function identityOf({ user, database, keepAliveSeconds }: Address, { name, port }: Host): object {
  return {
    ...{ host: [name], port: [port], user, database },
    ...{ ssl: false, sslnegotiation: null, max: 1, keep_alive: keepAliveSeconds, fetch_types: false, prepare: false },
  };
}

function withTimeout(signal: AbortSignal, seconds: number): AbortSignal {
  if (seconds === 0) return signal;
  const timeout = new AbortController();
  const error = new ConnectionRefusal(`no answer within ${seconds} s`, 'CONNECT_TIMEOUT');
  setTimeout(() => timeout.abort(error), seconds * 1_000).unref();
  return AbortSignal.any([signal, timeout.signal]);
}

/** The only error, or one that tells what each host has answered. */
function failureOf(failures: readonly { host: Host; error: unknown }[]): unknown {
  const [only] = failures;
  if (!only) return new ConnectionRefusal('the connection is closed', 'CONNECT_CLOSED');
  const places = new Map(failures.map(({ host, error }) => [host, error]));
  if (places.size === 1 && (only.error as ConnectionRefusal).code !== 'CONNECT_TARGET') return only.error;
  const list = [...places].map(([{ name, port, isSocket }, error]) => {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${isSocket ? name : `${name}:${port}`}: ${/^CONNECT_/.test(code ?? '') ? message : (code ?? 'failed')}`;
  });
  return new ConnectionRefusal(list.join('; '), 'CONNECT_NO_HOST');
}

/**
 * A socket that fails with this error as soon as something is written. The driver never uses a connection again whose
 * socket could not be opened; one that was opened and has failed, it does.
 */
function dead(error: unknown): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(error as Error) });
}
